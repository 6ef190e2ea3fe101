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
