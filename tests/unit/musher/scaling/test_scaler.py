"""The loop of metric, alarm, cooldown and desired capacity."""

from collections.abc import Iterable

import pytest

from musher.errors import ScalingError
from musher.scaling.decisions import Step
from musher.scaling.policies import (
    Policy,
    ScalingPlan,
    ScheduledAction,
    StepScaling,
    TargetTracking,
    fixed,
)
from musher.scaling.scaler import Change, Scaler

TARGET = TargetTracking(target=100)


def make_scaler(*policies: Policy, scheduled: Iterable[ScheduledAction] = ()) -> Scaler:
    """Return the scaler of a variant with 1 to 10 instances."""
    plan = ScalingPlan(
        name="p", initial=1, min_capacity=1, max_capacity=10, policies=policies, scheduled=list(scheduled)
    )
    return Scaler(plan)


def decide_after(scaler: Scaler, values: Iterable[float | None], *, capacity: int) -> Change | None:
    """Observe a value a minute; return what is decided after the last one."""
    for value in values:
        scaler.observe(value)
    return scaler.decide(capacity=capacity, now_s=0)


def test_three_high_minutes_scale_out_and_two_do_not() -> None:
    assert decide_after(make_scaler(TARGET), [250, 250], capacity=1) is None
    assert decide_after(make_scaler(TARGET), [250, 250, 250], capacity=1) == Change(
        capacity=3, cooldown_s=300
    )


def test_the_newest_minute_says_how_far_out() -> None:
    change = decide_after(make_scaler(TARGET), [900, 900, 150], capacity=2)
    assert change == Change(capacity=3, cooldown_s=300)


def test_fifteen_quiet_minutes_scale_in_to_what_the_busiest_of_them_needed() -> None:
    assert decide_after(make_scaler(TARGET), [10] * 14, capacity=8) is None
    assert decide_after(make_scaler(TARGET), [10, 40] + [10] * 13, capacity=8) == Change(
        capacity=4, cooldown_s=300
    )


def test_between_nine_tenths_of_the_target_and_the_target_nothing_happens() -> None:
    assert decide_after(make_scaler(TARGET), [90, 100] * 20, capacity=8) is None


def test_without_data_it_never_scales_in() -> None:
    assert decide_after(make_scaler(TARGET), [None] * 30, capacity=8) is None


def test_disabled_scale_in_only_goes_out() -> None:
    policy = TargetTracking(target=100, disable_scale_in=True)
    assert decide_after(make_scaler(policy), [0] * 30, capacity=8) is None
    assert decide_after(make_scaler(policy), [200] * 3, capacity=2) == Change(capacity=4, cooldown_s=300)


def test_in_a_scale_out_cooldown_only_a_larger_one_passes() -> None:
    scaler = make_scaler(TARGET)
    scaler.finish(before=2, after=4, cooldown_s=300, now_s=0)
    assert decide_after(scaler, [200] * 3, capacity=4) is None
    assert decide_after(scaler, [250], capacity=4) == Change(capacity=5, cooldown_s=300)
    assert scaler.decide(capacity=4, now_s=300) == Change(capacity=10, cooldown_s=300)


def test_in_a_scale_in_cooldown_nothing_goes_in_but_everything_goes_out() -> None:
    scaler = make_scaler(TARGET)
    scaler.finish(before=8, after=4, cooldown_s=300, now_s=0)
    assert decide_after(scaler, [10] * 20, capacity=4) is None
    assert scaler.decide(capacity=4, now_s=300) == Change(capacity=1, cooldown_s=300)
    assert decide_after(scaler, [500] * 3, capacity=1) == Change(capacity=5, cooldown_s=300)


def test_the_largest_of_several_policies_goes_out() -> None:
    other = TargetTracking(target=50, scale_out_cooldown_s=60)
    assert decide_after(make_scaler(TARGET, other), [200] * 3, capacity=2) == Change(
        capacity=8, cooldown_s=60
    )


def test_in_only_if_all_agree() -> None:
    reluctant = TargetTracking(target=15)
    assert decide_after(make_scaler(TARGET, reluctant), [14] * 20, capacity=8) is None
    assert decide_after(make_scaler(TARGET, reluctant), [10] * 20, capacity=8) == Change(
        capacity=6, cooldown_s=300
    )


def test_a_policy_that_may_not_scale_in_does_not_have_to_agree() -> None:
    silent = TargetTracking(target=15, disable_scale_in=True)
    assert decide_after(make_scaler(TARGET, silent), [14] * 20, capacity=8) == Change(
        capacity=2, cooldown_s=300
    )


def test_a_step_policy_adds_by_its_steps() -> None:
    policy = StepScaling(
        threshold=100,
        comparison="GreaterThanOrEqualToThreshold",
        steps=(Step(lower=0, upper=50, adjustment=1), Step(lower=50, adjustment=3)),
        cooldown_s=120,
    )
    assert decide_after(make_scaler(policy), [160] * 3, capacity=2) == Change(capacity=5, cooldown_s=120)
    assert decide_after(make_scaler(policy), [100] * 3, capacity=2) == Change(capacity=3, cooldown_s=120)


def test_a_step_policy_takes_away_by_its_steps() -> None:
    policy = StepScaling(threshold=20, comparison="LessThanThreshold", steps=(Step(upper=0, adjustment=-2),))
    assert decide_after(make_scaler(policy), [10] * 3, capacity=5) == Change(capacity=3, cooldown_s=300)


def test_a_scheduled_action_moves_the_bounds_and_the_capacity_into_them() -> None:
    scaler = make_scaler(scheduled=[ScheduledAction(at_s=600, min_capacity=4, every_s=None)])
    assert scaler.reschedule(after_s=480, until_s=540, capacity=1) == 1
    assert scaler.reschedule(after_s=540, until_s=600, capacity=1) == 4
    assert scaler.reschedule(after_s=600, until_s=660, capacity=12) == 10
    assert (scaler.min_capacity, scaler.max_capacity) == (4, 10)


def test_a_daily_action_comes_each_day() -> None:
    action = ScheduledAction(at_s=100, max_capacity=1)
    due = [second for second in range(0, 200_000, 60) if action.is_due(after_s=second - 60, until_s=second)]
    assert due == [120, 86_520, 172_920]


def test_an_action_of_one_moment_comes_once() -> None:
    action = ScheduledAction(at_s=0, max_capacity=1, every_s=None)
    assert action.is_due(after_s=-60, until_s=0)
    assert not action.is_due(after_s=86_340, until_s=86_400)


@pytest.mark.parametrize(("low", "high", "initial"), [(0, 5, 1), (3, 2, 3), (1, 5, 6)])
def test_bounds_that_no_variant_has_are_refused(low: int, high: int, initial: int) -> None:
    with pytest.raises(ScalingError):
        ScalingPlan(name="p", initial=initial, min_capacity=low, max_capacity=high)


def test_policies_that_aws_refuses_are_refused() -> None:
    with pytest.raises(ScalingError, match="target"):
        TargetTracking(target=0)
    with pytest.raises(ScalingError, match="cooldown"):
        TargetTracking(target=1, scale_in_cooldown_s=-1)
    with pytest.raises(ScalingError, match="no steps"):
        StepScaling(threshold=1, comparison="GreaterThanThreshold", steps=())


def test_a_fixed_plan_asks_for_nothing() -> None:
    assert decide_after(Scaler(fixed(3)), [1e9] * 30, capacity=3) is None
