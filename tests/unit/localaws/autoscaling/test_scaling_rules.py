"""Target tracking, steps and cooldowns: figures in, capacities out."""

import math
from typing import Any

import pytest

from localaws.autoscaling.cooldown import Cooldown
from localaws.autoscaling.errors import InvalidError
from localaws.autoscaling.spec import INSTANCE_COUNT, TRACKING, Place
from localaws.autoscaling.stepping import adjust, decide_step, find_step, round_change
from localaws.autoscaling.tracking import decide_target_tracking
from localaws.autoscaling.validation import check_policy
from localaws.cloudwatch.alarms.evaluation import evaluate_alarm

VARIANT = Place(namespace="sagemaker", resource_id="endpoint/e/variant/v", dimension=INSTANCE_COUNT)
STEPS = [
    {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
    {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 3},
]
BELOW = [
    {"MetricIntervalUpperBound": 0.0, "MetricIntervalLowerBound": -10.0, "ScalingAdjustment": -1},
    {"MetricIntervalUpperBound": -10.0, "ScalingAdjustment": -2},
]


@pytest.mark.parametrize(
    ("capacity", "value", "target", "scale_in", "expected"),
    [
        (1, 30.0, 30.0, True, 1),
        (1, 30.1, 30.0, False, 2),
        (1, 90.0, 30.0, False, 3),
        (1, 1000.0, 30.0, False, 4),
        (3, 0.1, 0.1, True, 3),
        (3, 0.7, 0.7, False, 3),
        (3, 10.0, 30.0, True, 1),
        (3, 10.0, 30.0, False, 3),
        (3, 11.0, 30.0, True, 2),
        (3, 0.0, 30.0, True, 1),
        (4, 27.0, 30.0, True, 4),
        (0, 500.0, 30.0, False, 1),
        (6, 30.0, 30.0, False, 4),
    ],
)
def test_capacity_follows_the_metric_in_proportion_and_within_the_bounds(
    capacity: int, value: float, target: float, scale_in: bool, expected: int
) -> None:
    found = decide_target_tracking(
        capacity=capacity,
        metric_value=value,
        target=target,
        min_capacity=1,
        max_capacity=4,
        scale_in=scale_in,
    )
    assert found == expected


def test_a_quotient_beyond_all_numbers_asks_for_the_most() -> None:
    found = decide_target_tracking(
        capacity=2, metric_value=1e200, target=5e-324, min_capacity=1, max_capacity=4, scale_in=False
    )
    assert found == 4


@pytest.mark.parametrize("target", ["NaN", "Infinity", math.inf, -math.inf, 0, -1.0, None])
def test_a_target_that_no_metric_comes_to_is_refused(target: Any) -> None:
    """JSON has texts for what is no number, and the model of the API lets them through."""
    config = {"TargetValue": target, "CustomizedMetricSpecification": {"MetricName": "m", "Namespace": "n"}}
    with pytest.raises(InvalidError, match="TargetValue must be greater than 0"):
        check_policy(TRACKING, config, place=VARIANT)


def test_a_ratio_leaves_nothing_at_none() -> None:
    """An asynchronous endpoint without instances needs a step policy to leave zero."""
    found = decide_target_tracking(
        capacity=0, metric_value=9.0, target=1.0, min_capacity=0, max_capacity=4, scale_in=False
    )
    assert found == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [(12.7, 12), (0.67, 1), (-0.58, -1), (-6.67, -6), (0.0, 0), (1.0, 1), (-1.0, -1), (-1.5, -1)],
)
def test_changes_are_rounded_towards_zero_but_never_to_it(change: float, expected: int) -> None:
    assert round_change(change) == expected


@pytest.mark.parametrize(
    ("capacity", "kind", "adjustment", "least", "expected"),
    [
        (10, "ChangeInCapacity", 3, None, 13),
        (10, "ChangeInCapacity", -3, None, 7),
        (10, "ExactCapacity", 3, None, 3),
        (10, "PercentChangeInCapacity", 30, None, 13),
        (10, "PercentChangeInCapacity", 5, None, 11),
        (10, "PercentChangeInCapacity", 30, 5, 15),
        (10, "PercentChangeInCapacity", -10, 2, 8),
        (10, "PercentChangeInCapacity", 0, 2, 10),
        (0, "PercentChangeInCapacity", 100, None, 0),
    ],
)
def test_adjustments(capacity: int, kind: str, adjustment: int, least: int | None, expected: int) -> None:
    assert adjust(capacity, kind=kind, adjustment=adjustment, least=least) == expected


@pytest.mark.parametrize(("value", "expected"), [(49.9, None), (50.0, 1), (59.9, 1), (60.0, 3), (1000.0, 3)])
def test_above_a_threshold_lower_bounds_belong_to_their_step(value: float, expected: int | None) -> None:
    step = find_step(STEPS, metric_value=value, threshold=50.0, is_above=True)
    assert (step and step["ScalingAdjustment"]) == expected


@pytest.mark.parametrize(("value", "expected"), [(50.1, None), (50.0, -1), (40.1, -1), (40.0, -2), (0.0, -2)])
def test_below_a_threshold_upper_bounds_belong_to_their_step(value: float, expected: int | None) -> None:
    step = find_step(BELOW, metric_value=value, threshold=50.0, is_above=False)
    assert (step and step["ScalingAdjustment"]) == expected


@pytest.mark.parametrize(("value", "expected"), [(49.0, None), (55.0, 3), (100.0, 4)])
def test_a_step_stays_within_the_bounds(value: float, expected: int | None) -> None:
    found = decide_step(
        {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": STEPS},
        capacity=2,
        metric_value=value,
        threshold=50.0,
        is_above=True,
        min_capacity=1,
        max_capacity=4,
    )
    assert found == expected


def test_what_a_scale_out_added_counts_while_it_cools_down() -> None:
    cooldown = Cooldown()
    assert cooldown.base_for_out(10, now_s=0.0) == 10
    cooldown.begin(before=10, after=12, now_s=100.0, cooldown_s=300.0)
    assert cooldown.base_for_out(12, now_s=399.0) == 10
    assert cooldown.base_for_out(12, now_s=400.0) == 12
    assert cooldown.base_for_out(8, now_s=399.0) == 8
    assert cooldown.allows_in(now_s=101.0)


def test_a_scale_in_blocks_the_next_and_a_scale_out_ends_that() -> None:
    cooldown = Cooldown()
    assert cooldown.allows_in(now_s=0.0)
    cooldown.begin(before=4, after=2, now_s=100.0, cooldown_s=300.0)
    assert not cooldown.allows_in(now_s=399.0)
    assert cooldown.base_for_out(2, now_s=399.0) == 2
    cooldown.begin(before=2, after=3, now_s=200.0, cooldown_s=0.0)
    assert cooldown.allows_in(now_s=200.0)
    assert cooldown.base_for_out(3, now_s=200.0) == 3


@pytest.mark.parametrize(
    ("points", "treat_missing", "previous", "expected"),
    [
        ([31.0, 31.0, 31.0], "missing", "OK", "ALARM"),
        ([31.0, 30.0, 31.0], "missing", "OK", "OK"),
        ([None] * 5, "missing", "OK", "INSUFFICIENT_DATA"),
        ([None] * 5, "ignore", "ALARM", "ALARM"),
        ([None] * 5, "breaching", "OK", "ALARM"),
        ([None] * 5, "notBreaching", "ALARM", "OK"),
        ([1.0] * 9 + [31.0] * 3, "missing", "OK", "ALARM"),
        ([None, None, None, None, 31.0], "missing", "INSUFFICIENT_DATA", "INSUFFICIENT_DATA"),
        ([31.0, None, 31.0, None, 31.0], "missing", "OK", "ALARM"),
    ],
)
def test_an_alarm_is_evaluated_on_plain_values(
    points: list[float | None], treat_missing: str, previous: str, expected: str
) -> None:
    found = evaluate_alarm(
        points,
        threshold=30.0,
        comparison="GreaterThanThreshold",
        evaluation_periods=3,
        datapoints_to_alarm=None,
        treat_missing=treat_missing,
        previous_state=previous,
    )
    assert found == expected
