"""What destinations and dead-letter queues are sent. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import json
from datetime import datetime
from typing import Any

from localaws.functions.events.queue import SUCCESS, Ending
from localaws.functions.invocations import Invocation

NO_CONCURRENCY = "Function not invoked. Function is configured with zero reserved concurrent executions"
MESSAGE_LIMIT = 1024
"""Characters of the ErrorMessage attribute."""


def build_record(invocation: Invocation, ending: Ending, *, arn: str, now: datetime) -> dict[str, Any]:
    """Return the record of an event; one that never ran has no response."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": arn,
            "condition": ending.condition,
            "approximateInvokeCount": ending.attempts,
        },
        "requestPayload": _read(invocation.payload),
    }
    if ending.result is not None:
        outcome = ending.result.outcome
        failed = {} if outcome.error is None else {"functionError": outcome.error}
        record["responseContext"] = {"statusCode": 200, "executedVersion": ending.result.version} | failed
        record["responsePayload"] = _read(outcome.payload)
    return record


def _read(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload.decode(errors="replace")


def build_bus_event(record: dict[str, Any], *, bus_arn: str) -> dict[str, Any]:
    """Return the entry of PutEvents that carries a record."""
    is_success = record["requestContext"]["condition"] == SUCCESS
    return {
        "EventBusName": bus_arn,
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {'Success' if is_success else 'Failure'}",
        "Resources": [bus_arn, record["requestContext"]["functionArn"]],
        "Detail": json.dumps(record),
    }


def object_key(record: dict[str, Any], *, now: datetime) -> str:
    """Return the key of a record in S3: by function, day and time."""
    function, qualifier = record["requestContext"]["functionArn"].rsplit(":", 2)[-2:]
    request_id = record["requestContext"]["requestId"]
    return f"aws/lambda/async/{function}:{qualifier}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{request_id}"


def dead_letter_attributes(invocation: Invocation, ending: Ending) -> dict[str, Any]:
    """Return the message attributes of an event in a dead-letter queue; its body is the event itself."""
    code, message = "429", NO_CONCURRENCY
    if ending.result is not None:
        document = _read(ending.result.outcome.payload)
        code = "200"
        message = str(document.get("errorMessage", "")) if isinstance(document, dict) else ""
    return {
        "RequestID": {"DataType": "String", "StringValue": invocation.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": code},
        "ErrorMessage": {"DataType": "String", "StringValue": message[:MESSAGE_LIMIT] or " "},
    }
