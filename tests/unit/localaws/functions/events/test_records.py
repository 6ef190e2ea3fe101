"""What destinations and dead-letter queues are sent."""

import json
from datetime import UTC, datetime

from localaws.functions.events.queue import Ending
from localaws.functions.events.records import (
    NO_CONCURRENCY,
    build_bus_event,
    build_record,
    dead_letter_attributes,
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
