"""What a load test must show, and what it is not blamed for."""

from typing import Any

import pytest

from musher.traffic.limits import error_percent, find_misses, judged_p99_ms
from tests.unit.musher.load_records import measure_all


def misses(found: Any, *, p99_ms: float | None = None, percent: float = 1.0) -> list[str]:
    """Return what a result misses."""
    return find_misses(found, max_p99_ms=p99_ms, max_error_percent=percent)


def test_a_quick_target_without_errors_misses_nothing() -> None:
    assert misses(measure_all([0.02] * 50), p99_ms=50) == []


def test_a_slow_hundredth_is_a_miss_only_where_somebody_asks() -> None:
    found = measure_all([0.02] * 90 + [0.8] * 10)
    assert misses(found) == []
    assert misses(found, p99_ms=1000) == []
    [miss] = misses(found, p99_ms=500)
    assert "the p99 is 80" in miss
    assert "above 500 (load_test_max_p99_ms)" in miss


def test_failures_and_what_was_never_sent_are_errors_by_name() -> None:
    found: Any = measure_all([0.02] * 95, failures=["http_503"] * 3, dropped=2)
    assert error_percent(found) == pytest.approx(5)
    assert misses(found, percent=5) == []
    [miss] = misses(found, percent=4.9)
    assert miss.startswith(
        "5.00 % of the requests failed or were never sent (http_503 3, never sent 2), above 4.9"
    )


def test_no_success_at_all_misses_whatever_share_is_allowed() -> None:
    """Quick refusals leave no latency to be judged."""
    found = measure_all([], failures=["http_429"] * 10)
    assert misses(found, p99_ms=1, percent=100) == ["none of 10 requests succeeded (http_429 10)"]


def test_no_request_at_all_misses() -> None:
    assert misses(measure_all([])) == ["no request was due: the load is too low for so short a time"]


def test_a_generator_that_was_late_is_not_held_against_the_target() -> None:
    late: Any = measure_all([0.02] * 50, late_s=2.0)
    assert misses(late, p99_ms=100) == []
    assert misses(late, p99_ms=10) != []
    in_time: Any = measure_all([0.02] * 50, late_s=0.005)
    assert judged_p99_ms(in_time) == pytest.approx(25, rel=0.02)
