"""What an alarm watches, and how DescribeAlarms gives it back."""

from typing import Any

import pytest

from localaws.cloudwatch.alarms.spec import read_spec
from localaws.cloudwatch.spec import metric_key
from tests.unit.localaws.cloudwatch.conftest import ALARM

STAT = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 300, "Stat": "Sum"}


def test_the_least_alarm() -> None:
    spec = read_spec(ALARM)
    assert (spec.metric, spec.statistic, spec.unit, spec.period_s) == (metric_key("n", "m"), "Sum", None, 60)
    assert (spec.rule.datapoints_to_alarm, spec.rule.treat_missing) == (1, "missing")
    assert spec.actions == {"OK": (), "ALARM": (), "INSUFFICIENT_DATA": ()}


@pytest.mark.parametrize(
    ("members", "needed"),
    [
        ({}, 1),
        ({"EvaluationPeriods": 5}, 5),
        ({"EvaluationPeriods": 5, "DatapointsToAlarm": 2}, 2),
    ],
)
def test_all_datapoints_are_needed_unless_fewer_are_named(members: dict[str, Any], needed: int) -> None:
    assert read_spec(ALARM | members).rule.datapoints_to_alarm == needed


def test_what_was_asked_for_is_described_and_nothing_is_added() -> None:
    request = ALARM | {
        "AlarmDescription": "d",
        "Dimensions": [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}],
        "TreatMissingData": "ignore",
        "OKActions": ["arn:ok"],
    }
    kept = {name: value for name, value in request.items() if name != "AlarmName"}
    empty: dict[str, list[str]] = {"AlarmActions": [], "InsufficientDataActions": []}
    assert read_spec(request).described() == kept | empty
    assert read_spec(request).metric == metric_key("n", "m", {"a": "1", "b": "2"})


def test_dimensions_are_always_described() -> None:
    assert read_spec(ALARM).described()["Dimensions"] == []


@pytest.mark.parametrize(
    ("queries", "returned", "period_s"),
    [
        ([{"Id": "m1", "MetricStat": STAT}], "m1", 300),
        (
            [{"Id": "m1", "MetricStat": STAT, "ReturnData": False}, {"Id": "e", "Expression": "m1 * 2"}],
            "e",
            300,
        ),
    ],
)
def test_metric_math_returns_one_of_its_queries(
    queries: list[dict[str, Any]], returned: str, period_s: int
) -> None:
    request = {"AlarmName": "a", "EvaluationPeriods": 1, "Threshold": 1, "Metrics": queries}
    spec = read_spec(request | {"ComparisonOperator": "LessThanThreshold"})
    assert (spec.metric, spec.returned_id, spec.period_s) == (None, returned, period_s)
    assert spec.described()["Metrics"] == queries
