"""Settings of asynchronous invocations, and where the results go. A second is 30 AWS seconds here."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ECHO = "def handler(event, context):\n    return {'got': event}\n"
FAIL = "def handler(event, context):\n    raise RuntimeError('no dog')\n"
PATIENCE_S = 60.0
"""Real seconds that a slow machine gets."""


def wait_for(look: Callable[[], Any]) -> Any:
    """Return the first thing found."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing was found in time")


class Queue:
    """An SQS queue."""

    def __init__(self, functions: Any) -> None:
        self._sqs = functions.server.client("sqs")
        self._url = self._sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn = attributes["Attributes"]["QueueArn"]

    def message(self) -> Any:
        """Wait for a message."""
        return wait_for(
            lambda: self._sqs.receive_message(QueueUrl=self._url, MessageAttributeNames=["All"]).get(
                "Messages"
            )
        )[0]

    def record(self) -> Any:
        """Wait for a record."""
        return json.loads(self.message()["Body"])


def send(functions: Any, name: str, event: Any, **options: Any) -> str:
    """Invoke asynchronously; return the request id."""
    payload = json.dumps(event)
    answer = functions.lam.invoke(FunctionName=name, InvocationType="Event", Payload=payload, **options)
    return str(answer["ResponseMetadata"]["RequestId"])


def test_put_replaces_and_update_merges(fast_functions: Any) -> None:
    lam, name = fast_functions.lam, fast_functions.create(ECHO, Publish=True)
    put = lam.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=60
    )
    assert put["FunctionArn"].endswith(f":{name}:$LATEST")
    assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    merged = lam.update_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    assert (merged["MaximumRetryAttempts"], merged["MaximumEventAgeInSeconds"]) == (0, 60)
    replaced = lam.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=2)
    assert "MaximumEventAgeInSeconds" not in replaced
    lam.put_function_event_invoke_config(FunctionName=f"{name}:1", MaximumRetryAttempts=0)
    listed = lam.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    assert [config["MaximumRetryAttempts"] for config in listed] == [2, 0]
    lam.delete_function_event_invoke_config(FunctionName=name)
    with pytest.raises(ClientError, match=r":\$LATEST doesn't have an EventInvokeConfig"):
        lam.get_function_event_invoke_config(FunctionName=name)
    assert lam.get_function_event_invoke_config(FunctionName=name, Qualifier="1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "You must specify at least one of error handling or destination setting"),
        ({"MaximumRetryAttempts": 3}, "less than or equal to 2"),
        ({"MaximumEventAgeInSeconds": 21_601}, "less than or equal to 21600"),
        ({"DestinationConfig": {"OnSuccess": {"Destination": "sqs"}}}, "regular expression pattern"),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::bucket"}}},
            r"onSuccess=OnSuccess\(destination=arn:aws:s3:::bucket\), onFailure=null\) is invalid",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "{arn}"}}},
            "You can't specify the function as a destination for itself",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "{arn}-not"}}},
            "The destination ARN .* is invalid",
        ),
        ({"MaximumRetryAttempts": 1, "Qualifier": "9"}, "The function doesn't exist"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    fast_functions: Any, options: dict[str, Any], message: str
) -> None:
    name = fast_functions.create(ECHO)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    request = json.loads(json.dumps(options).replace("{arn}", arn))
    with pytest.raises(ClientError, match=message):
        fast_functions.lam.put_function_event_invoke_config(FunctionName=name, **request)


def test_a_success_reaches_its_queue_and_a_failure_its_own(fast_functions: Any) -> None:
    good, bad = Queue(fast_functions), Queue(fast_functions)
    for source, queue, condition in ((ECHO, good, "Success"), (FAIL, bad, "RetriesExhausted")):
        name = fast_functions.create(source)
        fast_functions.lam.put_function_event_invoke_config(
            FunctionName=name,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnSuccess": {"Destination": good.arn}, "OnFailure": {"Destination": bad.arn}},
        )
        request_id = send(fast_functions, name, {"a": 1})
        record = queue.record()
        assert record["requestContext"] == {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": 1,
        }
        assert record["requestPayload"] == {"a": 1}
    assert record["responsePayload"]["errorMessage"] == "no dog"
    assert record["responseContext"]["functionError"] == "Unhandled"


def test_an_alias_has_settings_of_its_own(fast_functions: Any) -> None:
    queue, name = Queue(fast_functions), fast_functions.create(ECHO, Publish=True)
    fast_functions.lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    fast_functions.lam.put_function_event_invoke_config(
        FunctionName=f"{name}:live", DestinationConfig={"OnSuccess": {"Destination": queue.arn}}
    )
    send(fast_functions, name, "nobody hears of this")
    send(fast_functions, name, "this", Qualifier="live")
    record = queue.record()
    assert (record["requestPayload"], record["responseContext"]["executedVersion"]) == ("this", "1")
    assert record["requestContext"]["functionArn"].endswith(":live")


def test_an_event_that_cannot_be_run_in_time_ends_as_too_old(fast_functions: Any) -> None:
    queue, name = Queue(fast_functions), fast_functions.create(FAIL)
    fast_functions.lam.put_function_event_invoke_config(
        FunctionName=name,
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
    )
    send(fast_functions, name, {})
    context = queue.record()["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 1)


def test_a_failed_event_lies_in_the_dead_letter_queue(fast_functions: Any) -> None:
    queue = Queue(fast_functions)
    name = fast_functions.create(FAIL, DeadLetterConfig={"TargetArn": queue.arn})
    fast_functions.lam.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    request_id = send(fast_functions, name, {"a": 1})
    message = queue.message()
    assert json.loads(message["Body"]) == {"a": 1}
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "no dog"}


def test_without_any_concurrency_an_event_goes_to_its_destination_at_once(fast_functions: Any) -> None:
    queue, name = Queue(fast_functions), fast_functions.create(ECHO)
    fast_functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    fast_functions.lam.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": queue.arn}}
    )
    send(fast_functions, name, {})
    record = queue.record()
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record


def test_topics_functions_buses_and_buckets_are_destinations_too(fast_functions: Any) -> None:
    server, name = fast_functions.server, fast_functions.create(FAIL)
    sns, s3, events = server.client("sns"), server.client("s3"), server.client("events")
    topic_queue, rule_queue, function_queue = (Queue(fast_functions) for _ in range(3))
    topic = sns.create_topic(Name=uuid.uuid4().hex)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic_queue.arn)
    bus = events.create_event_bus(Name=uuid.uuid4().hex)
    bus_name = bus["EventBusArn"].rpartition("/")[2]
    events.put_rule(Name=bus_name, EventBusName=bus_name, EventPattern='{"source": ["lambda"]}')
    events.put_targets(Rule=bus_name, EventBusName=bus_name, Targets=[{"Id": "1", "Arn": rule_queue.arn}])
    relay = fast_functions.create(ECHO)
    fast_functions.lam.put_function_event_invoke_config(
        FunctionName=relay, DestinationConfig={"OnSuccess": {"Destination": function_queue.arn}}
    )
    relay_arn = fast_functions.lam.get_function_configuration(FunctionName=relay)["FunctionArn"]
    bucket = uuid.uuid4().hex
    s3.create_bucket(Bucket=bucket)
    for arn in (topic, bus["EventBusArn"], relay_arn, f"arn:aws:s3:::{bucket}"):
        fast_functions.lam.put_function_event_invoke_config(
            FunctionName=name,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": arn}},
        )
        send(fast_functions, name, arn)
        if arn == topic:
            assert json.loads(topic_queue.record()["Message"])["requestPayload"] == topic
        elif ":events:" in arn:
            event = rule_queue.record()
            assert event["detail-type"] == "Lambda Function Invocation Result - Failure"
            assert event["detail"]["requestPayload"] == arn
        elif arn == relay_arn:
            assert function_queue.record()["responsePayload"]["got"]["requestPayload"] == arn
        else:
            listed = wait_for(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
            body = s3.get_object(Bucket=bucket, Key=listed[0]["Key"])["Body"].read()
            assert json.loads(body)["requestPayload"] == arn
