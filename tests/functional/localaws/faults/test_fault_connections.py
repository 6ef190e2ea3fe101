"""Connections that break before or after a call took place, answers that are cut off, late or old."""

import time
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError

LARGE = b"0123456789abcdef" * 2**19
"""8 MiB: the client still sends when the connection is reset."""


def outcomes(fault_rules: Any) -> list[str]:
    """Return what came of each rule that fired."""
    return [event["outcome"] for event in fault_rules.fired()]


def log_groups(localaws: Any, prefix: str) -> list[str]:
    """Return the names of log groups."""
    answer = localaws.client("logs").describe_log_groups(logGroupNamePrefix=prefix)
    return [group["logGroupName"] for group in answer["logGroups"]]


@pytest.mark.parametrize(("kind", "is_there"), [("reset_before_effect", False), ("reset_after_effect", True)])
def test_a_call_whose_connection_is_reset_took_place_or_did_not(
    localaws: Any, fault_rules: Any, kind: str, is_there: bool
) -> None:
    name = uuid.uuid4().hex
    fault_rules.put({"kind": kind, "service": "logs", "action": "CreateLogGroup", "nth": 1})
    with pytest.raises(ConnectionClosedError):
        localaws.client("logs").create_log_group(logGroupName=name)
    assert bool(log_groups(localaws, name)) is is_there
    assert outcomes(fault_rules) == ["reset after the answer 200" if is_there else "reset"]


@pytest.fixture(scope="module")
def bucket(localaws: Any) -> str:
    """Return a bucket."""
    name = f"faults-{uuid.uuid4().hex[:12]}"
    localaws.client("s3").create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize(("kind", "is_there"), [("reset_before_effect", False), ("reset_after_effect", True)])
def test_an_object_whose_upload_is_reset_is_there_whole_or_not_at_all(
    localaws: Any, fault_rules: Any, bucket: str, kind: str, is_there: bool
) -> None:
    s3 = localaws.client("s3")
    fault_rules.put({"kind": kind, "service": "s3", "action": "PutObject", "resource": f"{bucket}/{kind}"})
    with pytest.raises(ConnectionClosedError):
        s3.put_object(Bucket=bucket, Key=kind, Body=LARGE)
    found = s3.list_objects_v2(Bucket=bucket, Prefix=kind).get("Contents", [])
    assert [each["Size"] for each in found] == ([len(LARGE)] if is_there else [])


def test_an_upload_that_is_throttled_leaves_a_connection_that_works(
    localaws: Any, fault_rules: Any, bucket: str
) -> None:
    s3 = localaws.client("s3")
    fault_rules.put({"kind": "throttle", "service": "s3", "action": "PutObject", "first": 1})
    with pytest.raises(ClientError, match="SlowDown"):
        s3.put_object(Bucket=bucket, Key="late", Body=LARGE)
    s3.put_object(Bucket=bucket, Key="late", Body=b"in time")
    assert s3.get_object(Bucket=bucket, Key="late")["Body"].read() == b"in time"


def test_half_of_an_object_comes(localaws: Any, fault_rules: Any, bucket: str) -> None:
    s3 = localaws.client("s3")
    s3.put_object(Bucket=bucket, Key="half", Body=LARGE)
    fault_rules.put({"kind": "truncated_body", "service": "s3", "action": "GetObject"})
    answer = s3.get_object(Bucket=bucket, Key="half")
    assert answer["ContentLength"] == len(LARGE)
    with pytest.raises(ResponseStreamingError, match="IncompleteRead"):
        answer["Body"].read()
    assert outcomes(fault_rules) == ["truncated"]


def test_half_of_an_answer_comes(localaws: Any, fault_rules: Any) -> None:
    fault_rules.put({"kind": "truncated_body", "service": "sts"})
    with pytest.raises(ResponseParserError):
        localaws.client("sts").get_caller_identity()
    assert outcomes(fault_rules) == ["truncated"]


def test_an_answer_without_a_body_is_not_said_to_be_cut(localaws: Any, fault_rules: Any, bucket: str) -> None:
    fault_rules.put({"kind": "truncated_body", "service": "s3", "action": "HeadBucket"})
    localaws.client("s3").head_bucket(Bucket=bucket)
    assert outcomes(fault_rules) == ["not truncated: the answer has no body"]


def test_a_call_is_held_until_its_client_gives_up(localaws: Any, fault_rules: Any) -> None:
    name = uuid.uuid4().hex
    fault_rules.put({"kind": "timeout", "service": "logs", "action": "CreateLogGroup"})
    with pytest.raises(ReadTimeoutError):
        localaws.client("logs", read_timeout=1).create_log_group(logGroupName=name)
    deadline = time.monotonic() + 30
    while outcomes(fault_rules) == [""] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert outcomes(fault_rules) == ["held until the client left"]
    assert log_groups(localaws, name) == []


def test_a_call_is_held_for_no_longer_than_the_rule_says(localaws: Any, fault_rules: Any) -> None:
    fault_rules.put({"kind": "timeout", "service": "logs", "hold_s": 0.2})
    with pytest.raises(ConnectionClosedError):
        localaws.client("logs").describe_log_groups()
    assert outcomes(fault_rules) == ["held for 0.2 s, and reset"]


def test_a_slow_call_takes_place_late(localaws: Any, fault_rules: Any) -> None:
    fault_rules.put({"kind": "slow", "service": "logs", "delay_ms": 300})
    begun = time.monotonic()
    localaws.client("logs").describe_log_groups()
    assert time.monotonic() - begun >= 0.3


def test_a_read_says_what_it_said_before(localaws: Any, fault_rules: Any) -> None:
    name = uuid.uuid4().hex
    rule = {"kind": "stale_read", "service": "logs", "action": "Describe*", "for_s": 3600, "resource": name}
    fault_rules.put(rule | {"nth": 3}, rule | {"every": 1000})
    logs = localaws.client("logs")
    assert log_groups(localaws, name) == []
    logs.create_log_group(logGroupName=name)
    assert log_groups(localaws, name) == [name]
    logs.delete_log_group(logGroupName=name)
    assert log_groups(localaws, name) == [name]
    assert log_groups(localaws, name) == []
    assert outcomes(fault_rules) == ["stale"]


def test_a_read_that_was_not_asked_before_is_answered_and_said_to_be_fresh(
    localaws: Any, fault_rules: Any
) -> None:
    fault_rules.put({"kind": "stale_read", "service": "sagemaker", "for_s": 60})
    localaws.client("sagemaker").list_models(NameContains=uuid.uuid4().hex)
    assert outcomes(fault_rules) == ["fresh: the same was not asked within 60 s"]


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
def test_a_web_page_makes_no_rules(localaws: Any, fault_rules: Any, header: dict[str, str]) -> None:
    rule = b'{"kind": "throttle", "service": "*"}'
    request = urllib.request.Request(
        f"{localaws.url}/_localaws/faults", data=rule, method="POST", headers=header
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=30)
    assert fault_rules.rules() == []


def test_rules_do_not_break_the_way_to_them(localaws: Any, fault_rules: Any) -> None:
    fault_rules.put({"kind": "reset_before_effect", "service": "*"})
    with pytest.raises(ConnectionClosedError):
        localaws.client("sts").get_caller_identity()
    assert fault_rules.fired()[0]["action"] == "GetCallerIdentity"
