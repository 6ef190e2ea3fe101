"""What boto3 sees of CloudWatch: pages, labels, filters, history, and refusals in AWS's words."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

TOPIC = "arn:aws:sns:us-east-1:123456789012:clients"


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[int, str, str]:
    """Return status, code and sentence with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error, meta = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    return meta["HTTPStatusCode"], error["Code"], error["Message"]


def around(moment: datetime) -> dict[str, datetime]:
    """Return an hour before and after a time."""
    return {"StartTime": moment - timedelta(hours=1), "EndTime": moment + timedelta(hours=1)}


@pytest.fixture(scope="module")
def now(watched: Any) -> datetime:
    """Return a minute with values of the metrics `paged` and `other`, 3 and 2 minutes of them."""
    moment: datetime = watched.now().replace(second=0, microsecond=0)
    for name, count in (("paged", 3), ("other", 2)):
        for minute in range(count):
            watched.put(name, Value=minute + 1.0, Timestamp=moment + timedelta(minutes=minute))
    return moment


def query_of(name: str) -> dict[str, Any]:
    """Return a query of the minutes of a metric."""
    stat = {"Metric": {"Namespace": "tests", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat}


def test_datapoints_come_in_pages(watched: Any, now: datetime) -> None:
    queries = [query_of("paged"), query_of("other")]
    pages = list(
        watched.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries,
            ScanBy="TimestampAscending",
            **around(now),
            PaginationConfig={"PageSize": 2},
        )
    )
    assert len(pages) == 3
    values: dict[str, list[float]] = {"paged": [], "other": []}
    for page in pages:
        for result in page["MetricDataResults"]:
            values[result["Id"]] += result["Values"]
    assert values == {"paged": [1, 2, 3], "other": [1, 2]}
    assert {result["StatusCode"] for result in pages[0]["MetricDataResults"]} == {"PartialData"}
    assert {result["StatusCode"] for result in pages[2]["MetricDataResults"]} == {"Complete"}


def test_what_is_computed_is_answered_whole(watched: Any, now: datetime) -> None:
    queries = [query_of("paged"), {"Id": "twice", "Expression": "paged * 2", "Label": "2 x"}]
    answer = watched.cloudwatch.get_metric_data(MetricDataQueries=queries, MaxDatapoints=1, **around(now))
    assert "NextToken" not in answer
    assert [(found["Label"], found["Values"]) for found in answer["MetricDataResults"]] == [
        ("paged", [3, 2, 1]),
        ("2 x", [6, 4, 2]),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ({"NextToken": "9" * 5000}, "InvalidNextToken", "The next token specified is invalid."),
        (
            {"MaxDatapoints": 100_801},
            "ValidationError",
            "MaxDatapoints must be between 1 and 100800, not 100801.",
        ),
        (
            {"ScanBy": "Newest"},
            "ValidationError",
            "1 validation error detected: Value 'Newest' at 'scanBy' failed to satisfy constraint: Member "
            "must satisfy enum value set: [TimestampAscending, TimestampDescending]",
        ),
        (
            {"MetricDataQueries": [query_of("paged") | {"Label": "${MAX}"}]},
            "ValidationError",
            "localaws does not fill dynamic labels in: ${MAX}",
        ),
    ],
)
def test_questions_for_data_that_are_refused(
    watched: Any, now: datetime, arguments: dict[str, Any], code: str, sentence: str
) -> None:
    request = {"MetricDataQueries": [query_of("paged")], **around(now)} | arguments
    assert refused(watched.cloudwatch.get_metric_data, **request) == (400, code, sentence)


def test_the_longest_expressions_are_computed(watched: Any, now: datetime) -> None:
    chain = [{"Id": f"q{n}", "Expression": f"q{n + 1} + 1", "ReturnData": n == 0} for n in range(498)]
    chain += [{"Id": "q498", "Expression": "+".join(["paged"] * 340), "ReturnData": False}]
    answer = watched.cloudwatch.get_metric_data(
        MetricDataQueries=[*chain, query_of("paged") | {"ReturnData": False}], **around(now)
    )
    (found,) = answer["MetricDataResults"]
    assert found["Values"] == [1020 + 498, 680 + 498, 340 + 498]


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        ({"Statistics": ["p50"]}, "ValidationError", "Value '[p50]' at 'statistics' failed to satisfy"),
        (
            {"ExtendedStatistics": ["Sum"]},
            "InvalidParameterValue",
            "The value Sum for parameter ExtendedStat",
        ),
        (
            {"Statistics": ["Sum"], "ExtendedStatistics": ["p50"]},
            "InvalidParameterCombination",
            "The parameters Statistics and ExtendedStatistics are mutually exclusive and you have",
        ),
        (
            {"Statistics": ["Sum"], "Unit": "Ells"},
            "ValidationError",
            "Value 'Ells' at 'unit' failed to satis",
        ),
    ],
)
def test_statistics_that_are_refused(
    watched: Any, now: datetime, arguments: dict[str, Any], code: str, part: str
) -> None:
    request = {"Namespace": "tests", "MetricName": "paged", "Period": 60, **around(now), **arguments}
    status, found, sentence = refused(watched.cloudwatch.get_metric_statistics, **request)
    assert (status, found) == (400, code)
    assert part in sentence


@pytest.mark.parametrize(
    ("datum", "code", "sentence"),
    [
        ({"Values": []}, "MissingParameter", "The parameter MetricData.member.1.Value is required."),
        (
            {"Value": 1.0, "Timestamp": datetime(2020, 1, 1)},
            "InvalidParameterValue",
            "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.",
        ),
    ],
)
def test_data_that_are_refused(watched: Any, datum: dict[str, Any], code: str, sentence: str) -> None:
    data = [{"MetricName": "refused", **datum}]
    found = refused(watched.cloudwatch.put_metric_data, Namespace="tests", MetricData=data)
    assert found == (400, code, sentence)
    assert watched.cloudwatch.list_metrics(MetricName="refused")["Metrics"] == []


def test_words_that_the_api_does_not_know_are_refused(watched: Any) -> None:
    data = [{"MetricName": "refused", "Value": 1.0, "Unit": "Furlongs"}]
    _, code, sentence = refused(watched.cloudwatch.put_metric_data, Namespace="tests", MetricData=data)
    assert code == "ValidationError"
    assert "Value 'Furlongs' at 'metricData.1.member.unit' failed to satisfy constraint" in sentence
    _, code, sentence = refused(watched.cloudwatch.list_metrics, RecentlyActive="PT1H")
    assert code == "ValidationError"
    assert "Value 'PT1H' at 'recentlyActive' failed to satisfy constraint" in sentence


def test_metrics_of_entities_are_not_dropped_in_silence(watched: Any) -> None:
    data = [{"MetricData": [{"MetricName": "of-an-entity", "Value": 1.0}]}]
    status, code, sentence = refused(
        watched.cloudwatch.put_metric_data, Namespace="tests", EntityMetricData=data
    )
    assert (status, code) == (400, "ValidationError")
    assert sentence == "localaws keeps no entities: send the metrics as MetricData"


def test_metrics_are_listed_in_pages_of_five_hundred(watched: Any) -> None:
    data = [{"MetricName": f"many-{number:04}", "Value": 1.0} for number in range(501)]
    watched.cloudwatch.put_metric_data(Namespace="many", MetricData=data)
    pages = list(watched.cloudwatch.get_paginator("list_metrics").paginate(Namespace="many"))
    assert [len(page["Metrics"]) for page in pages] == [500, 1]
    assert pages[1]["Metrics"][0]["MetricName"] == "many-0500"
    assert refused(watched.cloudwatch.list_metrics, NextToken="9" * 5000) == (
        400,
        "InvalidParameterValue",
        "Request parameter NextToken is invalid",
    )


@pytest.fixture(scope="module")
def family(watched: Any) -> str:
    """Return the prefix of three alarms on `of-clients`, of which the second has a percentile."""
    prefix = f"clients-{uuid.uuid4().hex[:8]}-"
    options = {"MetricName": "of-clients", "Unit": "Count", "EvaluationPeriods": 1000}
    watched.put_alarm(AlarmName=f"{prefix}0", **options)
    watched.put_alarm(
        AlarmName=f"{prefix}2", AlarmActions=[TOPIC], Period=300, **options | {"EvaluationPeriods": 9}
    )
    watched.cloudwatch.put_metric_alarm(
        AlarmName=f"{prefix}1",
        Namespace="tests",
        ExtendedStatistic="p90",
        Period=60,
        Threshold=1.0,
        ComparisonOperator="LessThanThreshold",
        **options,
    )
    return prefix


def names(alarms: list[dict[str, Any]], prefix: str) -> list[str]:
    """Return the names of alarms without their prefix."""
    return [alarm["AlarmName"].removeprefix(prefix) for alarm in alarms]


def test_alarms_come_in_pages_by_name(watched: Any, family: str) -> None:
    paginator = watched.cloudwatch.get_paginator("describe_alarms")
    pages = list(paginator.paginate(AlarmNamePrefix=family, PaginationConfig={"PageSize": 2}))
    assert [names(page["MetricAlarms"], family) for page in pages] == [["0", "1"], ["2"]]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({}, ["0", "1", "2"]),
        ({"Statistic": "Sum"}, ["0", "2"]),
        ({"ExtendedStatistic": "p90"}, ["1"]),
        ({"Period": 300}, ["2"]),
        ({"Statistic": "Sum", "Period": 60, "Unit": "Count"}, ["0"]),
        ({"Unit": "Bytes"}, []),
        ({"Dimensions": [{"Name": "d", "Value": "1"}]}, []),
    ],
)
def test_alarms_of_a_metric(watched: Any, family: str, arguments: dict[str, Any], found: list[str]) -> None:
    describe = watched.cloudwatch.describe_alarms_for_metric
    answer = describe(Namespace="tests", MetricName="of-clients", **arguments)
    assert names(answer["MetricAlarms"], family) == found


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        ({"NextToken": "x"}, "InvalidNextToken", "The next token specified is invalid."),
        ({"MaxRecords": 101}, "ValidationError", "Value '101' at 'maxRecords' failed to satisfy"),
        ({"StateValue": "Ok"}, "ValidationError", "Value 'Ok' at 'stateValue' failed to satisfy constraint"),
        ({"AlarmTypes": ["Other"]}, "ValidationError", "Value '[Other]' at 'alarmTypes' failed to satisfy"),
        ({"ChildrenOfAlarmName": "a"}, "ValidationError", "localaws has no composite alarms"),
    ],
)
def test_questions_for_alarms_that_are_refused(
    watched: Any, arguments: dict[str, Any], code: str, part: str
) -> None:
    status, found, sentence = refused(watched.cloudwatch.describe_alarms, **arguments)
    assert (status, found) == (400, code)
    assert part in sentence


def test_history_is_told_by_kind_time_and_order(watched: Any) -> None:
    name = watched.put_alarm(MetricName="told", EvaluationPeriods=1000, TreatMissingData="ignore")
    for state in ("ALARM", "OK"):
        watched.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="r")

    def summaries(**options: Any) -> list[str]:
        answer = watched.cloudwatch.describe_alarm_history(AlarmName=name, **options)
        return [item["HistorySummary"] for item in answer["AlarmHistoryItems"]]

    created = f'Alarm "{name}" created'
    to_alarm = "Alarm updated from INSUFFICIENT_DATA to ALARM"
    to_ok = "Alarm updated from ALARM to OK"
    assert summaries() == summaries(ScanBy="TimestampDescending") == [to_ok, to_alarm, created]
    assert summaries(ScanBy="TimestampAscending", MaxRecords=2) == [created, to_alarm]
    assert summaries(HistoryItemType="ConfigurationUpdate") == [created]
    assert summaries(EndDate=datetime(2020, 1, 1)) == summaries(AlarmTypes=["CompositeAlarm"]) == []
    assert len(summaries(StartDate=datetime(2020, 1, 1))) == 3
    history = watched.cloudwatch.describe_alarm_history
    assert refused(history, ScanBy="Newest")[1] == "ValidationError"
    assert refused(history, HistoryItemType="Newest")[1] == "ValidationError"
    assert refused(history, NextToken="-1")[1] == "InvalidNextToken"


@pytest.mark.parametrize("data", ["{", "[" * 1500 + "]" * 1500])
def test_the_data_of_a_reason_are_json(watched: Any, family: str, data: str) -> None:
    status, code, sentence = refused(
        watched.cloudwatch.set_alarm_state,
        AlarmName=f"{family}0",
        StateValue="OK",
        StateReason="r",
        StateReasonData=data,
    )
    assert (status, code) == (400, "InvalidFormat")
    assert sentence.startswith("StateReasonData is not JSON: ")


def test_tags_go_with_their_alarm(watched: Any) -> None:
    name = watched.put_alarm(Tags=[{"Key": "team", "Value": "vision"}])
    arn = watched.alarm(name)["AlarmArn"]
    listed = watched.cloudwatch.list_tags_for_resource
    assert listed(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "vision"}]
    watched.cloudwatch.delete_alarms(AlarmNames=[name])
    watched.put_alarm(AlarmName=name)
    assert listed(ResourceARN=arn)["Tags"] == []
