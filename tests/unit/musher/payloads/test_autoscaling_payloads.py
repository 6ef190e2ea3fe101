"""Requests to Application Auto Scaling, held against botocore's models too."""

import dataclasses
from typing import Any

import pytest

from musher.errors import PayloadError
from musher.payloads.autoscaling import ScalingPlan, build_policy, build_target, check_scaling
from musher.payloads.choices import METRICS
from musher.payloads.schedules import build_actions
from tests.unit.musher.payloads.test_updates_and_alarms import errors_of

PLAN = ScalingPlan(
    endpoint_name="musher-live",
    min_instances=1,
    max_instances=3,
    metric="invocations",
    target=100,
    scale_out_cooldown_s=30,
    scale_in_cooldown_s=30,
)
PLACE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/musher-live/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


def test_the_target_has_both_bounds() -> None:
    request = build_target(PLAN)
    assert request == {**PLACE, "MinCapacity": 1, "MaxCapacity": 3}
    assert errors_of("application-autoscaling", "RegisterScalableTarget", request) == ""


@pytest.mark.parametrize("metric", METRICS)
def test_the_policy_tracks_a_metric_that_aws_has(metric: str) -> None:
    request = build_policy(dataclasses.replace(PLAN, metric=metric))
    assert errors_of("application-autoscaling", "PutScalingPolicy", request) == ""
    assert request == {
        **PLACE,
        "PolicyName": "musher-live-load",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 100.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": METRICS[metric]},
            "ScaleOutCooldown": 30,
            "ScaleInCooldown": 30,
            "DisableScaleIn": False,
        },
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"min_instances": 0}, "autoscale_min is 0, and endpoint_kind is not async: only"),
        ({"min_instances": 0, "max_instances": 0, "has_queue": True}, "autoscale_max is 0"),
        ({"metric": "backlog"}, "autoscale_metric is backlog, and endpoint_kind is not async"),
        ({"has_queue": True}, "autoscale_metric is invocations and endpoint_kind is async"),
        ({"min_instances": 4}, "autoscale_min is 4 and autoscale_max is 3"),
        ({"max_instances": 9}, "autoscale_max is 9"),
        (
            {"metric": "cpu"},
            r"autoscale_metric is 'cpu'\. Choose one of invocations, concurrency, backlog, custom\.",
        ),
        ({"metric": "custom"}, "autoscale_custom_metric is None. Write namespace, name and statistic"),
        ({"metric": "custom", "custom_metric": "CPU"}, "autoscale_custom_metric is 'CPU'"),
        ({"metric": "custom", "custom_metric": "Mine CPU Sum\n"}, "autoscale_custom_metric is 'Mine CPU Sum"),
        ({"target": 0}, r"autoscale_target is 0\. Choose a number above 0\."),
        ({"target": float("nan")}, "autoscale_target is nan"),
        ({"scale_in_cooldown_s": -1}, "scale_in_cooldown_s is -1"),
        ({"scale_out_cooldown_s": 3601}, r"scale_out_cooldown_s is 3601\. Choose 0 to 3600 seconds\."),
    ],
)
def test_what_could_not_scale_is_refused(changes: Any, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        check_scaling(dataclasses.replace(PLAN, **changes))


def test_a_custom_metric_is_that_of_the_endpoint_s_variant() -> None:
    plan = dataclasses.replace(PLAN, metric="custom", custom_metric="Mine Depth Maximum")
    request = build_policy(plan)
    assert errors_of("application-autoscaling", "PutScalingPolicy", request) == ""
    assert request["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"] == {
        "Namespace": "Mine",
        "MetricName": "Depth",
        "Statistic": "Maximum",
        "Dimensions": [
            {"Name": "EndpointName", "Value": "musher-live"},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
    }


def test_a_schedule_is_a_request_for_each_line() -> None:
    (first, second) = build_actions(["cron(0 8 ? * MON-FRI *) 2 4", "rate(1 day) 1 2"], endpoint_name="ep")
    assert first == {
        **PLACE,
        "ResourceId": "endpoint/ep/variant/AllTraffic",
        "ScheduledActionName": "ep-1",
        "Schedule": "cron(0 8 ? * MON-FRI *)",
        "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 4},
    }
    assert (second["ScheduledActionName"], second["Schedule"]) == ("ep-2", "rate(1 day)")
    for request in (first, second):
        assert errors_of("application-autoscaling", "PutScheduledAction", request) == ""


@pytest.mark.parametrize(
    "line", ["", "cron(0 8 * * ? *)", "daily 1 2", "rate(1 day) 0 2", "rate(1 day) 3 2", "rate(1 day) 1 99"]
)
def test_a_line_that_sets_no_bounds_is_refused(line: str) -> None:
    with pytest.raises(PayloadError, match="autoscale_schedule"):
        build_actions([line], endpoint_name="ep")
