"""Policies by steps, held against botocore's models too."""

import dataclasses
from typing import Any

import pytest

from musher.errors import PayloadError
from musher.payloads.step_scaling import build_step_alarm, build_step_policy, read_steps
from tests.unit.musher.payloads.test_autoscaling_payloads import PLACE, PLAN
from tests.unit.musher.payloads.test_updates_and_alarms import errors_of

STEPS = [(200.0, 1), (400.0, 2)]


def test_lines_are_values_and_instances() -> None:
    assert read_steps(["200 +1", "400 +2"]) == STEPS
    assert read_steps([]) == []


@pytest.mark.parametrize(
    "lines",
    [["200"], ["200 1"], ["200 +0"], ["-5 +1"], ["400 +1", "200 +2"], ["200 +1", "200 +2"], ["200 +1\n"]],
)
def test_lines_that_are_no_steps_are_refused(lines: list[str]) -> None:
    with pytest.raises(PayloadError, match="autoscale_steps"):
        read_steps(lines)


def test_intervals_count_from_the_first_value_and_leave_no_gap() -> None:
    request = build_step_policy(PLAN, STEPS)
    assert errors_of("application-autoscaling", "PutScalingPolicy", request) == ""
    assert request == {
        **PLACE,
        "PolicyName": "musher-live-steps",
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [
                {
                    "MetricIntervalLowerBound": 0.0,
                    "MetricIntervalUpperBound": 200.0,
                    "ScalingAdjustment": 1,
                },
                {"MetricIntervalLowerBound": 200.0, "ScalingAdjustment": 2},
            ],
            "Cooldown": 30,
        },
    }


@pytest.mark.parametrize(
    ("changes", "watched"),
    [
        ({}, ("AWS/SageMaker", "InvocationsPerInstance", "Sum", 60)),
        ({"metric": "concurrency"}, ("AWS/SageMaker", "ConcurrentRequestsPerModel", "Maximum", 10)),
        ({"metric": "custom", "custom_metric": "Mine Depth Maximum"}, ("Mine", "Depth", "Maximum", 60)),
    ],
)
def test_the_alarm_watches_the_same_metric(changes: Any, watched: tuple[Any, ...]) -> None:
    plan = dataclasses.replace(PLAN, **changes)
    request = build_step_alarm(plan, STEPS, policy_arn="arn:policy")
    assert errors_of("cloudwatch", "PutMetricAlarm", request) == ""
    members = ("Namespace", "MetricName", "Statistic", "Period")
    assert tuple(request[member] for member in members) == watched
    assert (request["Threshold"], request["AlarmActions"]) == (200.0, ["arn:policy"])
