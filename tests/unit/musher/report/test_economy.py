"""What a load test says of traffic, cost and efficiency: numbers that can be computed by hand, or none."""

from typing import Any

import pytest

from musher.report.economy import list_figures, mean_instances
from musher.scaling.advice import unadvised
from musher.scaling.prediction import unpredicted
from tests.unit.musher.load_records import measure_all, store_all
from tests.unit.musher.report.test_load_charts import LOAD, SCALING

PREDICTED = LOAD["predicted"]
SERVED = [{"at_s": 0.0, "current": 1, "desired": 1}, {"at_s": 5.0, "current": 3, "desired": 3}]
ADVICE = {
    **unadvised(""),
    "reason": None,
    "plan": "fixed 1",
    "instance_type": "ml.m5.large",
    "usd_per_hour": 0.115,
    "p99_ms": 88.0,
    "goal_ms": 2000.0,
    "tried": 11,
    "seconds": 10.0,
}


def figures(**changes: Any) -> dict[str, tuple[str, str]]:
    """Return value and origin of each figure of 100 requests in ten seconds, each of which took 100 ms."""
    given: dict[str, Any] = {
        "instances": SERVED,
        "instance_type": "ml.m5.large",
        "scaling": SCALING,
        "predicted": PREDICTED,
        "advice": ADVICE,
        **changes,
    }
    record = store_all(given.pop("measured", measure_all([0.1] * 100)), **given)
    return {figure.name: (figure.value, figure.how) for figure in list_figures(record)}


def test_the_figures_are_those_of_a_calculation_by_hand() -> None:
    found = {name: value for name, (value, _) in figures().items()}
    assert found == {
        "Carried by each instance": "5 requests/s",
        "Most that an instance could carry": "10 requests/s",
        "Share of the time an instance was busy": "50.0 % at most",
        "Cost of 1,000 requests at this rate": "$0.00639",
        "Cost of an hour with the fewest instances": "$0.115",
        "Cost of an hour with the most instances": "$0.345",
        "The simulator would take": "fixed 1: $0.115 an hour",
    }


def test_each_figure_says_how_it_was_computed() -> None:
    hows = {name: how for name, (_, how) in figures().items()}
    assert hows["Carried by each instance"] == (
        "measured: 10 answered a second on 2.00 instances in the mean"
    )
    assert (
        "2.00 x ml.m5.large at $0.115 an hour (us-east-1, noted"
        in (hows["Cost of 1,000 requests at this rate"])
    )
    assert "shared by 36,000 requests an hour" in hows["Cost of 1,000 requests at this rate"]
    assert hows["The simulator would take"] == (
        "the cheapest of 11 plans for ml.m5.large whose p99 stays under 2 s for this load (10 s of it); its "
        "p99 would be 88 ms"
    )


@pytest.mark.parametrize(
    ("instance_type", "why"),
    [("ml.x9.huge", "No price is noted for ml.x9.huge."), (None, "The instances' type is not known.")],
)
def test_without_a_price_nothing_costs_anything_that_is_told(instance_type: str | None, why: str) -> None:
    found = figures(instance_type=instance_type)
    for name, (value, how) in found.items():
        if name.startswith("Cost"):
            assert (value, how) == ("-", why)


def test_requests_that_waited_on_the_instance_say_nothing_of_what_it_can_do() -> None:
    found = figures(measured=measure_all([0.5] * 100), predicted=unpredicted("They waited."))
    assert found["Most that an instance could carry"] == ("-", "They waited.")
    value, how = found["Share of the time an instance was busy"]
    assert value == "-"
    assert "2.5 requests at once on an instance" in how


def test_a_load_test_without_answers_has_no_share_and_no_price_of_requests() -> None:
    found = figures(measured=measure_all([], failures=["http_503"] * 10), advice=unadvised("Nothing."))
    assert found["Share of the time an instance was busy"][0] == "-"
    assert found["Cost of 1,000 requests at this rate"] == ("-", "Nothing was answered.")
    assert found["Cost of an hour with the most instances"][0] == "$0.345"
    assert found["The simulator would take"] == ("-", "Nothing.")


def test_where_nothing_scales_there_is_one_price_and_a_function_has_none() -> None:
    found = figures(scaling=None, instances=[SERVED[0]], advice=None)
    assert found["Cost of an hour"][0] == "$0.115"
    assert "The simulator would take" not in found
    assert figures(instances=[]) == {}


@pytest.mark.parametrize(("length_s", "mean"), [(10.0, 2.0), (5.0, 1.0), (20.0, 2.5), (2.5, 1.0)])
def test_instances_count_for_as_long_as_they_served(length_s: float, mean: float) -> None:
    assert mean_instances(SERVED, length_s=length_s) == mean
