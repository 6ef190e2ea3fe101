"""Launches that cannot be are refused as AWS words it, before anything runs; so is what AWS has none of."""

import base64
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from localaws.faults.client import FaultClient
from tests.functional.localaws.ec2.conftest import IMAGE_PARAMETER, Instances

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
NOTHING = "0123456789abcdef0"
REQUEST = {"MinCount": 1, "MaxCount": 1}


def refuse(boxes: Instances, **change: Any) -> tuple[str, str, int]:
    """Return code, message and status of a launch that is refused."""
    with pytest.raises(ClientError) as caught:
        boxes.ec2.run_instances(**boxes.request(**change))
    error, meta = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    return error["Code"], error["Message"], meta["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"ImageId": f"ami-{NOTHING}"}, "InvalidAMIID.NotFound", f"'[ami-{NOTHING}]' does not exist"),
        ({"ImageId": "windows"}, "InvalidAMIID.Malformed", 'Invalid id: "windows" (expecting "ami-...")'),
        ({"KeyName": "nobody's"}, "InvalidKeyPair.NotFound", "The key pair 'nobody's' does not exist"),
        ({"SubnetId": f"subnet-{NOTHING}"}, "InvalidSubnetID.NotFound", f"'subnet-{NOTHING}' does not exist"),
        ({"SubnetId": "here"}, "InvalidSubnetID.Malformed", "subnet-"),
        ({"SecurityGroupIds": [f"sg-{NOTHING}"]}, "InvalidGroup.NotFound", f"sg-{NOTHING}"),
        ({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue", "Invalid IAM Instance Profile"),
        ({"UserData": "x" * 16_385}, "InvalidParameterValue", "User data is limited to 16384 bytes"),
        ({"UserData": "x" * 20_000}, "InvalidParameterValue", "limited to 25600 bytes"),
        ({"InstanceType": "m5.none"}, "InvalidParameterValue", "m5.none"),
        ({"InstanceType": "m5.24xlarge", "MaxCount": 3}, "VcpuLimitExceeded", "current vCPU limit of 256"),
        (
            {"InstanceType": "m5.24xlarge", "MaxCount": 3, "InstanceMarketOptions": {"MarketType": "spot"}},
            "MaxSpotInstanceCountExceeded",
            "Max spot instance count exceeded",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeType": "gp2"}}]},
            "MissingParameter",
            "size",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 70_000}}]},
            "InvalidParameterValue",
            "70000",
        ),
    ],
)
def test_a_launch_that_cannot_be_is_refused(boxes: Any, change: Any, code: str, words: str) -> None:
    found = refuse(boxes, **change)
    assert found[0] == code
    assert words in found[1]
    assert found[2] == 400


def test_a_volume_must_hold_its_snapshot(boxes: Any) -> None:
    (image,) = boxes.ec2.describe_images(ImageIds=[boxes.image])["Images"]
    (disk,) = image["BlockDeviceMappings"]
    small = {"DeviceName": image["RootDeviceName"], "Ebs": {"VolumeSize": disk["Ebs"]["VolumeSize"] - 1}}
    code, message, _ = refuse(boxes, BlockDeviceMappings=[small])
    assert code == "InvalidBlockDeviceMapping"
    assert message == (
        f"Volume of size {disk['Ebs']['VolumeSize'] - 1}GB is smaller than snapshot "
        f"'{disk['Ebs']['SnapshotId']}', expect size >= {disk['Ebs']['VolumeSize']}GB"
    )


def test_a_parameter_of_an_image_that_there_is_not_is_not_found(boxes: Any) -> None:
    ssm = boxes.aws.client("ssm")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="/aws/service/deeplearning/ami/x86_64/no-such-kind/latest/ami-id")


def test_a_refused_launch_leaves_nothing(boxes: Any) -> None:
    before = boxes.ec2.describe_instances()["Reservations"]
    refuse(boxes, SecurityGroupIds=[f"sg-{NOTHING}"])
    assert boxes.ec2.describe_instances()["Reservations"] == before


def test_a_rule_lets_aws_have_no_capacity(boxes: Any) -> None:
    faults = FaultClient(boxes.aws.url)
    with faults.injected({"kind": "no_capacity", "instance_type": "m5.*", "zone": "us-east-1a"}):
        assert boxes.run(InstanceType="t3.micro")
        code, message, status = refuse(boxes)
        assert (code, status) == ("InsufficientInstanceCapacity", 500)
        assert "m5.xlarge capacity in the Availability Zone you requested (us-east-1a)" in message
        instance_id = boxes.run()
        assert [event["kind"] for event in faults.fired()][-1] == "no_capacity"
    boxes.end(instance_id)


def test_a_rule_lets_an_instance_never_boot(boxes: Any) -> None:
    faults = FaultClient(boxes.aws.url)
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": f"{boxes.name}-dead"}]}]
    with faults.injected({"kind": "boot_failure", "instance": f"{boxes.name}-dead"}):
        instance_id = boxes.run("#!/bin/sh\necho alive\n", TagSpecifications=tags)
        boxes.wait(instance_id, "running")
        boxes.wait_for_line(instance_id, "a fault rule lets the instance not boot")
    (status,) = boxes.ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"]
    assert status["InstanceStatus"]["Status"] == "impaired"
    assert "alive" not in boxes.console(instance_id)
    boxes.ec2.reboot_instances(InstanceIds=[instance_id])
    boxes.wait_for_line(instance_id, "alive")
    boxes.end(instance_id)


def test_quotas_are_told_and_raised_by_service_quotas(start_server: Any) -> None:
    server = start_server("--speed", "30")
    quotas, boxes = server.client("service-quotas"), Instances(server)
    asked = {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"}
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 256
    names = [each["QuotaName"] for each in quotas.list_service_quotas(ServiceCode="ec2")["Quotas"]]
    assert "Running On-Demand G and VT instances" in names
    defaults = quotas.list_aws_default_service_quotas(ServiceCode="ec2")["Quotas"]
    assert {each["QuotaCode"]: each["Value"] for each in defaults}["L-1216C47A"] == 5
    large = {"InstanceType": "m5.24xlarge", "MaxCount": 3, "MinCount": 3}
    assert refuse(boxes, **large)[0] == "VcpuLimitExceeded"
    with pytest.raises(ClientError, match="must be more than the current value 256"):
        quotas.request_service_quota_increase(**asked, DesiredValue=10)
    answer = quotas.request_service_quota_increase(**asked, DesiredValue=288)
    assert answer["RequestedQuota"]["Status"] == "APPROVED"
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 288
    made = boxes.ec2.run_instances(**boxes.request(**large))["Instances"]
    assert refuse(boxes)[0] == "VcpuLimitExceeded"
    boxes.end(*(each["InstanceId"] for each in made))
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-00000000")


def find_image(ec2: Any) -> Any:
    """Return an image that moto has; one by its name is found much faster than all."""
    name = boto3.client("ssm", **KEYS).get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]
    return ec2.describe_images(ImageIds=[name])["Images"][0]


def test_moto_makes_small_volumes_and_has_no_quotas_of_vcpus() -> None:
    with mock_aws():
        ec2, quotas = boto3.client("ec2", **KEYS), boto3.client("service-quotas", **KEYS)
        image = find_image(ec2)
        small = {"DeviceName": image["RootDeviceName"], "Ebs": {"VolumeSize": 1}}
        request = {"ImageId": image["ImageId"], "InstanceType": "m5.24xlarge", "MinCount": 9, "MaxCount": 9}
        assert ec2.run_instances(**request, BlockDeviceMappings=[small])["Instances"]
        with pytest.raises(quotas.exceptions.NoSuchResourceException):
            quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")


def test_moto_asks_for_a_size_that_the_image_has() -> None:
    with mock_aws():
        ec2 = boto3.client("ec2", **KEYS)
        image = find_image(ec2)
        disk = {"DeviceName": image["RootDeviceName"], "Ebs": {"Encrypted": True}}
        with pytest.raises(ClientError, match="size or snapshotId"):
            ec2.run_instances(ImageId=image["ImageId"], **REQUEST, BlockDeviceMappings=[disk])


def test_user_data_are_counted_in_bytes_before_they_are_encoded(boxes: Any) -> None:
    instance_id = boxes.run("#" * 16_384)
    found = boxes.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    assert len(base64.b64decode(found["UserData"]["Value"])) == 16_384
    boxes.end(instance_id)
