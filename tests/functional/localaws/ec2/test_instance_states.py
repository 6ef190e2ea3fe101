"""Stop, start, reboot and terminate; status checks; requests that are refused, or repeated."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sagemaker_jobs import wait_until

COUNTS_BOOTS = """#!/bin/sh
echo once >> /opt/boots
echo booted `wc -l < /opt/boots`
"""


def refusal_of(call: Any, **arguments: Any) -> tuple[str, str]:
    """Return code and message of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def check_of(boxes: Any, instance_id: str) -> dict[str, Any]:
    """Return what the status checks say of an instance."""
    answer = boxes.ec2.describe_instance_status(InstanceIds=[instance_id], IncludeAllInstances=True)
    return dict(answer["InstanceStatuses"][0])


def test_an_instance_stops_keeps_its_disk_and_starts_without_its_user_data(boxes: Any) -> None:
    instance_id = boxes.run(COUNTS_BOOTS)
    boxes.wait_for_line(instance_id, "booted 1")
    refused = refusal_of(boxes.ec2.stop_instances, InstanceIds=[instance_id], Hibernate=True)
    assert refused == (
        "UnsupportedHibernationConfiguration",
        f"The instance '{instance_id}' is not configured for hibernation",
    )
    answer = boxes.ec2.stop_instances(InstanceIds=[instance_id])["StoppingInstances"][0]
    assert answer["PreviousState"]["Name"] == "running"
    stopped = boxes.wait(instance_id, "stopped")
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert stopped["StateTransitionReason"].startswith("User initiated (")
    assert check_of(boxes, instance_id)["InstanceStatus"]["Status"] == "not-applicable"
    assert not [child for child in boxes.aws.children() if instance_id in child["name"]]
    boxes.ec2.start_instances(InstanceIds=[instance_id])
    boxes.wait(instance_id, "running")
    wait_until(
        lambda: boxes.console(instance_id).count("Cloud-init finished.") == 2,
        timeout_s=120,
        describe=lambda: boxes.console(instance_id),
    )
    assert boxes.console(instance_id).count("booted") == 1
    boxes.end(instance_id)
    refused = refusal_of(boxes.ec2.start_instances, InstanceIds=[instance_id])
    assert refused == (
        "IncorrectInstanceState",
        f"The instance '{instance_id}' is not in a state from which it can be started.",
    )
    refused = refusal_of(boxes.ec2.stop_instances, InstanceIds=[instance_id])
    assert refused == (
        "IncorrectInstanceState",
        f"This instance '{instance_id}' is not in a state from which it can be stopped.",
    )
    again = boxes.ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert again["CurrentState"]["Name"] == "terminated"


def test_an_instance_reboots_from_inside_and_from_outside(boxes: Any) -> None:
    instance_id = boxes.run("#!/bin/sh\nreboot\nsleep 100\n")
    for boots in (2, 3):
        wait_until(
            lambda boots=boots: boxes.console(instance_id).count("Cloud-init running") == boots,
            timeout_s=120,
            describe=lambda: boxes.console(instance_id),
        )
        assert boxes.describe(instance_id)["State"]["Name"] == "running"
        boxes.ec2.reboot_instances(InstanceIds=[instance_id])
    boxes.end(instance_id)


def test_status_checks_are_initializing_first(boxes: Any) -> None:
    instance_id = boxes.run("#!/bin/sh\nkill 2; sleep 100\n")
    boxes.wait(instance_id, "running")
    seen = [check_of(boxes, instance_id)["SystemStatus"]["Status"]]
    wait_until(
        lambda: seen.append(check_of(boxes, instance_id)["SystemStatus"]["Status"]) or seen[-1] == "ok",
        timeout_s=120,
        describe=lambda: seen,
    )
    assert seen[0] == "initializing"
    wait_until(
        lambda: check_of(boxes, instance_id)["InstanceStatus"]["Status"] == "impaired",
        timeout_s=120,
        describe=lambda: (check_of(boxes, instance_id), boxes.console(instance_id)),
    )
    assert "the first program of the instance ended" in boxes.console(instance_id)
    boxes.end(instance_id)


def test_of_several_instances_all_are_stopped_or_none(boxes: Any) -> None:
    first, second = boxes.run(), boxes.run()
    boxes.end(second)
    boxes.wait(first, "running")
    for call in (boxes.ec2.stop_instances, boxes.ec2.reboot_instances, boxes.ec2.start_instances):
        code, message = refusal_of(call, InstanceIds=[first, second])
        assert (code, second in message) == ("IncorrectInstanceState", True)
    assert boxes.describe(first)["State"]["Name"] == "running"
    boxes.end(first)


WRONG = (
    (
        {"ImageId": "ami-0123456789abcdef0"},
        "InvalidAMIID.NotFound",
        "'[ami-0123456789abcdef0]' does not exist",
    ),
    ({"InstanceType": "m5.none"}, "InvalidParameterValue", "Invalid value 'm5.none' for InstanceType."),
    ({"InstanceType": "m7g.large"}, "InvalidParameterValue", "The architecture 'arm64' of the specified"),
    ({"UserData": "x" * 16_385}, "InvalidParameterValue", "User data is limited to 16384 bytes"),
    ({"MinCount": 0}, "InvalidParameterValue", "Value (0) for parameter minCount is invalid."),
    ({"MinCount": 2}, "InvalidParameterValue", "Value (1) for parameter maxCount is invalid."),
    ({"HibernationOptions": {"Configured": True}}, "UnsupportedHibernationConfiguration", "encrypted"),
    ({"MaxCount": 99}, "InstanceLimitExceeded", "than your current instance limit of 20 allows"),
    (
        {"IamInstanceProfile": {"Name": "nobody"}},
        "InvalidParameterValue",
        "Value (nobody) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
    ),
    ({"IamInstanceProfile": {"Arn": "a"}}, "InvalidParameterValue", "Invalid IAM Instance Profile ARN"),
    ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound", "'nobody' does not exist"),
    (
        {"LaunchTemplate": {"LaunchTemplateId": "lt-0"}},
        "InvalidLaunchTemplateId.NotFound",
        "template ID lt-0",
    ),
    ({"InstanceInitiatedShutdownBehavior": "explode"}, "InvalidParameterValue", "Value (explode) for"),
    ({"MetadataOptions": {"HttpTokens": "maybe"}}, "InvalidParameterValue", "Expected: optional, required."),
    ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue", "Expected: 1 to 64."),
    ({"InstanceMarketOptions": {"MarketType": "block"}}, "InvalidParameterValue", "Expected: spot."),
    (
        {"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-0"}}]},
        "InvalidSnapshot.NotFound",
        "",
    ),
)


@pytest.mark.parametrize(("change", "code", "words"), WRONG, ids=lambda value: str(value)[:30])
def test_what_cannot_be_launched_is_refused(boxes: Any, change: Any, code: str, words: str) -> None:
    request = boxes.request("", InstanceType="m5.8xlarge") | change
    found, message = refusal_of(boxes.ec2.run_instances, **request)
    assert found == code
    assert words in str(message)
    answer = boxes.ec2.describe_instances(Filters=[{"Name": "instance-type", "Values": ["m5.8xlarge"]}])
    assert not answer["Reservations"]


def test_a_token_makes_instances_once_and_all_have_the_profile(boxes: Any) -> None:
    request = boxes.request("", MaxCount=2, ClientToken=f"token-{boxes.name}")
    first, second = [boxes.ec2.run_instances(**request)["Instances"] for _ in range(2)]
    ids = [instance["InstanceId"] for instance in first]
    assert ids == [instance["InstanceId"] for instance in second]
    assert len(ids) == 2
    assert all("IamInstanceProfile" in boxes.describe(instance_id) for instance_id in ids)
    code, message = refusal_of(boxes.ec2.run_instances, **request | {"InstanceType": "m5.large"})
    assert code == "IdempotentParameterMismatch"
    assert "inconsistent with arguments used in previous request(s)" in message
    boxes.end(*ids)
    code, message = refusal_of(boxes.ec2.run_instances, **request)
    assert code == "IdempotentInstanceTerminated"
    assert "is associated with a terminated instance" in message


def test_some_attributes_are_for_stopped_instances(boxes: Any) -> None:
    instance_id = boxes.run()
    change = boxes.ec2.modify_instance_attribute
    code, message = refusal_of(change, InstanceId=instance_id, InstanceType={"Value": "m5.large"})
    assert (code, message) == (
        "IncorrectInstanceState",
        f"The instance '{instance_id}' is not in the 'stopped' state.",
    )
    change(InstanceId=instance_id, InstanceInitiatedShutdownBehavior={"Value": "terminate"})
    found = boxes.ec2.describe_instance_attribute(
        InstanceId=instance_id, Attribute="instanceInitiatedShutdownBehavior"
    )
    assert found["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"
    boxes.end(instance_id)


def test_a_change_of_the_metadata_leaves_the_rest(boxes: Any) -> None:
    instance_id = boxes.run(MetadataOptions={"HttpTokens": "required"})
    change = boxes.ec2.modify_instance_metadata_options
    change(InstanceId=instance_id, HttpPutResponseHopLimit=2)
    found = boxes.describe(instance_id)["MetadataOptions"]
    assert (found["HttpTokens"], found["HttpPutResponseHopLimit"]) == ("required", 2)
    assert (found["HttpEndpoint"], found["State"]) == ("enabled", "applied")
    code, message = refusal_of(change, InstanceId=instance_id, HttpTokens="maybe")
    assert (code, "Expected: optional, required." in message) == ("InvalidParameterValue", True)
    boxes.end(instance_id)
