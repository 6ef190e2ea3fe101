"""What destinations and dead-letter queues are sent."""

import json
from datetime import UTC, datetime

import pytest

from localaws.functions.events.queue import Ending
from localaws.functions.events.records import (
    NO_CONCURRENCY,
    build_bus_event,
    build_record,
    dead_letter_attributes,
    object_key,
)
from localaws.functions.invocations import Invocation, Outcome, Result

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
ARN = "arn:aws:lambda:us-east-1:123456789012:function:dogs:$LATEST"
INVOCATION = Invocation(payload=b'{"a": 1}', arn="arn:f", trace_id="t", request_id="r-1")
GOOD = Result(outcome=Outcome(payload=b"42"), log_tail=b"", version="1")
BAD = Result(
    outcome=Outcome(payload=b'{"errorMessage": "no dog"}', error="Unhandled"), log_tail=b"", version="1"
)


def test_a_success_is_recorded_with_both_payloads() -> None:
    ending = Ending(condition="Success", attempts=1, result=GOOD)
    assert build_record(INVOCATION, ending, arn=ARN, now=NOW) == {
        "version": "1.0",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "requestContext": {
            "requestId": "r-1",
            "functionArn": ARN,
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"a": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "1"},
        "responsePayload": 42,
    }


def test_a_failure_says_what_kind_of_error_it_was() -> None:
    ending = Ending(condition="RetriesExhausted", attempts=3, result=BAD)
    record = build_record(INVOCATION, ending, arn=ARN, now=NOW)
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    attributes = dead_letter_attributes(INVOCATION, ending)
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "RequestID": "r-1",
        "ErrorCode": "200",
        "ErrorMessage": "no dog",
    }


def test_an_event_that_never_ran_has_no_response() -> None:
    ending = Ending(condition="ZeroReservedConcurrency", attempts=0, result=None)
    record = build_record(INVOCATION, ending, arn=ARN, now=NOW)
    assert not {"responseContext", "responsePayload"} & record.keys()
    attributes = dead_letter_attributes(INVOCATION, ending)
    assert attributes["ErrorMessage"]["StringValue"] == NO_CONCURRENCY
    assert attributes["ErrorCode"] == {"DataType": "Number", "StringValue": "429"}


def test_a_bus_gets_the_record_as_the_detail_of_an_event() -> None:
    ending = Ending(condition="RetriesExhausted", attempts=3, result=BAD)
    record = build_record(INVOCATION, ending, arn=ARN, now=NOW)
    entry = build_bus_event(record, bus_arn="arn:bus")
    assert (entry["Source"], entry["DetailType"]) == ("lambda", "Lambda Function Invocation Result - Failure")
    assert entry["Resources"] == ["arn:bus", ARN]
    assert json.loads(entry["Detail"]) == record


RECORD = {"requestContext": {"requestId": "r-1", "functionArn": ARN, "condition": "EventAgeExceeded"}}


@pytest.mark.parametrize("condition", ["RetriesExhausted", "EventAgeExceeded", "ZeroReservedConcurrency"])
def test_every_other_end_than_success_is_a_failure_to_a_bus(condition: str) -> None:
    record = {"requestContext": RECORD["requestContext"] | {"condition": condition}}
    entry = build_bus_event(record, bus_arn="arn:aws:events:us-east-1:123456789012:event-bus/default")
    assert entry["DetailType"] == "Lambda Function Invocation Result - Failure"
    assert json.loads(entry["Detail"]) == record


def test_an_object_is_named_by_function_day_and_request() -> None:
    key = object_key(RECORD, now=NOW)
    assert key == "aws/lambda/async/dogs:$LATEST/2026/01/02/2026-01-02T03.04.05-r-1"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"errorMessage": "no dog"}', "no dog"),
        (b'{"errorMessage": "' + b"x" * 5000 + b'"}', "x" * 1024),
        (b'{"errorMessage": ""}', " "),
        (b'{"errorType": "E"}', " "),
        (b'"text"', " "),
        (b"[]", " "),
        (b"no json", " "),
        (b"\xff", " "),
    ],
)
def test_a_dead_letter_has_a_message_whatever_the_function_said(payload: bytes, expected: str) -> None:
    """SQS and SNS refuse an attribute without a value."""
    result = Result(outcome=Outcome(payload=payload, error="Unhandled"), log_tail=b"", version="1")
    ending = Ending(condition="RetriesExhausted", attempts=1, result=result)
    found = dead_letter_attributes(INVOCATION, ending)
    assert found["ErrorMessage"] == {"DataType": "String", "StringValue": expected}
    assert found["ErrorCode"] == {"DataType": "Number", "StringValue": "200"}


def test_a_dead_letter_of_what_never_ran_was_throttled() -> None:
    ending = Ending(condition="ZeroReservedConcurrency", attempts=0, result=None)
    found = dead_letter_attributes(INVOCATION, ending)
    assert found["ErrorCode"]["StringValue"] == "429"
    assert found["ErrorMessage"]["StringValue"] == NO_CONCURRENCY
    assert found["RequestID"]["StringValue"] == "r-1"


@pytest.mark.parametrize(
    ("payload", "expected"), [(b"null", None), (b"", ""), (b"plain", "plain"), (b"\xff", "\ufffd")]
)
def test_a_payload_that_is_no_json_is_recorded_as_text(payload: bytes, expected: object) -> None:
    result = Result(outcome=Outcome(payload=payload), log_tail=b"", version="1")
    ending = Ending(condition="Success", attempts=1, result=result)
    assert build_record(INVOCATION, ending, arn=ARN, now=NOW)["responsePayload"] == expected
