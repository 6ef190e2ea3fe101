"""Requests to Application Auto Scaling, held against botocore's models too."""

import dataclasses
from typing import Any

import pytest

from musher.errors import PayloadError
from musher.payloads.autoscaling import ScalingPlan, build_policy, build_target, check_scaling
from musher.payloads.choices import METRICS
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
        ({"min_instances": 0}, r"autoscale_min is 0 and autoscale_max is 3\. Choose 1 to 8"),
        ({"min_instances": 4}, "autoscale_min is 4 and autoscale_max is 3"),
        ({"max_instances": 9}, "autoscale_max is 9"),
        ({"metric": "cpu"}, r"autoscale_metric is 'cpu'\. Choose one of invocations, concurrency\."),
        ({"target": 0}, r"autoscale_target is 0\. Choose a number above 0\."),
        ({"target": float("nan")}, "autoscale_target is nan"),
        ({"scale_in_cooldown_s": -1}, "scale_in_cooldown_s is -1"),
        ({"scale_out_cooldown_s": 3601}, r"scale_out_cooldown_s is 3601\. Choose 0 to 3600 seconds\."),
    ],
)
def test_what_could_not_scale_is_refused(changes: Any, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        check_scaling(dataclasses.replace(PLAN, **changes))
