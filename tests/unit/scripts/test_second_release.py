"""What a demo's second release is asked for, and what makes it good."""

from pathlib import Path
from typing import Any

import pytest

from scripts.second_release import UPDATE_TASK, Moments, check_second, describe_second, plan_second
from tests.unit.scripts.second_releases import make_second

TUNED: Any = {"tuning": {"best": {"hyperparameters": {"learning_rate": 0.009, "batch_size": 64}}}}


def test_the_second_run_trains_alike_from_another_seed_with_the_values_that_were_found() -> None:
    conf = plan_second({"epochs": 5, "load_test_s": 30, "learning_rate": 0.1}, TUNED)
    assert conf == {
        "epochs": 5,
        "learning_rate": 0.009,
        "batch_size": 64,
        "tuning_strategy": "none",
        "load_test_s": 0,
        "seed": 2,
    }
    untuned = plan_second({"seed": 7, "learning_rate": 0.1}, {"tuning": {"best": None}})
    assert (untuned["seed"], untuned["learning_rate"]) == (8, 0.1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"failure": "gate: worse"}, "the second release failed: gate: worse"),
        ({"failed": 3}, "3 of 200 requests failed while a second model went live"),
        ({"during": 0}, "no request was sent while instances were exchanged"),
        (
            {"after": "musher-1-a"},
            "musher-1-a serves after the update, not musher-2-b in place of musher-1-a",
        ),
        ({"after": "musher-1-a", "wanted": "musher-1-a"}, "musher-1-a serves after the update"),
        ({"wanted": None}, "musher-2-b serves after the update, not None"),
    ],
)
def test_an_update_that_is_none_or_loses_a_request_has_a_reason(changes: Any, reason: str) -> None:
    told = check_second(make_second(**changes))
    assert told is not None
    assert told.startswith(reason)


def test_a_good_update_has_no_reason_and_is_told_in_figures() -> None:
    second = make_second(report=Path("/x/report.html"))
    assert check_second(second) is None
    assert describe_second(second) == [
        "Update     musher-1-a -> musher-2-b of test accuracy 0.9800",
        "           200 requests meanwhile, 40 of them as instances were exchanged: 0 failed or never sent; "
        "p99 31 ms",
        "           its report: file:///x/report.html",
    ]
    assert describe_second(None) == []


def test_an_update_that_did_not_take_place_says_what_serves() -> None:
    lines = describe_second(make_second(after="musher-1-a", failed=2, p99_ms=None))
    assert lines[0] == "Update     none: musher-1-a serves"
    assert "2 failed or never sent; no answer" in lines[1]


def test_the_moments_are_those_of_the_task_that_exchanges_instances() -> None:
    times = iter([1.0, 2.0])
    moments = Moments(now=lambda: next(times))
    for event, task in (("starting", "train"), ("end", "train"), ("starting", UPDATE_TASK)):
        moments(event, task)
    assert (moments.began_s, moments.ended_s) == (1.0, None)
    moments("end", UPDATE_TASK)
    assert moments.ended_s == 2.0
