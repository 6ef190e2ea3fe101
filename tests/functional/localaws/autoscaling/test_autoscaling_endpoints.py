"""What scalable variants take and refuse, on one endpoint that really changes."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.functional.localaws.autoscaling.conftest import place_of, tracking


@pytest.fixture(scope="module")
def client(localaws: Any) -> Any:
    """Return a client of Application Auto Scaling."""
    return localaws.client("application-autoscaling")


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    """Return the code and the sentence with which a request is refused."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def activities(client: Any, place: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return description, cause and status of what has scaled, the newest first."""
    found = client.describe_scaling_activities(**place)["ScalingActivities"]
    return [(item["Description"], item["Cause"], item["StatusCode"]) for item in found]


def test_a_variant_that_is_not_there_is_refused(client: Any) -> None:
    register = client.register_scalable_target
    bounds = {"MinCapacity": 1, "MaxCapacity": 2}
    missing = place_of("no-such-endpoint")
    code, message = refusal(register, **missing, **bounds)
    assert (code, message) == (
        "ValidationException",
        "SageMaker endpoint variant doesn't exist: endpoint/no-such-endpoint/variant/AllTraffic",
    )
    for place in (
        missing | {"ResourceId": "endpoint/dogs"},
        missing | {"ServiceNamespace": "lambda"},
        missing | {"ResourceId": "function:dogs:live"},
    ):
        code, message = refusal(register, **place, **bounds)
        assert (code, message[:29]) == ("ValidationException", "Unsupported service namespace")
    function = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}
    code, message = refusal(register, **function, ResourceId="function:dogs:live", **bounds)
    assert message == "Lambda function doesn't exist: function:dogs:live"
    assert refusal(client.deregister_scalable_target, **missing)[0] == "ObjectNotFoundException"


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"MinCapacity": 2, "MaxCapacity": 1}, "Maximum capacity cannot be less than minimum capacity"),
        ({"MinCapacity": 0, "MaxCapacity": 1}, "Minimum capacity cannot be less than 1"),
        ({"MinCapacity": 1}, "MinCapacity and MaxCapacity are required"),
    ],
)
def test_bounds_that_cannot_be_are_refused(
    scaled: Any, client: Any, bounds: dict[str, int], expected: str
) -> None:
    code, message = refusal(client.register_scalable_target, **place_of(scaled.name), **bounds)
    assert code == "ValidationException"
    assert message.startswith(expected)


def test_policies_and_actions_need_a_target(scaled: Any, client: Any) -> None:
    place = place_of(scaled.name)
    for code, message in (
        refusal(client.put_scaling_policy, **place, PolicyName="p", **tracking(30.0)),
        refusal(
            client.put_scheduled_action,
            **place,
            ScheduledActionName="a",
            Schedule="rate(1 hour)",
            ScalableTargetAction={"MinCapacity": 1},
        ),
    ):
        assert code == "ObjectNotFoundException"
        assert message == (
            "No scalable target registered for service namespace: sagemaker, resource ID: "
            f"{place['ResourceId']}, scalable dimension: sagemaker:variant:DesiredInstanceCount"
        )


def test_a_new_bound_starts_and_stops_instances_at_once(scaled: Any, client: Any) -> None:
    place = place_of(scaled.name)
    client.register_scalable_target(**place, MinCapacity=2, MaxCapacity=3)
    (target,) = client.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[place["ResourceId"]]
    )["ScalableTargets"]
    assert set(target["SuspendedState"].values()) == {False}
    assert target["RoleARN"].endswith("/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    (variant,) = scaled.wait("InService")["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (2, 2)
    assert activities(client, place)[0][:2] == (
        "Setting desired instance count to 2.",
        "minimum capacity was set to 2",
    )
    client.register_scalable_target(**place, MinCapacity=1, MaxCapacity=1)
    (variant,) = scaled.wait("InService")["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 1
    assert activities(client, place)[0][:2] == (
        "Setting desired instance count to 1.",
        "maximum capacity was set to 1",
    )
    assert scaled.invoke_json(b"x")["body_bytes"] == 1


def test_a_policy_makes_two_alarms_and_takes_them_with_it(scaled: Any, client: Any, localaws: Any) -> None:
    place, cloudwatch = place_of(scaled.name), localaws.client("cloudwatch")
    client.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    made = client.put_scaling_policy(**place, PolicyName="p", **tracking(30.0))
    names = [alarm["AlarmName"] for alarm in made["Alarms"]]
    found = {
        alarm["AlarmName"]: alarm for alarm in cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    }
    for name, which, threshold, comparison, periods in (
        (names[0], "High", 30.0, "GreaterThanThreshold", 3),
        (names[1], "Low", 27.0, "LessThanThreshold", 15),
    ):
        alarm = found[name]
        assert name.startswith(f"TargetTracking-{place['ResourceId']}-Alarm{which}-")
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (threshold, comparison)
        assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Statistic"]) == (60, periods, "Sum")
        assert alarm["AlarmDescription"] == (
            f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {made['PolicyARN']}."
        )
        assert alarm["AlarmActions"][0].startswith(f"{made['PolicyARN']}:createdBy/")
    again = client.put_scaling_policy(**place, PolicyName="p", **tracking(40.0, DisableScaleIn=True))
    assert again["PolicyARN"] == made["PolicyARN"]
    assert len(again["Alarms"]) == 1
    assert cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] == []
    client.delete_scaling_policy(**place, PolicyName="p")
    left = cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-{place['ResourceId']}")
    assert left["MetricAlarms"] == []
    assert refusal(client.delete_scaling_policy, **place, PolicyName="p")[0] == "ObjectNotFoundException"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}},
            "Scalable dimension sagemaker:variant:DesiredInstanceCount only supports the following "
            "predefined metric types: SageMakerVariantInvocationsPerInstance",
        ),
        ({}, "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification"),
        ({"CustomizedMetricSpecification": {"MetricName": "m", "Statistic": "Sum"}}, "Namespace"),
        ({"CustomizedMetricSpecification": {"Statistic": "Sum"}}, "CustomizedMetricSpecification has either"),
    ],
)
def test_a_policy_that_tracks_nothing_is_refused(
    scaled: Any, client: Any, config: dict[str, Any], expected: str
) -> None:
    place = place_of(scaled.name)
    client.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    code, message = refusal(
        client.put_scaling_policy,
        **place,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 1.0, **config},
    )
    assert code == "ValidationException"
    assert message.startswith(expected)


def test_an_alarm_of_ones_own_steps_and_scales_at_once(scaled: Any, client: Any, localaws: Any) -> None:
    place, cloudwatch = place_of(scaled.name), localaws.client("cloudwatch")
    client.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    config = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        "Cooldown": 0,
    }
    made = client.put_scaling_policy(
        **place, PolicyName="step", PolicyType="StepScaling", StepScalingPolicyConfiguration=config
    )
    cloudwatch.put_metric_alarm(
        AlarmName="of-ones-own",
        Namespace="own",
        MetricName="load",
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=5.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[made["PolicyARN"]],
    )
    (policy,) = client.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=["step"])[
        "ScalingPolicies"
    ]
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == ["of-ones-own"]
    cloudwatch.set_alarm_state(AlarmName="of-ones-own", StateValue="ALARM", StateReason="by hand")
    client.deregister_scalable_target(**place)
    names = cloudwatch.describe_alarms(AlarmNames=["of-ones-own"])["MetricAlarms"]
    assert len(names) == 1, "an alarm that somebody made for a policy stays"
    cloudwatch.delete_alarms(AlarmNames=["of-ones-own"])


def test_a_scheduled_action_is_kept_checked_and_deleted(scaled: Any, client: Any) -> None:
    place = place_of(scaled.name)
    client.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    action = {"ScheduledActionName": "night", "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 1}}
    client.put_scheduled_action(**place, **action, Schedule="cron(0 22 * * ? *)", Timezone="Europe/Berlin")
    (found,) = client.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    assert (found["Schedule"], found["Timezone"]) == ("cron(0 22 * * ? *)", "Europe/Berlin")
    for change in (
        {"Schedule": "cron(0 22 * * *)"},
        {"Schedule": "rate(1 hour)", "Timezone": "Europe/Nowhere"},
        {"Schedule": "rate(1 hour)", "ScalableTargetAction": {"MinCapacity": 0}},
        {"Schedule": "rate(1 hour)", "ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}},
    ):
        assert refusal(client.put_scheduled_action, **place, **(action | change))[0] == "ValidationException"
    client.delete_scheduled_action(**place, ScheduledActionName="night")
    code, _ = refusal(client.delete_scheduled_action, **place, ScheduledActionName="night")
    assert code == "ObjectNotFoundException"


def test_stock_moto_takes_targets_of_nothing_and_makes_no_alarms() -> None:
    with mock_aws():
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        client, place = boto3.client("application-autoscaling", **keys), place_of("no-such-endpoint")
        client.register_scalable_target(**place, MinCapacity=2, MaxCapacity=1)
        made = client.put_scaling_policy(**place, PolicyName="p", **tracking(30.0))
        assert made["Alarms"] == []
        unregistered = place_of("another")
        client.put_scaling_policy(**unregistered, PolicyName="p", **tracking(30.0))
        client.put_scheduled_action(
            **unregistered,
            ScheduledActionName="a",
            Schedule="never",
            ScalableTargetAction={"MinCapacity": 1},
        )
        client.delete_scheduled_action(**unregistered, ScheduledActionName="missing")
        with pytest.raises(NotImplementedError):
            client.describe_scaling_activities(ServiceNamespace="sagemaker")
