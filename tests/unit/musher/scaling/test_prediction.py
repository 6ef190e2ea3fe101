"""What the simulator says of a load test, and when it says nothing."""

from typing import Any

import numpy as np
import pytest

from musher.payloads.autoscaling import ScalingPlan
from musher.payloads.choices import CONCURRENCY, INVOCATIONS
from musher.scaling.prediction import list_changes, predict
from tests.unit.musher.load_records import measure_all


def plan(**changes: Any) -> ScalingPlan:
    """Return a policy of an endpoint: from 1 to 3 instances, at 100 requests a minute."""
    given: dict[str, Any] = {
        "endpoint_name": "musher-live",
        "min_instances": 1,
        "max_instances": 3,
        "metric": INVOCATIONS,
        "target": 100,
        "scale_out_cooldown_s": 30,
        "scale_in_cooldown_s": 30,
    }
    return ScalingPlan(**{**given, **changes})


MEASURED = measure_all([0.05] * 100)


def test_a_light_load_meets_the_service_times_that_were_measured() -> None:
    found = predict(MEASURED, arrivals=np.full(10, 2), instances=1, scaling=plan())
    assert found["reason"] is None
    assert found["p50_ms"] == pytest.approx(50, rel=0.1)
    assert (found["p99_ms"] or 0) > 50
    assert (found["highest"], found["instances"][0]) == (1, {"at_s": 0.0, "current": 1, "desired": 1})


def test_a_long_load_above_the_target_is_predicted_to_scale() -> None:
    found = predict(MEASURED, arrivals=np.full(1200, 5), instances=1, scaling=plan())
    assert found["highest"] == 3
    assert [point["current"] for point in found["instances"]] == [1, 3, 3]
    assert found["instances"][1]["at_s"] > 3 * 60


def test_without_a_policy_the_instances_stay() -> None:
    found = predict(MEASURED, arrivals=np.full(1200, 5), instances=2, scaling=None)
    assert found["highest"] == 2
    assert len(found["instances"]) == 2


@pytest.mark.parametrize(
    ("measured", "arrivals", "scaling", "reason"),
    [
        (MEASURED, np.full(10, 30), None, "they waited there, or"),
        (MEASURED, np.full(10, 2), plan(metric=CONCURRENCY), "Only policies that track invocations"),
        (MEASURED, np.full(10, 2), plan(has_steps=True), "and without steps"),
        (measure_all([]), np.full(10, 2), None, "measured no success"),
        ({}, np.full(10, 2), None, "no result of a load test"),
    ],
)
def test_what_cannot_be_predicted_is_not(measured: Any, arrivals: Any, scaling: Any, reason: str) -> None:
    found = predict(measured, arrivals=arrivals, instances=1, scaling=scaling)
    assert reason in (found["reason"] or "")
    assert (found["p99_ms"], found["highest"], found["instances"]) == (None, None, [])


def test_instances_are_listed_by_their_changes() -> None:
    found = list_changes(np.array([1] * 50 + [2] * 30 + [1] * 20))
    assert [(point["at_s"], point["current"]) for point in found] == [(0, 1), (50, 2), (80, 1), (99, 1)]
    assert len(list_changes(np.array([1]))) == 1
