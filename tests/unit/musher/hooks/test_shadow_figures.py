"""A variant's figures, from pages of CloudWatch's minutes."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from musher.hooks.shadow_figures import read_figures

PAGES = [
    {"requests": [60.0, 40.0], "errors_5xx": [1.0], "p50": [20_000.0, 30_000.0], "p99": [90_000.0]},
    {"requests": [1.0], "errors_4xx": [2.0], "p50": [40_000.0], "p99": [150_000.0, 70_000.0]},
]


def read(pages: list[dict[str, list[float]]]) -> tuple[Any, dict[str, Any]]:
    """Return the figures of these pages, and what CloudWatch was asked."""
    asked: dict[str, Any] = {}

    def paginate(**request: Any) -> list[Any]:
        asked.update(request)
        return [
            {"MetricDataResults": [{"Id": name, "Values": values} for name, values in page.items()]}
            for page in pages
        ]

    conn = SimpleNamespace(get_paginator=lambda operation: SimpleNamespace(paginate=paginate))
    hook: Any = SimpleNamespace(conn=conn)
    since = datetime(2026, 1, 1, 12, 0, 59, 5, tzinfo=UTC)
    return read_figures(hook, endpoint_name="musher-live", variant="new", since=since), asked


def test_counts_are_sums_and_the_p99_is_the_worst_minute_s() -> None:
    figures, _ = read(PAGES)
    assert figures == {"requests": 101, "errors_4xx": 2, "errors_5xx": 1, "p50_ms": 30.0, "p99_ms": 150.0}


def test_a_variant_that_nobody_asked_has_no_times() -> None:
    figures, _ = read([{"requests": [0.0]}])
    assert figures == {"requests": 0, "errors_4xx": 0, "errors_5xx": 0, "p50_ms": None, "p99_ms": None}


def test_whole_minutes_of_the_variant_alone_are_asked_for() -> None:
    _, asked = read(PAGES)
    assert asked["StartTime"] == datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    for query in asked["MetricDataQueries"]:
        assert query["MetricStat"]["Period"] == 60
        assert query["MetricStat"]["Metric"]["Dimensions"] == [
            {"Name": "EndpointName", "Value": "musher-live"},
            {"Name": "VariantName", "Value": "new"},
        ]
