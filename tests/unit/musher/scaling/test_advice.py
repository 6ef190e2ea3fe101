"""What the simulator would set for a load that was measured, or why it says nothing."""

from typing import Any

import numpy as np
import pytest

from musher.scaling.advice import NO_GOAL, advise
from tests.unit.musher.load_records import measure_all

MEASURED = measure_all([0.05] * 100)


def ask(**changes: Any) -> Any:
    """Return the advice for five requests a second over two minutes, each of which takes 50 ms."""
    given: dict[str, Any] = {
        "measured": MEASURED,
        "arrivals": np.full(120, 5),
        "instances": 1,
        "instance_type": "ml.m5.large",
        "goal_ms": 500.0,
        **changes,
    }
    return advise(given.pop("measured"), **given)


def test_a_light_load_needs_one_instance() -> None:
    found = ask()
    assert found["reason"] is None
    assert (found["instance_type"], found["seconds"], found["goal_ms"]) == ("ml.m5.large", 120.0, 500.0)
    assert found["usd_per_hour"] == pytest.approx(0.115)
    assert 50 < found["p99_ms"] <= 500
    assert found["tried"] > 3


def test_a_load_that_one_instance_cannot_bear_costs_more() -> None:
    found = ask(arrivals=np.full(120, 38), instances=4)
    assert found["usd_per_hour"] > 0.2
    assert found["p99_ms"] <= 500


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"goal_ms": None}, NO_GOAL),
        ({"instance_type": "ml.x9.huge"}, "No price is noted for ml.x9.huge."),
        ({"instance_type": None}, "No price is noted for the instances."),
        ({"measured": measure_all([])}, "measured no success"),
        ({"arrivals": np.full(120, 30)}, "they waited there, or"),
        ({"goal_ms": 1.0}, "keeps the p99 under 1 ms."),
    ],
)
def test_what_it_cannot_say_it_does_not(changes: dict[str, Any], reason: str) -> None:
    found = ask(**changes)
    assert reason in found["reason"]
    assert (found["plan"], found["usd_per_hour"], found["p99_ms"]) == (None, None, None)
