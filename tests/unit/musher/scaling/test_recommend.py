"""The cheapest plan for a goal, and why it is that one."""

import numpy as np
import pytest

from musher.errors import ScalingError
from musher.scaling.instances import Instance, from_samples
from musher.scaling.recommend import Goal, needed, plan_hours, plan_scaling, recommend

SMALL = Instance(instance_type="small", service=from_samples([0.1]), price_usd_per_hour=1.0)
LARGE = Instance(instance_type="large", service=from_samples([0.1]), price_usd_per_hour=3.0, slots=4)
STEADY = np.full(3600, 40.0)


def wave(days: int) -> "np.typing.NDArray[np.float64]":
    """Return days with a quiet night and a busy noon."""
    seconds = np.arange(days * 86_400)
    return 5 + 100 * (1 - np.cos(2 * np.pi * seconds / 86_400)) / 2


def test_the_cheaper_of_two_types_is_chosen_with_its_evidence() -> None:
    found = recommend(STEADY, instances=[SMALL, LARGE], goal=Goal(p99_ms=400))
    assert found.best is not None
    assert found.best.instance_type == "large"
    assert found.best.latencies.p99_ms <= 400
    assert {outcome.instance_type for outcome in found.tried} == {"small", "large"}
    costs = [outcome.cost_usd for outcome in found.tried]
    assert costs == sorted(costs)


def test_nothing_that_is_cheaper_keeps_the_goal() -> None:
    goal = Goal(p99_ms=400)
    found = recommend(STEADY, instances=[SMALL, LARGE], goal=goal)
    assert found.best is not None
    cheaper = [outcome for outcome in found.tried if outcome.cost_usd < found.best.cost_usd]
    assert cheaper
    assert not any(goal.is_met_by(outcome) for outcome in cheaper)


def test_a_steady_load_needs_no_scaling() -> None:
    found = recommend(STEADY, instances=[LARGE], goal=Goal(p99_ms=400))
    assert found.best is not None
    assert found.best.plan.startswith("fixed")


def test_a_goal_below_the_service_time_is_met_by_nothing() -> None:
    found = recommend(STEADY, instances=[SMALL], goal=Goal(p99_ms=50))
    assert found.best is None
    assert found.tried


def test_a_quiet_night_is_worth_scaling() -> None:
    found = recommend(wave(2), instances=[LARGE], goal=Goal(p99_ms=400))
    assert found.best is not None
    fixed_ones = [
        outcome
        for outcome in found.tried
        if outcome.plan.startswith("fixed") and outcome.latencies.p99_ms <= 400
    ]
    assert not found.best.plan.startswith("fixed")
    assert found.best.cost_usd < min(outcome.cost_usd for outcome in fixed_ones)


def test_schedules_are_tried_from_two_days_on() -> None:
    names = [[plan.name for plan in plan_scaling(wave(days), LARGE)] for days in (1, 2)]
    assert not any(name.startswith("scheduled") for name in names[0])
    assert sum(name.startswith("scheduled") for name in names[1]) == 3


def test_a_schedule_raises_before_the_hour_and_lowers_at_it() -> None:
    plan = plan_hours(wave(2), LARGE, 0.5)
    needs = [needed(float(day.max()), LARGE, 0.5) for day in wave(1).reshape(24, 3600)]
    rising = [need > needs[hour - 1] for hour, need in enumerate(needs)]
    assert any(rising)
    for hour, action in enumerate(plan.scheduled):
        assert (action.min_capacity, action.max_capacity) == (needs[hour], needs[hour])
        assert action.at_s == (hour * 3600 - 240 * rising[hour]) % 86_400


def test_failures_count_against_a_goal() -> None:
    narrow = Instance(instance_type="n", service=from_samples([0.1]), price_usd_per_hour=1, room=0)
    found = recommend(STEADY, instances=[narrow], goal=Goal(p99_ms=10_000))
    assert found.best is None


@pytest.mark.parametrize("wrong", [{"p99_ms": 0}, {"p99_ms": 10, "max_failed_share": 1}])
def test_a_goal_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ScalingError, match="goal"):
        Goal(**wrong)


def test_without_instance_types_there_is_no_choice() -> None:
    with pytest.raises(ScalingError, match="no instance type"):
        recommend(STEADY, instances=[], goal=Goal(p99_ms=1))


def test_more_instances_than_an_account_has_are_refused() -> None:
    with pytest.raises(ScalingError, match="too many"):
        needed(1e6, SMALL, 0.5)
