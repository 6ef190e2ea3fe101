"""How a function's provisioned concurrency scales, and what would never do so."""

from typing import Any

import pytest

from musher.errors import PayloadError
from musher.hooks.function_scaling import list_scaled, stop_scaling_function
from musher.payloads.function_scaling import (
    FunctionScaling,
    build_requests,
    build_scaling,
    find_contradictions,
    read_bounds,
)
from tests.unit.musher.operators.fake_function import FakeScaler

LINE = "cron(0 8 ? * MON-FRI *) 2 4"
PARAMS: dict[str, Any] = {
    "function_reserved": 5,
    "function_provisioned": 1,
    "function_scale_max": 4,
    "function_scale_percent": 70,
    "function_scale_schedule": [LINE],
}


def test_nothing_scales_unless_asked_for() -> None:
    assert build_scaling({**PARAMS, "function_scale_max": 0}) is None
    assert find_contradictions({**PARAMS, "function_scale_max": 0, "function_provisioned": 9}) == []


def test_a_version_follows_its_use_and_the_clock() -> None:
    members = build_scaling(PARAMS)
    assert members is not None
    target, policy, (action,) = build_requests(FunctionScaling(**members), function_name="f", version="7")
    where = {
        "ServiceNamespace": "lambda",
        "ResourceId": "function:f:7",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    assert target == {**where, "MinCapacity": 1, "MaxCapacity": 4}
    assert policy == {
        **where,
        "PolicyName": "f-use",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 0.7,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
            },
        },
    }
    assert action == {
        **where,
        "ScheduledActionName": "f-1",
        "Schedule": "cron(0 8 ? * MON-FRI *)",
        "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 4},
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"function_reserved": 0, "function_scale_max": 90}, []),
        ({"function_provisioned": 5, "function_reserved": 9}, ["less than function_provisioned, which is 5"]),
        ({"function_provisioned": 0}, []),
        ({"function_provisioned": 0, "function_scale_schedule": []}, ["Provision 1, or write"]),
        ({"function_scale_max": 6}, ["may grow to 6, and function_reserved is 5"]),
        ({"function_scale_schedule": ["rate(1 day) 2 8"]}, ["may grow to 8"]),
    ],
)
def test_what_cannot_scale_is_told_before_anything_is_paid(changes: dict[str, Any], said: list[str]) -> None:
    found = find_contradictions(PARAMS | changes)
    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))


@pytest.mark.parametrize("line", ["at noon 2 4", "rate(1 day) 4 2", "rate(1 day)"])
def test_a_line_that_is_no_schedule_is_refused(line: str) -> None:
    with pytest.raises(PayloadError, match="function_scale_schedule"):
        read_bounds(line)


def test_all_versions_of_one_function_and_of_no_other_stop_scaling() -> None:
    scaler: Any = FakeScaler()
    scaler.targets = {"function:f:1": [], "function:f:live": [], "function:ff:1": [], "function:g:1": []}
    assert list_scaled(scaler, name="f") == ["1", "live"]
    assert stop_scaling_function(scaler, name="f")
    assert set(scaler.targets) == {"function:ff:1", "function:g:1"}
    assert not stop_scaling_function(scaler, name="f")
