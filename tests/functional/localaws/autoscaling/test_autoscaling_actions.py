"""What Terraform and the console ask of scalable targets."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

TARGET = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/tagged",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}
"""Of a service whose targets are only kept: they need no resource."""


def test_tags_of_a_target_are_kept_and_changed(localaws: Any) -> None:
    client = localaws.client("application-autoscaling")
    made = client.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2, Tags={"project": "dogs"})
    arn = made["ScalableTargetARN"]
    client.tag_resource(ResourceARN=arn, Tags={"run": "1"})
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"project": "dogs", "run": "1"}
    client.untag_resource(ResourceARN=arn, TagKeys=["project"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"run": "1"}
    with pytest.raises(ClientError) as caught:
        client.list_tags_for_resource(ResourceARN=f"{arn}-other")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_nothing_has_scaled(localaws: Any) -> None:
    client = localaws.client("application-autoscaling")
    assert client.describe_scaling_activities(ServiceNamespace="dynamodb")["ScalingActivities"] == []


def test_stock_moto_knows_no_tags_of_targets() -> None:
    with mock_aws():
        client = boto3.client("application-autoscaling", region_name="us-east-1")
        with pytest.raises(NotImplementedError):
            client.list_tags_for_resource(ResourceARN="any")


def register(client: Any, table: str, **options: Any) -> dict[str, str]:
    """Register the reads of a table; return the members that name it."""
    place = TARGET | {"ResourceId": f"table/{table}"}
    client.register_scalable_target(**place, **({"MinCapacity": 1, "MaxCapacity": 2} | options))
    return place


def put_policy(client: Any, place: dict[str, str], name: str) -> None:
    """Put a policy of 70 % of what is provisioned."""
    tracking = {
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
    }
    client.put_scaling_policy(
        **place,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )


@pytest.fixture
def client(localaws: Any) -> Any:
    """Return a client of Application Auto Scaling, with no target left of another test."""
    client = localaws.client("application-autoscaling")
    for target in client.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]:
        client.deregister_scalable_target(**{name: target[name] for name in TARGET})
    return client


def test_every_target_and_policy_is_on_one_page(client: Any) -> None:
    places = [register(client, f"paged-{number}") for number in range(7)]
    for number in range(5):
        put_policy(client, places[0], f"policy-{number}")
    for action, member, key, count in (
        ("describe_scalable_targets", "ScalableTargets", "ResourceId", 7),
        ("describe_scaling_policies", "ScalingPolicies", "PolicyName", 5),
    ):
        pages = client.get_paginator(action).paginate(
            ServiceNamespace="dynamodb", PaginationConfig={"PageSize": 2}
        )
        found = [item[key] for page in pages for item in page[member]]
        assert len(found) == len(set(found)) == count
        with pytest.raises(ClientError) as caught:
            getattr(client, action)(ServiceNamespace="dynamodb", NextToken="no-such-page")
        assert caught.value.response["Error"]["Code"] == "InvalidNextTokenException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_registering_again_changes_what_is_named(client: Any) -> None:
    place = register(client, "changed", MinCapacity=1, MaxCapacity=4)
    client.register_scalable_target(**place, MaxCapacity=6)
    (target,) = client.describe_scalable_targets(
        ServiceNamespace="dynamodb", ResourceIds=[place["ResourceId"]]
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 6)
    assert target["ScalableTargetARN"].startswith("arn:aws:application-autoscaling:us-east-1:123456789012:")


def test_a_policy_is_found_by_its_name_and_its_whole_resource(client: Any) -> None:
    place, longer = register(client, "dog"), register(client, "dogs")
    longer |= {"ResourceId": f"{longer['ResourceId']}2"}
    client.register_scalable_target(**longer, MinCapacity=1, MaxCapacity=2)
    for name in ("first", "second"):
        put_policy(client, place, name)
    put_policy(client, longer, "third")
    asked = client.describe_scaling_policies(ServiceNamespace="dynamodb", PolicyNames=["second", "third"])
    assert [policy["PolicyName"] for policy in asked["ScalingPolicies"]] == ["second", "third"]
    asked = client.describe_scaling_policies(**longer)
    assert [policy["PolicyName"] for policy in asked["ScalingPolicies"]] == ["third"]


def test_policies_go_with_their_target_and_alarms_with_their_policies(localaws: Any, client: Any) -> None:
    kept, gone = register(client, "kept"), register(client, "gone")
    put_policy(client, kept, "kept")
    put_policy(client, gone, "gone")
    client.deregister_scalable_target(**gone)
    left = client.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert [policy["PolicyName"] for policy in left] == ["kept"]
    alarms = localaws.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-table/gone")
    assert alarms["MetricAlarms"] == []
    with pytest.raises(ClientError, match="No scalable target found for service namespace: dynamodb"):
        client.deregister_scalable_target(**gone)
    with pytest.raises(ClientError, match="No scaling policy found"):
        client.delete_scaling_policy(**gone, PolicyName="gone")


def test_stock_moto_keeps_policies_and_repeats_its_pages() -> None:
    with mock_aws():
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        client = boto3.client("application-autoscaling", **keys)
        places = [register(client, f"stock-{number}") for number in range(5)]
        put_policy(client, places[0], "kept")
        client.deregister_scalable_target(**places[0])
        assert client.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
        first = client.describe_scalable_targets(ServiceNamespace="dynamodb", MaxResults=1)
        second = client.describe_scalable_targets(
            ServiceNamespace="dynamodb", MaxResults=1, NextToken=first["NextToken"]
        )
        assert first["NextToken"] == second["NextToken"]
