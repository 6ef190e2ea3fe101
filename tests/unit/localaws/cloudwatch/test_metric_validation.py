"""What requests about metrics may say, and AWS's words for what they may not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from moto.cloudwatch.exceptions import CloudWatchException

from localaws.cloudwatch import validation
from localaws.cloudwatch.validation import (
    align_start,
    check_datum,
    check_dimensions,
    check_namespace,
    check_period,
    check_queries,
    check_range,
    check_statistics,
    epoch_s,
)
from tests.objections import objection

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW_S = NOON.timestamp()
SET = {"SampleCount": 2.0, "Sum": 6.0, "Minimum": 2.0, "Maximum": 4.0}


def said(caught: pytest.ExceptionInfo[CloudWatchException]) -> tuple[str, str]:
    """Return the code and the sentence of a refusal."""
    return caught.value.code, caught.value.message


@pytest.mark.parametrize("period_s", [1, 5, 10, 20, 30, 60, 120, 300, 3600, 86_400])
def test_periods_that_data_has(period_s: int) -> None:
    assert check_period(period_s) == period_s


@pytest.mark.parametrize(
    ("period_s", "code", "sentence"),
    [
        (None, "MissingParameter", "The parameter Period is required."),
        (0, "InvalidParameterValue", "The value 0 for parameter Period is invalid."),
        (-60, "InvalidParameterValue", "The value -60 for parameter Period is invalid."),
        ("60", "InvalidParameterValue", "The value 60 for parameter Period is invalid."),
        (
            90,
            "InvalidParameterValue",
            "The value 90 for parameter Period is invalid. It must be 1, 5, 10, 20, 30, or a multiple of 60.",
        ),
    ],
)
def test_periods_that_no_data_has(period_s: Any, code: str, sentence: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_period(period_s)
    assert said(caught) == (code, sentence)


def test_times_of_requests_are_utc_whether_they_say_so_or_not() -> None:
    assert epoch_s(NOON) == epoch_s(NOON.replace(tzinfo=None)) == NOW_S


@pytest.mark.parametrize(
    ("start_s", "period_s", "aligned_s"),
    [(119.9, 60, 60), (119.9, 3600, 60), (119.9, 10, 110), (119.9, 1, 119)],
)
def test_a_range_begins_with_a_minute_or_a_shorter_period(
    start_s: float, period_s: int, aligned_s: int
) -> None:
    assert align_start(start_s, period_s=period_s) == aligned_s


def test_a_range_takes_in_the_second_in_which_it_ends() -> None:
    start, end = NOON + timedelta(seconds=59), NOON + timedelta(seconds=90.5)
    assert check_range(start, end, period_s=60) == (NOW_S, NOW_S + 91)


@pytest.mark.parametrize(
    ("start", "end", "code", "sentence"),
    [
        (
            NOON,
            NOON,
            "InvalidParameterValue",
            "The parameter StartTime must be less than the parameter EndTime.",
        ),
        (
            NOON,
            NOON + timedelta(minutes=1441),
            "InvalidParameterCombination",
            "You have requested up to 1,441 datapoints, which exceeds the limit of 1,440. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range.",
        ),
    ],
)
def test_ranges_without_an_answer(start: Any, end: Any, code: str, sentence: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_range(start, end, period_s=60)
    assert said(caught) == (code, sentence)


def test_a_day_of_minutes_is_the_most() -> None:
    start_s, end_s = check_range(NOON, NOON + timedelta(days=1), period_s=60)
    assert end_s - start_s == 86_400


@pytest.mark.parametrize(
    ("statistics", "extended"),
    [(["Sum", "Average", "SampleCount", "Minimum", "Maximum"], []), ([], ["p50", "p99.99", "p100"])],
)
def test_statistics_that_are_computed(statistics: list[str], extended: list[str]) -> None:
    assert objection(check_statistics, statistics, extended) is None


@pytest.mark.parametrize(
    ("statistics", "extended", "code", "part"),
    [
        ([], [], "InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics"),
        (["Sum"], ["p50"], "InvalidParameterCombination", "mutually exclusive and you have specified both."),
        ([], ["Sum"], "InvalidParameterValue", "The value Sum for parameter ExtendedStatistics is not supp"),
        (
            [],
            ["p101"],
            "InvalidParameterValue",
            "The value p101 for parameter ExtendedStatistics is not supp",
        ),
        (
            [],
            ["tm90"],
            "InvalidParameterValue",
            "The value tm90 for parameter ExtendedStatistics is not supp",
        ),
        ([], ["p50", "IQM"], "InvalidParameterValue", "The value IQM for parameter ExtendedStatistics"),
    ],
)
def test_statistics_that_are_refused(
    statistics: list[str], extended: list[str], code: str, part: str
) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_statistics(statistics, extended)
    assert caught.value.code == code
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("dimensions", "code", "sentence"),
    [
        ([{"Value": "1"}], "MissingParameter", "The parameter Dimensions.member.1.Name is required."),
        (
            [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": ""}],
            "MissingParameter",
            "The parameter Dimensions.member.2.Value is required.",
        ),
        (
            [{"Name": str(number), "Value": "1"} for number in range(31)],
            "InvalidParameterValue",
            "The value of 31 members for parameter Dimensions is invalid. At most 30 are allowed.",
        ),
    ],
)
def test_dimensions_that_are_none(dimensions: list[dict[str, str]], code: str, sentence: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_dimensions(dimensions, parameter="Dimensions")
    assert said(caught) == (code, sentence)


def test_dimensions_may_be_left_out() -> None:
    assert objection(check_dimensions, None, parameter="Dimensions") is None


@pytest.mark.parametrize("namespace", ["musher", "AWSish/x", "x:y", "n" * 255])
def test_namespaces_of_clients(namespace: str) -> None:
    assert objection(check_namespace, namespace) is None


@pytest.mark.parametrize("namespace", ["AWS/Lambda", ":x", "n" * 256, None, ""])
def test_namespaces_that_clients_may_not_write(namespace: str | None) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_namespace(namespace)
    if namespace:
        sentence = f"The value {namespace} for parameter Namespace is invalid."
        assert said(caught) == ("InvalidParameterValue", sentence)
    else:
        assert said(caught) == ("MissingParameter", "The parameter Namespace is required.")


def test_the_units_are_those_of_the_api() -> None:
    model = botocore.session.get_session().get_service_model("cloudwatch")
    assert sorted(validation.UNITS) == sorted(model.shape_for("StandardUnit").enum)


@pytest.mark.parametrize(
    "datum",
    [
        {"Value": 0.0},
        {"Value": -(2.0**360)},
        {"Values": [1.0] * 150, "Counts": [1.0] * 150},
        {"StatisticValues": SET, "StorageResolution": 60},
        {"Value": 1.0, "Unit": "Kilobytes/Second", "StorageResolution": 1},
        {"Value": 1.0, "Timestamp": NOON + timedelta(hours=2)},
        {"Value": 1.0, "Timestamp": NOON - timedelta(days=14)},
    ],
)
def test_data_that_are_kept(datum: dict[str, Any]) -> None:
    assert objection(check_datum, {"MetricName": "m", **datum}, number=1, now_s=NOW_S) is None


@pytest.mark.parametrize(
    ("datum", "code", "part"),
    [
        ({"MetricName": ""}, "MissingParameter", "The parameter MetricData.member.3.MetricName is required."),
        ({}, "MissingParameter", "The parameter MetricData.member.3.Value is required."),
        ({"Values": []}, "MissingParameter", "The parameter MetricData.member.3.Value is required."),
        ({"StatisticValues": {}}, "MissingParameter", "The parameter MetricData.member.3.Value is required."),
        ({"Value": 2.0**361}, "InvalidParameterValue", "for parameter MetricData.member.3.Value is invalid."),
        ({"Value": float("nan")}, "InvalidParameterValue", "The value nan for parameter"),
        ({"Values": [1.0] * 151}, "InvalidParameterValue", "At most 150."),
        ({"Values": [1.0], "Counts": [-1.0]}, "InvalidParameterValue", "Every count must be above zero."),
        ({"StatisticValues": SET | {"Sum": float("inf")}}, "InvalidParameterValue", "StatisticValues is inv"),
        ({"StatisticValues": SET | {"SampleCount": 0.0}}, "InvalidParameterValue", "must be above zero"),
        (
            {"StatisticValues": SET | {"Minimum": 5.0}},
            "InvalidParameterValue",
            "Minimum no more than Maximum",
        ),
        ({"Value": 1.0, "StorageResolution": 10}, "InvalidParameterValue", "StorageResolution is invalid."),
        (
            {"Value": 1.0, "Dimensions": [{"Name": "d", "Value": ""}]},
            "MissingParameter",
            "The parameter MetricData.member.3.Dimensions.member.1.Value is required.",
        ),
        (
            {"Value": 1.0, "Timestamp": NOON + timedelta(hours=2, seconds=1)},
            "InvalidParameterValue",
            "The parameter MetricData.member.3.Timestamp must specify a time no more than two hours in the",
        ),
        (
            {"Value": 1.0, "Timestamp": NOON - timedelta(days=14, seconds=1)},
            "InvalidParameterValue",
            "The parameter MetricData.member.3.Timestamp must specify a time within the past two weeks.",
        ),
        (
            {"Value": 1.0, "Dimensions": [{"Name": "d", "Value": "a"}, {"Name": "d", "Value": "b"}]},
            "InvalidParameterValue",
            "No metric may specify the same dimension name twice.",
        ),
    ],
)
def test_data_that_are_refused(datum: dict[str, Any], code: str, part: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_datum({"MetricName": "m", **datum}, number=3, now_s=NOW_S)
    assert caught.value.code == code
    assert part in caught.value.message


STAT = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}


@pytest.mark.parametrize(
    ("queries", "code", "part"),
    [
        ([], "ValidationError", "1 to 500 members, not 0"),
        ([{"Id": f"q{n}", "Expression": "m"} for n in range(501)], "ValidationError", "not 501"),
        ([{"Id": "Upper", "MetricStat": STAT}], "InvalidParameterValue", "The value Upper for parameter"),
        ([{"Id": "a-b", "MetricStat": STAT}], "InvalidParameterValue", "MetricDataQueries.member.1.Id"),
        ([{"MetricStat": STAT}], "InvalidParameterValue", "MetricDataQueries.member.1.Id is invalid"),
        (
            [{"Id": "a", "MetricStat": STAT}] * 2,
            "ValidationError",
            "The values for parameter id in MetricDataQueries.member.2 must be unique: a",
        ),
        (
            [{"Id": "a", "MetricStat": STAT, "Expression": "b"}],
            "InvalidParameterCombination",
            "The parameters MetricDataQueries.member.1.MetricStat and MetricDataQueries.member.1.Expr",
        ),
        (
            [{"Id": "a"}],
            "ValidationError",
            "The parameter MetricDataQueries.member.1.MetricStat is required.\n",
        ),
        (
            [{"Id": "a", "MetricStat": STAT, "Label": "now ${LAST}"}],
            "ValidationError",
            "localaws does not fill dynamic labels in: now ${LAST}",
        ),
    ],
)
def test_queries_that_are_refused(queries: list[dict[str, Any]], code: str, part: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        check_queries(queries)
    assert caught.value.code == code
    assert part in caught.value.message
