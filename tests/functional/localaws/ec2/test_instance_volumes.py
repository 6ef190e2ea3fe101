"""The volumes of instances: the image's and others, their tags, and which of them are left."""

from typing import Any

import boto3
from moto import mock_aws

from tests.functional.localaws.ec2.test_launches_refused import KEYS, find_image


def describe(boxes: Any, instance_id: str) -> dict[str, dict[str, Any]]:
    """Return the volumes of an instance, by their devices."""
    filters = [{"Name": "attachment.instance-id", "Values": [instance_id]}]
    found = boxes.ec2.describe_volumes(Filters=filters)["Volumes"]
    return {volume["Attachments"][0]["Device"]: volume for volume in found}


def test_volumes_are_the_images_and_those_of_the_request(boxes: Any) -> None:
    (image,) = boxes.ec2.describe_images(ImageIds=[boxes.image])["Images"]
    root, size = image["RootDeviceName"], image["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"]
    mappings = [
        {"DeviceName": root, "Ebs": {"Encrypted": True}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 20, "VolumeType": "gp2"}},
        {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 5, "DeleteOnTermination": True}},
        {"DeviceName": "/dev/sdh", "NoDevice": ""},
    ]
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "project", "Value": "musher"}]}]
    instance_id = boxes.run(BlockDeviceMappings=mappings, TagSpecifications=tags)
    found = describe(boxes, instance_id)
    facts = {device: (each["Size"], each["Encrypted"], each["VolumeType"]) for device, each in found.items()}
    assert facts == {
        root: (size, True, "gp3"),
        "/dev/sdf": (20, False, "gp2"),
        "/dev/sdg": (5, False, "gp2"),
    }
    assert all(each["Tags"] == [{"Key": "project", "Value": "musher"}] for each in found.values())
    assert found[root]["KmsKeyId"]
    boxes.end(instance_id)
    left = [each["VolumeId"] for each in boxes.ec2.describe_volumes()["Volumes"]]
    kept = {device: each["VolumeId"] in left for device, each in found.items()}
    assert kept == {root: False, "/dev/sdf": True, "/dev/sdg": False}
    boxes.ec2.delete_volume(VolumeId=found["/dev/sdf"]["VolumeId"])


def test_an_instance_has_its_root_volume_whatever_a_template_adds(boxes: Any) -> None:
    data = {
        "ImageId": boxes.image,
        "BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 3}}],
        "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}],
    }
    boxes.ec2.create_launch_template(LaunchTemplateName=boxes.name, LaunchTemplateData=data)
    answer = boxes.ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": boxes.name}, MinCount=1, MaxCount=1
    )
    instance_id = answer["Instances"][0]["InstanceId"]
    found = describe(boxes, instance_id)
    assert sorted(found) == ["/dev/sdf", "/dev/xvda"]
    assert all(each["Tags"] == [{"Key": "a", "Value": "b"}] for each in found.values())
    boxes.end(instance_id)


def test_a_terminated_instance_is_shown_for_an_hour(boxes: Any) -> None:
    instance_id = boxes.run()
    boxes.end(instance_id)
    assert boxes.describe(instance_id)["State"]["Name"] == "terminated"


def test_moto_makes_no_root_volume_beside_another_and_none_that_ends_with_the_instance() -> None:
    with mock_aws():
        ec2 = boto3.client("ec2", **KEYS)
        image = find_image(ec2)
        assert image["BlockDeviceMappings"][0]["Ebs"]["DeleteOnTermination"] is False
        other = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 3}}
        request = {"ImageId": image["ImageId"], "MinCount": 1, "MaxCount": 1}
        ec2.run_instances(**request, BlockDeviceMappings=[other])
        volumes = ec2.describe_volumes()["Volumes"]
        assert [volume["Attachments"][0]["Device"] for volume in volumes] == ["/dev/sdf"]
