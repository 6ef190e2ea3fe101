"""Alarms that AWS refuses, and alarms that would be accepted and do nothing here."""

from typing import Any

import pytest
from moto.cloudwatch.exceptions import CloudWatchException

from localaws.cloudwatch.alarms.validation import check_alarm
from tests.objections import objection
from tests.unit.localaws.cloudwatch.conftest import ALARM

TOPIC = "arn:aws:sns:us-east-1:123456789012:t"
STAT = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
QUERY = {"Id": "m1", "MetricStat": STAT, "ReturnData": False}
HALF = {"Id": "half", "Expression": "m1 / 2"}


def without(*names: str) -> dict[str, Any]:
    """Return the request of an alarm without some members."""
    return {name: value for name, value in ALARM.items() if name not in names}


def on_queries(*queries: dict[str, Any]) -> dict[str, Any]:
    """Return the request of an alarm on metric math."""
    return without("Namespace", "MetricName", "Statistic", "Period") | {"Metrics": list(queries)}


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(ALARM, id="the least"),
        pytest.param(ALARM | {"AlarmName": "n" * 255}, id="a long name"),
        pytest.param(ALARM | {"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, id="M of N"),
        pytest.param(ALARM | {"Period": 10, "EvaluationPeriods": 8640}, id="a day of short periods"),
        pytest.param(ALARM | {"Period": 3600, "EvaluationPeriods": 168}, id="a week of hours"),
        pytest.param(without("Statistic") | {"ExtendedStatistic": "p99.9"}, id="a percentile"),
        pytest.param(
            without("Statistic")
            | {"ExtendedStatistic": "p9", "EvaluateLowSampleCountPercentile": "evaluate"},
            id="a percentile of few samples",
        ),
        pytest.param(ALARM | {"AlarmActions": [TOPIC] * 5, "OKActions": [TOPIC]}, id="actions"),
        pytest.param(
            ALARM | {"OKActions": ["arn:aws:lambda:us-east-1:123456789012:function:f:live"]}, id="an alias"
        ),
        pytest.param(ALARM | {"Unit": "Count", "Dimensions": [{"Name": "a", "Value": "b"}]}, id="a unit"),
        pytest.param(on_queries(QUERY, HALF), id="metric math"),
        pytest.param(on_queries(QUERY | {"ReturnData": True}), id="one query"),
    ],
)
def test_alarms_that_are_evaluated(request_: dict[str, Any]) -> None:
    assert objection(check_alarm, request_) is None


@pytest.mark.parametrize("treat", ["breaching", "notBreaching", "ignore", "missing"])
def test_each_treatment_of_missing_data_is_known(treat: str) -> None:
    assert objection(check_alarm, ALARM | {"TreatMissingData": treat}) is None


@pytest.mark.parametrize(
    ("missing", "code", "sentence"),
    [
        ("AlarmName", "MissingParameter", "The parameter AlarmName is required."),
        ("MetricName", "ValidationError", "MetricName must not be null"),
        ("Namespace", "ValidationError", "Namespace must not be null"),
        ("Period", "ValidationError", "Period must not be null"),
        ("Statistic", "MissingParameter", "The parameter Statistic is required."),
        ("ComparisonOperator", "MissingParameter", "The parameter ComparisonOperator is required."),
        ("Threshold", "MissingParameter", "The parameter Threshold is required."),
        ("EvaluationPeriods", "MissingParameter", "The parameter EvaluationPeriods is required."),
    ],
)
def test_what_an_alarm_needs(missing: str, code: str, sentence: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_alarm(without(missing))
    assert (caught.value.code, caught.value.message) == (code, sentence)


@pytest.mark.parametrize(
    ("members", "part"),
    [
        ({"AlarmName": "n" * 256}, "for parameter AlarmName is invalid."),
        ({"Threshold": float("nan")}, "The parameter Threshold is required."),
        (
            {"ComparisonOperator": "Equal"},
            "Value 'Equal' at 'comparisonOperator' failed to satisfy constraint",
        ),
        ({"Statistic": "p50"}, "Value 'p50' at 'statistic' failed to satisfy constraint"),
        (
            {"Statistic": None, "ExtendedStatistic": "Sum"},
            "The value Sum for parameter ExtendedStatistic is not",
        ),
        (
            {"Statistic": None, "ExtendedStatistic": "tm90"},
            "The value tm90 for parameter ExtendedStatistic is",
        ),
        ({"ExtendedStatistic": "p50"}, "Statistic and ExtendedStatistic are mutually exclusive"),
        ({"Unit": "Parsecs"}, "Value 'Parsecs' at 'unit' failed to satisfy constraint"),
        ({"Period": 1}, "Period must be 10, 20, 30 or a multiple of 60, not 1."),
        ({"Period": 61}, "The value 61 for parameter Period is invalid."),
        ({"EvaluationPeriods": 0}, "The value 0 for parameter EvaluationPeriods is invalid."),
        ({"DatapointsToAlarm": 0}, "from 1 to EvaluationPeriods, which is 1, not 0"),
        ({"DatapointsToAlarm": 2}, "from 1 to EvaluationPeriods, which is 1, not 2"),
        ({"EvaluationPeriods": 1441}, "EvaluationPeriods * Period must be <= 86400"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "more than seven days where the Period is an hour"),
        (
            {"TreatMissingData": "Missing"},
            "Option Missing is not supported. Supported options for parameter TreatMissingData are "
            "breaching, notBreaching, ignore and missing.",
        ),
        (
            {"EvaluateLowSampleCountPercentile": "no"},
            "EvaluateLowSampleCountPercentile are evaluate and ignore.",
        ),
        ({"Dimensions": [{"Name": "a"}]}, "The parameter Dimensions.member.1.Value is required."),
        ({"AlarmActions": ["t"]}, "Invalid arn syntax: t"),
        ({"OKActions": [TOPIC] * 6}, "OKActions may have 5 members at most, not 6."),
    ],
)
def test_what_is_refused_of_an_alarm(members: dict[str, Any], part: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_alarm(ALARM | members)
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("members", "part"),
    [
        (
            {"EvaluateLowSampleCountPercentile": "ignore"},
            "localaws evaluates percentiles however few samples",
        ),
        (
            {"ComparisonOperator": "GreaterThanUpperThreshold"},
            "GreaterThanUpperThreshold: it detects no anomalies",
        ),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, "LessThanLowerThreshold: it detects no anomalies"),
        ({"ThresholdMetricId": "ad1"}, "localaws does not evaluate alarms with ThresholdMetricId"),
        ({"EvaluationCriteria": {}}, "localaws does not evaluate alarms with EvaluationCriteria"),
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "Invalid arn syntax"),
        (
            {"AlarmActions": ["arn:aws:ssm:us-east-1:123456789012:opsitem:4"]},
            "localaws carries out alarm actions on SNS topics, Lambda functions and policies of Application "
            "Auto Scaling, not on arn:aws:ssm:us-east-1:123456789012:opsitem:4",
        ),
        (
            {"OKActions": ["arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroupName/g"]},
            "not on arn:aws:autoscaling",
        ),
    ],
)
def test_what_would_do_nothing_says_so(members: dict[str, Any], part: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_alarm(ALARM | members)
    assert caught.value.code == "ValidationError"
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("queries", "part"),
    [
        ([QUERY], "Exactly one element of the metrics list should return data."),
        ([QUERY | {"ReturnData": True}, HALF], "Exactly one element of the metrics list should return data."),
        ([HALF], "Period must be the same for every metric"),
        (
            [QUERY, {"Id": "m2", "MetricStat": STAT | {"Period": 300}, "ReturnData": False}, HALF],
            "Period must be the same for every metric that an alarm watches.",
        ),
        ([QUERY, {"Id": "e", "Expression": "m1 + m9"}], "metric id 'm9' is not defined"),
        ([QUERY, {"Id": "e", "Expression": "e + m1"}], "Error in expression 'e': it reads itself"),
        ([QUERY, {"Id": "e", "Expression": "FILL(m1, 0)"}], "localaws computes only + - * / of numbers"),
        ([QUERY, {"Id": "e", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)"}], "localaws computes only"),
        ([QUERY, {"Id": "e", "Expression": "1"}], "it must read at least one query id"),
        ([{"Id": "m1", "MetricStat": STAT | {"Stat": "tm9"}}], "The value tm9 for parameter MetricStat.Stat"),
        ([{"Id": "m1", "MetricStat": STAT | {"Period": 5}}], "Period must be 10, 20, 30 or a multiple of 60"),
    ],
)
def test_metric_math_that_is_refused(queries: list[dict[str, Any]], part: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_alarm(on_queries(*queries))
    assert part in caught.value.message


def test_metric_math_that_would_take_minutes_at_each_look_is_refused() -> None:
    """A day's minutes and a thousand operators: other alarms would wait for it."""
    long = {"Id": "e", "Expression": "m1" + "+m1" * 600}
    check_alarm(on_queries(QUERY, long) | {"EvaluationPeriods": 3})
    with pytest.raises(CloudWatchException, match="localaws computes at most 100,000 numbers"):
        check_alarm(on_queries(QUERY, long) | {"EvaluationPeriods": 1440})


@pytest.mark.parametrize("member", ["MetricName", "Namespace", "Statistic", "Period"])
def test_metric_math_and_a_metric_exclude_each_other(member: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_alarm(on_queries(QUERY, HALF) | {member: ALARM[member]})
    assert caught.value.code == "InvalidParameterCombination"
    assert caught.value.message.startswith(f"The parameters Metrics and {member} are mutually exclusive")
