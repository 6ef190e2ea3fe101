"""What the Params of a run say of its shadow."""

from collections.abc import Callable

from musher.stages.endpoint_plan import request_shadow
from musher.stages.run import Run


def test_a_run_has_no_shadow_unless_it_asks_for_one(form_run: Callable[..., Run]) -> None:
    assert request_shadow(form_run()) is None


def test_a_trial_has_none(form_run: Callable[..., Run]) -> None:
    assert request_shadow(form_run(lifetime="trial", comparison_percent=10)) is None


def test_its_limits_are_those_of_the_alarms(form_run: Callable[..., Run]) -> None:
    found = request_shadow(
        form_run(comparison_percent=10, comparison_s=120, max_latency_ms=300, max_error_percent=1)
    )
    assert found == {
        "role": "shadow",
        "percent": 10,
        "seconds": 120,
        "limits": {"max_error_percent": 1, "max_latency_ms": 300},
    }
