"""Metrics that clients send, and that they read."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError


def read(watched: Any, name: str, *, period_s: int = 60, **options: Any) -> list[dict[str, Any]]:
    """Return the datapoints of a metric, an hour around now."""
    now = watched.now()
    request = {"Statistics": ["Sum", "Average", "Minimum", "Maximum", "SampleCount"]} | options
    if not request["Statistics"]:
        del request["Statistics"]
    answer = watched.cloudwatch.get_metric_statistics(
        Namespace="tests",
        MetricName=name,
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=period_s,
        **request,
    )
    return sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])


def test_values_counts_and_sets_make_statistics(watched: Any) -> None:
    moment = watched.now().replace(second=0, microsecond=0)
    watched.put("sent", Values=[1.0, 2.0], Counts=[3.0, 1.0], Timestamp=moment, Unit="Count")
    watched.put(
        "sent",
        StatisticValues={"SampleCount": 2, "Sum": 10, "Minimum": 4, "Maximum": 6},
        Timestamp=moment,
        Unit="Count",
    )
    (point,) = read(watched, "sent")
    assert point["Timestamp"] == moment
    assert point["Unit"] == "Count"
    names = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
    assert [point[name] for name in names] == [6, 15, 2.5, 1, 6]


def test_percentiles_are_computed(watched: Any) -> None:
    watched.put("latency", Values=[float(number) for number in range(1, 101)])
    (point,) = read(watched, "latency", Statistics=[], ExtendedStatistics=["p50", "p99"], period_s=3600)[:1]
    assert point["ExtendedStatistics"] == {"p50": 50, "p99": 99}


def test_periods_below_a_minute_see_high_resolution_only(watched: Any) -> None:
    moment = watched.now().replace(second=0, microsecond=0)
    watched.put("fine", Value=1.0, Timestamp=moment)
    watched.put("fine", Value=2.0, Timestamp=moment + timedelta(seconds=31), StorageResolution=1)
    start = {"StartTime": moment, "EndTime": moment + timedelta(minutes=1)}
    request = {"Namespace": "tests", "MetricName": "fine", "Statistics": ["Sum"], **start}
    fine = watched.cloudwatch.get_metric_statistics(Period=10, **request)["Datapoints"]
    assert [(point["Timestamp"], point["Sum"]) for point in fine] == [(moment + timedelta(seconds=30), 2)]
    assert watched.cloudwatch.get_metric_statistics(Period=60, **request)["Datapoints"][0]["Sum"] == 3


def data(watched: Any, queries: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    """Return the results of GetMetricData, two hours around now."""
    now = watched.now()
    return list(
        watched.cloudwatch.get_metric_data(
            MetricDataQueries=queries,
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            **options,
        )["MetricDataResults"]
    )


def query_of(name: str, **members: Any) -> dict[str, Any]:
    """Return a query of the minutes of a metric of the tests."""
    stat = {"Metric": {"Namespace": "tests", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, **members}


def test_queries_are_joined_by_arithmetic(watched: Any) -> None:
    moment = watched.now().replace(second=0, microsecond=0)
    for minute in range(3):
        at = moment - timedelta(minutes=minute)
        watched.put("errors", Value=1.0 * minute, Timestamp=at)
        watched.put("requests", Value=4.0, Timestamp=at)
    queries = [
        query_of("errors", ReturnData=False),
        query_of("requests", ReturnData=False),
        {"Id": "percent", "Expression": "100 * errors / requests", "Label": "Errors, %"},
    ]
    (found,) = data(watched, queries)
    assert (found["Id"], found["Label"], found["StatusCode"]) == ("percent", "Errors, %", "Complete")
    assert found["Timestamps"] == [moment - timedelta(minutes=minute) for minute in range(3)]
    assert found["Values"] == [0.0, 25.0, 50.0]
    (found,) = data(watched, queries, ScanBy="TimestampAscending")
    assert found["Values"] == [50.0, 25.0, 0.0]


def test_labels_tell_apart_what_one_request_asks_of_a_metric(watched: Any) -> None:
    def label(*members: dict[str, Any]) -> list[str]:
        queries = [query_of("told_apart") for _ in members]
        for number, (query, member) in enumerate(zip(queries, members, strict=True)):
            query |= {"Id": f"q{number}", "MetricStat": query["MetricStat"] | member}
        return [result["Label"] for result in data(watched, queries)]

    assert label({}, {}) == ["told_apart", "told_apart"]
    assert label({}, {"Stat": "Average"}) == ["told_apart Sum", "told_apart Average"]
    assert label({}, {"Stat": "Average", "Period": 300}) == ["told_apart Sum 60", "told_apart Average 300"]


def test_metrics_are_listed_by_namespace_name_and_dimensions(watched: Any) -> None:
    for colour in ("red", "blue"):
        watched.put("listed", Value=1.0, Dimensions=[{"Name": "colour", "Value": colour}])
    listed = watched.cloudwatch.list_metrics(Namespace="tests", MetricName="listed")["Metrics"]
    assert [metric["Dimensions"][0]["Value"] for metric in listed] == ["blue", "red"]
    dimension = {"Name": "colour", "Value": "red"}
    assert len(watched.cloudwatch.list_metrics(Dimensions=[dimension])["Metrics"]) == 1
    assert watched.cloudwatch.list_metrics(Namespace="nobody")["Metrics"] == []


def test_moto_s_count_of_a_bucket_s_objects_is_there_too(watched: Any) -> None:
    s3 = watched.server.client("s3")
    s3.create_bucket(Bucket="counted")
    s3.put_object(Bucket="counted", Key="k", Body=b"12345")
    dimensions = {"BucketName": "counted", "StorageType": "AllStorageTypes"}
    now = watched.now()
    (point,) = watched.cloudwatch.get_metric_statistics(
        Namespace="AWS/S3",
        MetricName="NumberOfObjects",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(days=2),
        EndTime=now,
        Period=86_400,
        Statistics=["Average"],
    )["Datapoints"]
    assert (point["Average"], point["Unit"]) == (1, "Count")
    assert watched.cloudwatch.list_metrics(Namespace="AWS/S3")["Metrics"]


@pytest.mark.parametrize(
    ("datum", "code", "said"),
    [
        pytest.param({"Value": 1e200}, "InvalidParameterValue", "Value is invalid", id="too large"),
        pytest.param({"Values": [1.0] * 151}, "InvalidParameterValue", "At most 150", id="too many"),
        pytest.param({}, "MissingParameter", "Value is required", id="no value"),
        pytest.param(
            {"Values": [1.0], "Counts": [1.0, 2.0]}, "InvalidParameterValue", "same size", id="counts"
        ),
        pytest.param(
            {"Values": [1.0], "Counts": [0.0]}, "InvalidParameterValue", "above zero", id="no count"
        ),
        pytest.param(
            {"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1}},
            "InvalidParameterValue",
            "no more than Maximum",
            id="a set",
        ),
        pytest.param({"Value": float("inf")}, "InvalidParameterValue", "Value is invalid", id="infinity"),
        pytest.param({"Value": 1.0, "StorageResolution": 7}, "InvalidParameterValue", "7", id="resolution"),
    ],
)
def test_what_is_no_value_is_refused_and_nothing_of_the_request_kept(
    watched: Any, datum: dict[str, Any], code: str, said: str
) -> None:
    bad, good = {"MetricName": "bad", **datum}, {"MetricName": "with-bad", "Value": 1.0}
    with pytest.raises(ClientError) as caught:
        watched.cloudwatch.put_metric_data(Namespace="tests", MetricData=[good, bad])
    assert caught.value.response["Error"]["Code"] == code
    assert said in caught.value.response["Error"]["Message"]
    assert watched.cloudwatch.list_metrics(MetricName="with-bad")["Metrics"] == []


def test_a_value_of_the_far_future_is_refused(watched: Any) -> None:
    with pytest.raises(ClientError, match="no more than two hours in the future"):
        watched.put("m", Value=1.0, Timestamp=watched.now() + timedelta(hours=3))


def test_aws_s_own_namespaces_are_closed(watched: Any) -> None:
    with pytest.raises(ClientError, match="AWS/Lambda for parameter Namespace is invalid"):
        watched.cloudwatch.put_metric_data(
            Namespace="AWS/Lambda", MetricData=[{"MetricName": "Errors", "Value": 1.0}]
        )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"period_s": 61}, "multiple of 60", id="period"),
        pytest.param({"Statistics": []}, "Statistics or ExtendedStatistics", id="no statistic"),
        pytest.param(
            {"Statistics": [], "ExtendedStatistics": ["tm90"]}, "tm90 for parameter", id="trimmed mean"
        ),
        pytest.param({"period_s": 1}, "exceeds the limit of 1,440", id="too many datapoints"),
    ],
)
def test_questions_without_an_answer_are_refused(watched: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        read(watched, "sent", **options)


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        pytest.param([{"Id": "E", "Expression": "1"}], "Id", id="id"),
        pytest.param([{"Id": "a", "Expression": "b + 1"}], "'b' is not defined", id="unknown id"),
        pytest.param([{"Id": "a", "Expression": "a + 1"}], "reads itself", id="circle"),
        pytest.param([{"Id": "a", "Expression": "SUM(METRICS())"}], "localaws computes only", id="function"),
        pytest.param([query_of("a"), query_of("a")], "must be unique", id="twice"),
    ],
)
def test_queries_without_an_answer_are_refused(
    watched: Any, queries: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        data(watched, queries)
