"""The plan of a deployment: stages, shares, batches, and what follows from what is seen."""

from typing import Any

import pytest

from localaws.sagemaker.endpoints.deployments.schedule import (
    Progress,
    Sight,
    Stage,
    advance,
    plan_rollback,
    plan_stages,
)
from localaws.sagemaker.endpoints.deployments.spec import CANARY, LINEAR, ROLLING, Deployment, Size
from localaws.sagemaker.endpoints.deployments.states import ENDS, TRANSITIONS, UNDER_WATCH, Phase

PERCENT, COUNT = "CAPACITY_PERCENT", "INSTANCE_COUNT"


def deployment(kind: str, size: tuple[str, int], **changes: Any) -> Deployment:
    return Deployment(kind=kind, step=Size(kind=size[0], value=size[1]), wait_s=60, **changes)


def shares(found: tuple[Stage, ...], name: str = "v") -> list[float]:
    return [round(stage.share[name], 6) for stage in found]


def test_without_a_config_all_traffic_goes_over_at_once_and_nothing_is_waited_for() -> None:
    (stage,) = plan_stages(Deployment(), blue={"v": 1}, green={"v": 3})
    assert (stage.green, stage.active, stage.share, stage.blue) == ({"v": 3}, {"v": 3}, {"v": 1.0}, {})
    assert stage.bake_s == 0
    assert stage.is_full


@pytest.mark.parametrize(
    ("size", "total", "share", "active"),
    [
        ((PERCENT, 30), 10, 0.3, 3),
        ((PERCENT, 10), 1, 0.1, 1),
        ((PERCENT, 50), 3, 0.5, 2),
        ((COUNT, 1), 4, 0.25, 1),
        ((COUNT, 2), 4, 0.5, 2),
    ],
)
def test_a_canary_gets_its_share_and_then_all(
    size: tuple[str, int], total: int, share: float, active: int
) -> None:
    plan = deployment(CANARY, size, termination_wait_s=600)
    first, last = plan_stages(plan, blue={"v": 2}, green={"v": total})
    assert (first.share, first.active, first.green) == ({"v": share}, {"v": active}, {"v": total})
    assert (first.blue, first.bake_s, first.bake_member) == ({"v": 2}, 60, "WaitIntervalInSeconds")
    assert not first.is_full
    assert (last.share, last.active, last.blue) == ({"v": 1.0}, {"v": total}, {})
    assert (last.bake_s, last.bake_member) == (600, "TerminationWaitInSeconds")


@pytest.mark.parametrize(
    ("size", "total", "expected"),
    [
        ((PERCENT, 50), 2, [0.5, 1.0]),
        ((PERCENT, 33), 3, [0.33, 0.66, 0.99, 1.0]),
        ((PERCENT, 10), 10, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ((COUNT, 1), 4, [0.25, 0.5, 0.75, 1.0]),
        ((COUNT, 2), 5, [0.4, 0.8, 1.0]),
    ],
)
def test_linear_steps_add_up(size: tuple[str, int], total: int, expected: list[float]) -> None:
    found = plan_stages(deployment(LINEAR, size), blue={"v": total}, green={"v": total})
    assert shares(found) == expected
    assert all(stage.blue == {"v": total} for stage in found[:-1])
    assert [stage.bake_s for stage in found] == [60] * (len(found) - 1) + [0]


def test_each_variant_has_its_own_share_and_all_end_together() -> None:
    plan = deployment(LINEAR, (COUNT, 1))
    found = plan_stages(plan, blue={"a": 2, "b": 4}, green={"a": 2, "b": 4})
    assert shares(found, "a") == [0.5, 1.0, 1.0, 1.0]
    assert shares(found, "b") == [0.25, 0.5, 0.75, 1.0]
    assert [stage.is_full for stage in found] == [False, False, False, True]


@pytest.mark.parametrize(
    ("size", "old", "new", "green", "blue"),
    [
        ((COUNT, 1), 3, 3, [1, 2, 3], [2, 1, 0]),
        ((PERCENT, 50), 4, 4, [2, 4], [2, 0]),
        ((PERCENT, 30), 10, 10, [3, 6, 9, 10], [7, 4, 1, 0]),
        ((PERCENT, 5), 4, 4, [1, 2, 3, 4], [3, 2, 1, 0]),
        ((COUNT, 2), 2, 4, [2, 4], [1, 0]),
        ((COUNT, 1), 4, 2, [1, 2], [2, 0]),
        ((PERCENT, 50), 0, 1, [1], [0]),
        ((PERCENT, 50), 1, 0, [0], [0]),
    ],
)
def test_rolling_batches_replace_the_old_fleet_in_proportion(
    size: tuple[str, int], old: int, new: int, green: list[int], blue: list[int]
) -> None:
    found = plan_stages(deployment(ROLLING, size), blue={"v": old}, green={"v": new})
    assert [stage.green["v"] for stage in found] == green
    assert [stage.blue["v"] for stage in found] == blue
    assert shares(found) == [round(count / max(new, 1), 6) for count in green[:-1]] + [1.0]
    assert all(stage.bake_s == 60 for stage in found)


def test_a_rolling_deployment_never_has_less_capacity_than_the_smaller_fleet() -> None:
    for old in range(1, 9):
        for new in range(2, 9):
            left = old
            for stage in plan_stages(deployment(ROLLING, (COUNT, 1)), blue={"v": old}, green={"v": new}):
                assert left + stage.green["v"] >= min(old, new), (old, new, stage)
                left = stage.blue["v"]
                assert left + stage.green["v"] >= min(old, new), (old, new, stage)


def test_a_blue_green_deployment_goes_back_in_one_step() -> None:
    (stage,) = plan_rollback(deployment(CANARY, (COUNT, 1)), blue={"v": 3}, left={"v": 3}, green={"v": 3})
    assert (stage.blue, stage.green, stage.share) == ({"v": 3}, {}, {})


def test_a_rolling_deployment_brings_the_whole_old_fleet_back_at_once_by_default() -> None:
    (stage,) = plan_rollback(deployment(ROLLING, (COUNT, 1)), blue={"v": 3}, left={"v": 1}, green={"v": 2})
    assert (stage.blue, stage.green) == ({"v": 3}, {})


def test_a_rolling_deployment_goes_back_in_batches_where_it_is_asked_to() -> None:
    plan = deployment(ROLLING, (COUNT, 1), rollback_step=Size(kind=COUNT, value=1))
    found = plan_rollback(plan, blue={"v": 4}, left={"v": 1}, green={"v": 3})
    assert [stage.blue["v"] for stage in found] == [2, 3, 4]
    assert [stage.green["v"] for stage in found] == [2, 1, 0]
    assert shares(found) == [0.5, 0.25, 0.0]


def test_a_rollback_before_the_first_batch_is_ready_has_nothing_to_bring_back() -> None:
    plan = deployment(ROLLING, (COUNT, 1), rollback_step=Size(kind=COUNT, value=1))
    (stage,) = plan_rollback(plan, blue={"v": 4}, left={"v": 4}, green={"v": 1})
    assert (stage.blue, stage.green) == ({"v": 4}, {})


STAGES = plan_stages(deployment(CANARY, (COUNT, 1), termination_wait_s=120), blue={"v": 2}, green={"v": 2})
SLOW, READY = Sight(now_s=100.0), Sight(now_s=100.0, is_ready=True)


def at(phase: Phase, stage: int = 0, *, since_s: float = 100.0) -> Progress:
    return Progress(phase=phase, stage=stage, since_s=since_s)


@pytest.mark.parametrize(
    ("progress", "sight", "phase", "stage"),
    [
        (at(Phase.CREATING), SLOW, Phase.CREATING, 0),
        (at(Phase.CREATING), READY, Phase.ACTIVATING, 0),
        (at(Phase.ACTIVATING), SLOW, Phase.BAKING, 0),
        (at(Phase.BAKING, since_s=41), READY, Phase.BAKING, 0),
        (at(Phase.BAKING, since_s=40), SLOW, Phase.DELETING, 0),
        (at(Phase.DELETING), SLOW, Phase.DELETING, 0),
        (at(Phase.DELETING), READY, Phase.CREATING, 1),
        (at(Phase.BAKING, 1, since_s=40), SLOW, Phase.BAKING, 1),
        (at(Phase.BAKING, 1, since_s=-20), SLOW, Phase.DELETING, 1),
        (at(Phase.DELETING, 1), READY, Phase.DONE, 1),
        (at(Phase.DONE, 1), READY, Phase.DONE, 1),
    ],
)
def test_what_is_awaited_leads_to_the_next_phase(
    progress: Progress, sight: Sight, phase: Phase, stage: int
) -> None:
    after = advance(progress, sight, stages=STAGES)
    assert (after.phase, after.stage) == (phase, stage)
    assert after.since_s == (progress.since_s if after.phase is progress.phase else 100.0)


@pytest.mark.parametrize("phase", sorted(UNDER_WATCH, key=str))
@pytest.mark.parametrize(
    ("sight", "reason", "alarms"),
    [
        (Sight(now_s=100.0, is_ready=True, alarming=("errors",)), None, ("errors",)),
        (Sight(now_s=100.0, failure="no ping", alarming=("errors",)), "no ping", ()),
        (
            Sight(now_s=701.0, is_ready=True),
            "The deployment took longer than MaximumExecutionTimeoutInSeconds.",
            (),
        ),
    ],
)
def test_a_failure_an_alarm_and_the_time_limit_take_it_back(
    phase: Phase, sight: Sight, reason: str | None, alarms: tuple[str, ...]
) -> None:
    after = advance(at(phase), sight, stages=STAGES, deadline_s=700.0)
    assert (after.phase, after.reason, after.alarms) == (Phase.ROLLING_BACK, reason, alarms)


def test_nothing_takes_it_back_once_the_old_fleet_ends() -> None:
    sight = Sight(now_s=9_999.0, is_ready=True, alarming=("errors",))
    assert advance(at(Phase.DELETING, 1), sight, stages=STAGES, deadline_s=1.0).phase is Phase.DONE


def test_only_the_moves_of_the_table_of_phases_are_made() -> None:
    sights = [SLOW, READY, Sight(now_s=100.0, alarming=("a",)), Sight(now_s=10_000.0, is_ready=True)]
    for phase in Phase:
        for stage in (0, 1):
            for sight in sights:
                after = advance(at(phase, stage), sight, stages=STAGES).phase
                assert after is phase or after in TRANSITIONS[phase], (phase, sight)
    assert {phase for phase in Phase if not TRANSITIONS[phase]} == ENDS
