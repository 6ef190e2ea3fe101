"""Queries on a store: what GetMetricStatistics and GetMetricData answer, and what alarms read."""

from datetime import UTC, datetime
from typing import Any

import pytest
from moto.cloudwatch.exceptions import CloudWatchException, ValidationError

from localaws.cloudwatch import expressions
from localaws.cloudwatch.queries import (
    DataQueries,
    check_metric_stat,
    data_result,
    datapoint,
    label_queries,
)
from localaws.cloudwatch.series import Point
from localaws.cloudwatch.spec import metric_key
from localaws.cloudwatch.statistics import Aggregate
from localaws.cloudwatch.store import MetricStore


def query_of(query_id: str, *, name: str = "m", **members: Any) -> dict[str, Any]:
    """Return a query of a metric; members of its MetricStat are given by their names."""
    metric = {"Namespace": "n", "MetricName": name}
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"} | members}


@pytest.fixture
def store() -> MetricStore:
    """Return a store with 1, 2, 3, ... in the first ten minutes of `m`, 5 in every second of `n`."""
    found = MetricStore()
    for minute in range(10):
        found.add_value(metric_key("n", "m"), minute + 1.0, unit="Count", at_s=60 * minute + 30)
        if minute % 2 == 0:
            found.add_value(metric_key("n", "n"), 5.0, unit="Count", at_s=60 * minute)
    return found


def results_of(
    store: MetricStore, *queries: dict[str, Any], start_s: float = 0, end_s: float = 240
) -> dict[str, dict[int, float]]:
    """Return what queries come to, by default in the first four minutes."""
    return DataQueries(lambda namespace: store, queries, start_s=start_s, end_s=end_s).results


@pytest.mark.parametrize(
    ("members", "values"),
    [
        ({}, {0: 1, 60: 2, 120: 3, 180: 4}),
        ({"Period": 120}, {0: 3, 120: 7}),
        ({"Period": 120, "Stat": "Average"}, {0: 1.5, 120: 3.5}),
        ({"Period": 240, "Stat": "p50"}, {0: 2}),
        ({"Period": 300, "Stat": "SampleCount"}, {0: 4}),
        ({"Unit": "Count", "Period": 240}, {0: 10}),
        ({"Unit": "Bytes"}, {}),
        ({"Period": 10}, {}),
    ],
)
def test_a_metric_is_read_by_period_statistic_and_unit(
    store: MetricStore, members: dict[str, Any], values: dict[int, float]
) -> None:
    assert results_of(store, query_of("q", **members))["q"] == values


def test_a_range_begins_with_its_minute_and_ends_before_its_end(store: MetricStore) -> None:
    assert results_of(store, query_of("q"), start_s=119, end_s=180)["q"] == {60: 2, 120: 3}


def test_a_metric_that_is_not_there_has_no_values(store: MetricStore) -> None:
    assert results_of(store, query_of("q", name="nobody"))["q"] == {}


def test_an_expression_has_values_where_all_that_it_reads_has(store: MetricStore) -> None:
    found = results_of(store, {"Id": "e", "Expression": "a + b * 10"}, query_of("a"), query_of("b", name="n"))
    assert found["e"] == {0: 51, 120: 53}


def test_expressions_read_expressions_in_whatever_order_they_come(store: MetricStore) -> None:
    found = results_of(
        store, {"Id": "twice", "Expression": "half * 4"}, {"Id": "half", "Expression": "a / 2"}, query_of("a")
    )
    assert found["twice"] == {0: 2, 60: 4, 120: 6, 180: 8}


def test_the_longest_chain_of_queries_is_computed(store: MetricStore) -> None:
    chain = [{"Id": f"q{n}", "Expression": f"q{n + 1} + 1"} for n in range(499)]
    assert results_of(store, *chain, query_of("q499"), end_s=60)["q0"] == {0: 500}


@pytest.mark.parametrize(
    ("queries", "sentence"),
    [
        ([{"Id": "e", "Expression": "a + zz"}], "Error in expression 'e': metric id 'zz' is not defined"),
        ([{"Id": "e", "Expression": "e + a"}], "Error in expression 'e': it reads itself"),
        ([{"Id": "e", "Expression": "f"}, {"Id": "f", "Expression": "e"}], "': it reads itself"),
        ([{"Id": "e", "Expression": "SUM(METRICS())"}], "localaws computes only + - * / of numbers"),
        ([{"Id": "e", "Expression": 'SELECT MAX(m) FROM "n"'}], "localaws computes only + - * / of numbers"),
        ([{"Id": "e", "Expression": "ANOMALY_DETECTION_BAND(a)"}], "localaws computes only + - * / of"),
        (
            [{"Id": "e", "Expression": "a", "ReturnData": False}, {"Id": "x", "Expression": "2"}],
            "at least one",
        ),
    ],
)
def test_expressions_without_an_answer(
    store: MetricStore, queries: list[dict[str, Any]], sentence: str
) -> None:
    with pytest.raises(CloudWatchException) as caught:
        results_of(store, query_of("a"), *queries)
    assert caught.value.code == "ValidationError"
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("members", "code", "sentence"),
    [
        ({"Metric": {}}, "MissingParameter", "The parameter MetricStat.Metric.Namespace is required."),
        ({"Metric": {"Namespace": "n"}}, "MissingParameter", "MetricStat.Metric.MetricName is required."),
        ({"Stat": None}, "MissingParameter", "The parameter MetricStat.Stat is required."),
        (
            {"Stat": "median"},
            "InvalidParameterValue",
            "The value median for parameter MetricStat.Stat is not",
        ),
        ({"Period": None}, "MissingParameter", "The parameter MetricStat.Period is required."),
        ({"Period": 7}, "InvalidParameterValue", "The value 7 for parameter MetricStat.Period is invalid."),
        ({"Unit": "Smoots"}, "ValidationError", "Value 'Smoots' at 'unit' failed to satisfy constraint"),
        (
            {"Metric": {"Namespace": "n", "MetricName": "m", "Dimensions": [{"Name": "d"}]}},
            "MissingParameter",
            "The parameter MetricStat.Metric.Dimensions.member.1.Value is required.",
        ),
    ],
)
def test_metrics_that_cannot_be_read(members: dict[str, Any], code: str, sentence: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_metric_stat(query_of("q", **members)["MetricStat"])
    assert caught.value.code == code
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("queries", "labels"),
    [
        ([query_of("a")], ["m"]),
        ([query_of("a") | {"Label": "own"}], ["own"]),
        ([query_of("a"), query_of("b", Stat="p90")], ["m Sum", "m p90"]),
        ([query_of("a"), query_of("b", Period=300)], ["m 60", "m 300"]),
        ([query_of("a"), query_of("b", name="n")], ["m", "n"]),
        ([query_of("a"), {"Id": "e", "Expression": "a"}], ["m", "e"]),
        ([{"Id": "e", "Expression": "a", "Label": "share"}], ["share"]),
    ],
)
def test_labels(queries: list[dict[str, Any]], labels: list[str]) -> None:
    assert list(label_queries(queries).values()) == labels


@pytest.mark.parametrize(("descending", "values"), [(True, [3, 2, 1]), (False, [1, 2, 3])])
def test_a_result_is_in_the_order_that_was_asked_for(descending: bool, values: list[float]) -> None:
    found = data_result({"Id": "q"}, {60: 2.0, 0: 1.0, 120: 3.0}, label="l", descending=descending)
    assert (found["Id"], found["Label"], found["Values"]) == ("q", "l", values)
    assert found["Timestamps"] == [datetime.fromtimestamp(60 * (v - 1), UTC) for v in values]


def test_a_datapoint_has_what_was_asked_for_and_no_more() -> None:
    values = Aggregate()
    for value in (1.0, 3.0):
        values.add(value)
    point = Point(start_s=60, values=values, unit="Bytes")
    found = datapoint(point, statistics=["Sum", "Average"], extended=[])
    assert found == {
        "Timestamp": datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
        "Unit": "Bytes",
        "Sum": 4,
        "Average": 2,
    }
    assert datapoint(point, statistics=[], extended=["p0", "p100"])["ExtendedStatistics"] == {
        "p0": 1,
        "p100": 3,
    }


def test_a_datapoint_without_a_unit_has_the_unit_none_and_a_set_no_percentile() -> None:
    values = Aggregate()
    values.add_set(count=3, total=6, minimum=1, maximum=3)
    found = datapoint(Point(start_s=0, values=values), statistics=[], extended=["p50"])
    assert found == {"Timestamp": datetime(1970, 1, 1, tzinfo=UTC), "Unit": "None"}


def test_expressions_that_would_take_hours_are_refused(
    monkeypatch: pytest.MonkeyPatch, store: MetricStore
) -> None:
    """All expressions of a request share what may be spent: 3 steps at 4 times, and 1 at 4."""
    queries = [query_of("m"), {"Id": "e", "Expression": "m + m"}, {"Id": "f", "Expression": "e"}]
    monkeypatch.setattr(expressions, "MAX_STEPS", 16)
    assert results_of(store, *queries)["f"] == {0: 2.0, 60: 4.0, 120: 6.0, 180: 8.0}
    monkeypatch.setattr(expressions, "MAX_STEPS", 15)
    with pytest.raises(ValidationError, match="at most 15 numbers and operators for one request"):
        results_of(store, *queries)
