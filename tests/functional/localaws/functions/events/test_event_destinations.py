"""What becomes of an event: each kind of destination, dead letters, throttles."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

SOURCE = """
import time
def handler(event, context):
    if event == 'fail':
        raise RuntimeError('no dog')
    if event == 'wait':
        time.sleep(8)
    return {'got': event}
"""
PATIENCE_S = 90.0
"""Real seconds that a slow machine gets."""


class Inbox:
    """A queue, and ways that lead to it."""

    def __init__(self, functions: Any) -> None:
        self._functions, self._server = functions, functions.server
        self._sqs = self._server.client("sqs")
        self._url = self._sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"]
        names = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn = names["Attributes"]["QueueArn"]

    def message(self) -> dict[str, Any]:
        """Wait for a message."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = self._sqs.receive_message(QueueUrl=self._url, MessageAttributeNames=["All"])
            if messages := found.get("Messages"):
                return dict(messages[0])
            time.sleep(0.1)
        raise AssertionError("no message came")

    def queue(self) -> tuple[str, Callable[[Any], Any]]:
        """Return the queue itself, and how its body holds the record."""
        return self.arn, lambda body: body

    def topic(self) -> tuple[str, Callable[[Any], Any]]:
        """Return a topic that the queue subscribes to."""
        sns = self._server.client("sns")
        arn = sns.create_topic(Name=uuid.uuid4().hex)["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=self.arn)
        return arn, lambda body: json.loads(body["Message"])

    def bus(self) -> tuple[str, Callable[[Any], Any]]:
        """Return a bus with a rule that leads to the queue."""
        events, name = self._server.client("events"), uuid.uuid4().hex
        arn = events.create_event_bus(Name=name)["EventBusArn"]
        events.put_rule(Name=name, EventBusName=name, EventPattern='{"source": ["lambda"]}')
        events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "1", "Arn": self.arn}])
        return arn, lambda body: body["detail"]

    def function(self) -> tuple[str, Callable[[Any], Any]]:
        """Return a function whose own results go to the queue."""
        name = self._functions.create(SOURCE)
        self._functions.lam.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": self.arn}}
        )
        arn = self._functions.lam.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
        return arn, lambda body: body["requestPayload"]


@pytest.fixture(scope="module")
def name(fast_functions: Any) -> str:
    """Return a function that tries each event once."""
    made: str = fast_functions.create(SOURCE, Timeout=900)
    return made


@pytest.fixture
def inbox(fast_functions: Any) -> Inbox:
    """Return a queue of a test's own."""
    return Inbox(fast_functions)


def settle(functions: Any, name: str, **sides: str) -> None:
    """Let results go to these."""
    functions.lam.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={side: {"Destination": arn} for side, arn in sides.items()},
    )


def send(functions: Any, name: str, event: Any, **options: Any) -> str:
    """Invoke asynchronously; return the request id."""
    payload = json.dumps(event)
    answer = functions.lam.invoke(FunctionName=name, InvocationType="Event", Payload=payload, **options)
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    return str(answer["ResponseMetadata"]["RequestId"])


@pytest.mark.parametrize("kind", ["queue", "topic", "bus", "function"])
@pytest.mark.parametrize("side", ["OnSuccess", "OnFailure"])
def test_a_record_reaches_each_kind_of_destination(
    fast_functions: Any, name: str, inbox: Inbox, kind: str, side: str
) -> None:
    arn, unpack = getattr(inbox, kind)()
    settle(fast_functions, name, **{side: arn})
    event = "fail" if side == "OnFailure" else kind
    request_id = send(fast_functions, name, event)
    record = unpack(json.loads(inbox.message()["Body"]))
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["condition"] == ("Success" if side == "OnSuccess" else "RetriesExhausted")
    assert record["requestPayload"] == event
    if side == "OnSuccess":
        assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
        assert record["responsePayload"] == {"got": event}
    else:
        assert record["responseContext"]["functionError"] == "Unhandled"
        assert record["responsePayload"]["errorType"] == "RuntimeError"


@pytest.mark.parametrize("kind", ["queue", "topic"])
def test_a_dead_letter_is_the_event_itself(fast_functions: Any, inbox: Inbox, kind: str) -> None:
    arn, _ = getattr(inbox, kind)()
    name = fast_functions.create(SOURCE, DeadLetterConfig={"TargetArn": arn})
    settle(fast_functions, name)
    request_id = send(fast_functions, name, "fail")
    message = inbox.message()
    if kind == "queue":
        assert json.loads(message["Body"]) == "fail"
        attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    else:
        notification = json.loads(message["Body"])
        assert json.loads(notification["Message"]) == "fail"
        attributes = {key: value["Value"] for key, value in notification["MessageAttributes"].items()}
    assert attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "no dog"}


def test_destination_and_dead_letter_queue_both_get_a_failure(fast_functions: Any, inbox: Inbox) -> None:
    letters = Inbox(fast_functions)
    name = fast_functions.create(SOURCE, DeadLetterConfig={"TargetArn": letters.arn})
    settle(fast_functions, name, OnFailure=inbox.arn)
    send(fast_functions, name, "fail")
    assert json.loads(letters.message()["Body"]) == "fail"
    assert json.loads(inbox.message()["Body"])["requestPayload"] == "fail"


def test_a_destination_that_is_gone_keeps_nobody_from_the_next_event(
    fast_functions: Any, name: str, inbox: Inbox
) -> None:
    absent = inbox.arn.rpartition(":")[0] + ":no-such-queue"
    settle(fast_functions, name, OnSuccess=absent)
    send(fast_functions, name, "lost")
    assert fast_functions.invoke(name, "meanwhile").json == {"got": "meanwhile"}
    settle(fast_functions, name, OnSuccess=inbox.arn)
    send(fast_functions, name, "next")
    assert json.loads(inbox.message()["Body"])["requestPayload"] in ("lost", "next")


def test_a_retry_counts_and_the_record_says_how_often(fast_functions: Any, inbox: Inbox) -> None:
    name = fast_functions.create(SOURCE)
    fast_functions.lam.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": inbox.arn}},
    )
    request_id = send(fast_functions, name, "fail")
    context = json.loads(inbox.message()["Body"])["requestContext"]
    assert (context["requestId"], context["approximateInvokeCount"]) == (request_id, 2)
    starts = [line for line in fast_functions.log_events(name) if line.startswith("START RequestId")]
    assert [request_id in line for line in starts] == [True, True], "a retry has the same request id"


def throttle(functions: Any, name: str) -> dict[str, Any]:
    """Invoke until it is refused; return the refusal."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            functions.lam.invoke(FunctionName=name, Payload=b"1")
        except ClientError as error:
            return dict(error.response)
        time.sleep(0.05)
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize("reserved", [0, 1])
def test_over_a_reservation_a_caller_is_throttled_with_the_reason(functions: Any, reserved: int) -> None:
    name = functions.create(SOURCE, Timeout=60)
    functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    if reserved:
        send(functions, name, "wait")
    answer = throttle(functions, name)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    functions.lam.delete_function_concurrency(FunctionName=name)
    assert functions.invoke(name, "again").json == {"got": "again"}


def test_an_extension_in_a_layer_is_not_started(functions: Any) -> None:
    """localaws has no Extensions API; a layer that brings an extension is a layer like any other."""
    files = {"extensions/watcher": "#!/bin/sh\necho started >&2\nsleep 60\n", "python/own.py": "A = 1\n"}
    archive = functions.zip_of(files, executable="extensions/watcher")
    layer = functions.lam.publish_layer_version(
        LayerName=f"layer-{uuid.uuid4().hex[:8]}", Content={"ZipFile": archive}
    )
    source = "import own, os\ndef handler(event, context):\n    return own.A, os.listdir('/opt/extensions')\n"
    name = functions.create(source, Layers=[layer["LayerVersionArn"]])
    answer = functions.invoke(name)
    assert answer.json == [1, ["watcher"]]
    assert "EXTENSION" not in answer.log
    assert "started" not in answer.log
