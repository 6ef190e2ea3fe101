"""FilterLogEvents looks at the streams that it is told to."""

import time
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws


def fill(logs: Any, group: str) -> None:
    """Make a group with one event in each of three streams."""
    logs.create_log_group(logGroupName=group)
    for stream in ("job-1/algo-1", "job-1/algo-2", "job-10/algo-1"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": stream}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def messages(logs: Any, group: str, **more: Any) -> set[str]:
    """Return the messages that are found."""
    found = logs.filter_log_events(logGroupName=group, **more)["events"]
    return {event["message"] for event in found}


def test_the_prefix_chooses_the_streams(localaws: Any) -> None:
    logs, group = localaws.client("logs"), f"/filter/{uuid.uuid4().hex}"
    fill(logs, group)
    assert messages(logs, group, logStreamNamePrefix="job-1/") == {"job-1/algo-1", "job-1/algo-2"}
    assert messages(logs, group, logStreamNamePrefix="other") == set()
    with pytest.raises(ClientError) as caught:
        messages(logs, group, logStreamNamePrefix="job", logStreamNames=["job-1/algo-1"])
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def test_stock_moto_looks_at_all_streams() -> None:
    with mock_aws():
        logs = boto3.client("logs", region_name="us-east-1")
        fill(logs, "/filter")
        assert len(messages(logs, "/filter", logStreamNamePrefix="job-1/")) == 3


def put(logs: Any, group: str, *texts: str) -> None:
    """Make a group with a stream of events."""
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + number, "message": text} for number, text in enumerate(texts)]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


LINES = ("epoch 1 loss 0.5", "ERROR in worker 3", "WARN slow worker")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("worker", {LINES[1], LINES[2]}),
        ("worker -ERROR", {LINES[2]}),
        ("?ERROR ?epoch", {LINES[0], LINES[1]}),
        ('"loss 0.5"', {LINES[0]}),
    ],
)
def test_a_pattern_chooses_the_events(localaws: Any, pattern: str, found: set[str]) -> None:
    logs, group = localaws.client("logs"), f"/patterns/{uuid.uuid4().hex}"
    put(logs, group, *LINES)
    assert messages(logs, group, filterPattern=pattern) == found


def test_a_pattern_that_is_not_built_is_refused(localaws: Any) -> None:
    """To let every event through would be an answer that is not true."""
    logs, group = localaws.client("logs"), f"/patterns/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=group)
    with pytest.raises(ClientError, match="does not know JSON filter patterns") as caught:
        messages(logs, group, filterPattern='{ $.level = "ERROR" }')
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def test_pages_hold_every_event_once(localaws: Any) -> None:
    logs, group = localaws.client("logs"), f"/pages/{uuid.uuid4().hex}"
    put(logs, group, *(f"line {number}" for number in range(7)))
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern="line", PaginationConfig={"PageSize": 3}
    )
    sizes = [[event["message"] for event in page["events"]] for page in pages]
    assert [len(page) for page in sizes] == [3, 3, 1]
    assert [text for page in sizes for text in page] == [f"line {number}" for number in range(7)]


def test_a_subscription_gets_what_fits_its_pattern(localaws: Any) -> None:
    logs, base = localaws.client("logs"), f"/subscribed/{uuid.uuid4().hex}"
    put(logs, f"{base}/target", "first")
    logs.create_log_group(logGroupName=f"{base}/source")
    target = logs.describe_log_groups(logGroupNamePrefix=f"{base}/target")["logGroups"][0]["arn"]
    logs.put_subscription_filter(
        logGroupName=f"{base}/source", filterName="f", filterPattern="worker -ERROR", destinationArn=target
    )
    logs.create_log_stream(logGroupName=f"{base}/source", logStreamName="s")
    events = [{"timestamp": int(time.time() * 1000), "message": text} for text in LINES]
    logs.put_log_events(logGroupName=f"{base}/source", logStreamName="s", logEvents=events)
    assert messages(logs, f"{base}/target") == {"first", LINES[2]}
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        logs.put_subscription_filter(
            logGroupName=f"{base}/source", filterName="g", filterPattern="a.b", destinationArn=target
        )


def test_metric_filters_are_refused_as_nothing_would_count(localaws: Any) -> None:
    with pytest.raises(ClientError, match="localaws does not implement logs:PutMetricFilter"):
        localaws.client("logs").put_metric_filter(
            logGroupName="/g",
            filterName="f",
            filterPattern="ERROR",
            metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
        )


def test_stock_moto_lets_through_what_it_cannot_follow() -> None:
    with mock_aws():
        logs = boto3.client("logs", region_name="us-east-1")
        put(logs, "/g", *LINES)
        assert len(messages(logs, "/g", filterPattern='{ $.level = "ERROR" }')) == 3
        assert messages(logs, "/g", filterPattern="worker -ERROR") == set()
