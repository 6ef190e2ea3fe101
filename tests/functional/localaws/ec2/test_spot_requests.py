"""Spot requests make instances that run, and say what became of them."""

from base64 import b64encode
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from moto import mock_aws

from localaws.faults.client import FaultClient
from tests.functional.localaws.ec2.test_launches_refused import IMAGE_PARAMETER, KEYS


def request(boxes: Any, user_data: str = "", **more: Any) -> list[dict[str, Any]]:
    """Ask for Spot Instances; return the requests."""
    launch = {
        "ImageId": boxes.image,
        "InstanceType": "m5.large",
        "IamInstanceProfile": {"Name": boxes.name},
        "UserData": b64encode(user_data.encode()).decode(),
    } | more.pop("launch", {})
    answer = boxes.ec2.request_spot_instances(LaunchSpecification=launch, **more)
    return list(answer["SpotInstanceRequests"])


def describe(boxes: Any, request_id: str) -> tuple[str, str]:
    """Return state and status code of a request."""
    found = boxes.ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[request_id])
    row = found["SpotInstanceRequests"][0]
    return row["State"], row["Status"]["Code"]


def test_a_request_makes_instances_that_run(boxes: Any) -> None:
    tags = [{"ResourceType": "spot-instances-request", "Tags": [{"Key": "project", "Value": "musher"}]}]
    made = request(
        boxes,
        "#!/bin/sh\necho as spot\n",
        InstanceCount=2,
        SpotPrice="0.5",
        TagSpecifications=tags,
        ClientToken=boxes.name,
    )
    assert [each["SpotPrice"] for each in made] == ["0.5", "0.5"]
    ids = [each["InstanceId"] for each in made]
    again = request(boxes, InstanceCount=2, ClientToken=boxes.name)
    assert [each["SpotInstanceRequestId"] for each in again] == [
        each["SpotInstanceRequestId"] for each in made
    ]
    boxes.wait_for_line(ids[1], "as spot")
    instance = boxes.describe(ids[0])
    assert instance["InstanceLifecycle"] == "spot"
    assert instance["SpotInstanceRequestId"] == made[0]["SpotInstanceRequestId"]
    assert instance["IamInstanceProfile"]["Arn"].endswith(boxes.name)
    first, second = (each["SpotInstanceRequestId"] for each in made)
    assert describe(boxes, first) == ("active", "fulfilled")
    filters = [{"Name": "tag:project", "Values": ["musher"]}, {"Name": "state", "Values": ["active"]}]
    found = boxes.ec2.describe_spot_instance_requests(Filters=filters)["SpotInstanceRequests"]
    assert {first, second} <= {each["SpotInstanceRequestId"] for each in found}
    boxes.ec2.get_waiter("spot_instance_request_fulfilled").wait(SpotInstanceRequestIds=[first])
    boxes.ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[first])
    assert describe(boxes, first) == ("cancelled", "request-canceled-and-instance-running")
    boxes.end(*ids)
    assert describe(boxes, first) == ("cancelled", "instance-terminated-by-user")
    assert describe(boxes, second) == ("closed", "instance-terminated-by-user")


def test_a_request_whose_instance_is_taken_away_says_so(boxes: Any) -> None:
    (made,) = request(boxes)
    boxes.wait_for_line(made["InstanceId"], "Cloud-init finished")
    rule = {"kind": "spot_interruption", "job": made["InstanceId"]}
    requests.post(f"{boxes.aws.url}/_localaws/faults", json=rule, timeout=60).raise_for_status()
    boxes.wait(made["InstanceId"], "terminated")
    outcome = describe(boxes, made["SpotInstanceRequestId"])
    assert outcome == ("closed", "instance-terminated-no-capacity")


def test_run_instances_makes_a_request_too(boxes: Any) -> None:
    instance_id = boxes.run(InstanceMarketOptions={"MarketType": "spot"})
    request_id = boxes.describe(instance_id)["SpotInstanceRequestId"]
    assert describe(boxes, request_id) == ("active", "fulfilled")
    boxes.end(instance_id)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"Type": "persistent"}, "UnsupportedOperation", "one-time Spot Instances only"),
        ({"InstanceInterruptionBehavior": "stop"}, "UnsupportedOperation", "one-time"),
        ({"LaunchGroup": "a"}, "UnsupportedOperation", "LaunchGroup"),
        ({"InstanceCount": 0}, "InvalidParameterValue", "instanceCount"),
        ({"launch": {"ImageId": "ami-0"}}, "InvalidAMIID.NotFound", "ami-0"),
        ({"launch": {"IamInstanceProfile": {"Name": "none"}}}, "InvalidParameterValue", "none"),
        (
            {"launch": {"InstanceType": "m5.24xlarge"}, "InstanceCount": 3},
            "MaxSpotInstanceCountExceeded",
            "Max",
        ),
    ],
)
def test_a_request_that_cannot_be_is_refused(boxes: Any, change: Any, code: str, words: str) -> None:
    with pytest.raises(ClientError, match=words) as caught:
        request(boxes, **change)
    assert caught.value.response["Error"]["Code"] == code


def test_requests_are_refused_where_there_is_no_capacity_and_unknown_ones_not_found(boxes: Any) -> None:
    with (
        FaultClient(boxes.aws.url).injected({"kind": "no_capacity"}),
        pytest.raises(ClientError, match="InsufficientInstanceCapacity"),
    ):
        request(boxes)
    for action in (boxes.ec2.describe_spot_instance_requests, boxes.ec2.cancel_spot_instance_requests):
        with pytest.raises(ClientError, match=r"InvalidSpotInstanceRequestID\.NotFound"):
            action(SpotInstanceRequestIds=["sir-00000000"])


@pytest.mark.parametrize("action", ["request_spot_fleet", "create_fleet"])
def test_fleets_are_refused_as_not_built(boxes: Any, action: str) -> None:
    config = {"IamFleetRole": "a", "TargetCapacity": 1}
    template = {"LaunchTemplateSpecification": {"LaunchTemplateName": "abc", "Version": "1"}}
    target = {"TotalTargetCapacity": 1}
    asked = (
        {"SpotFleetRequestConfig": config}
        if action == "request_spot_fleet"
        else {"LaunchTemplateConfigs": [template], "TargetCapacitySpecification": target}
    )
    with pytest.raises(ClientError, match="one launch at a time"):
        getattr(boxes.ec2, action)(**asked)


def test_moto_forgets_a_cancelled_request_and_passes_over_the_profile_and_the_token() -> None:
    with mock_aws():
        ec2 = boto3.client("ec2", **KEYS)
        image = boto3.client("ssm", **KEYS).get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]
        asked = {"LaunchSpecification": {"ImageId": image, "IamInstanceProfile": {"Name": "nobody"}}}
        first, second = (
            ec2.request_spot_instances(**asked, ClientToken="a")["SpotInstanceRequests"][0] for _ in range(2)
        )
        assert first["SpotInstanceRequestId"] != second["SpotInstanceRequestId"]
        ids = [first["SpotInstanceRequestId"]]
        ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=ids)
        found = ec2.describe_spot_instance_requests(SpotInstanceRequestIds=ids)
        assert found["SpotInstanceRequests"] == []
