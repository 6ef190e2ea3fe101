"""Other services that call functions: their own callers never hear of a function's failure."""

import json
import time
import uuid
from typing import Any

FAIL = "def handler(event, context):\n    raise RuntimeError('no dog')\n"
PATIENCE_S = 60.0
"""Real seconds that a slow machine gets."""


def make_queue(sqs: Any) -> tuple[str, str]:
    """Make a queue; return its URL and ARN."""
    url = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return str(url), str(attributes["QueueArn"])


def receive(sqs: Any, url: str) -> str:
    """Wait for a message; return its body."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url).get("Messages", []):
            return str(message["Body"])
        time.sleep(0.1)
    raise AssertionError("no message came")


def test_a_topic_does_not_wait_for_its_function(functions: Any) -> None:
    """What the function makes of a message goes where its asynchronous settings say."""
    sns, sqs = functions.server.client("sns"), functions.server.client("sqs")
    name = functions.create(FAIL)
    url, queue = make_queue(sqs)
    functions.lam.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    topic = sns.create_topic(Name=name)["TopicArn"]
    arn = functions.lam.get_function_configuration(FunctionName=name)["FunctionArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    assert sns.publish(TopicArn=topic, Message="woof")["MessageId"]
    record = json.loads(receive(sqs, url))
    assert record["requestPayload"]["Records"][0]["Sns"]["Message"] == "woof"
    assert record["responsePayload"]["errorMessage"] == "no dog"


def test_a_queue_keeps_what_its_function_failed_at(functions: Any) -> None:
    sqs, name = functions.server.client("sqs"), functions.create(FAIL)
    url, queue = make_queue(sqs)
    functions.lam.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    assert sqs.send_message(QueueUrl=url, MessageBody="woof")["MessageId"]
    assert receive(sqs, url) == "woof"


def test_a_queue_keeps_what_its_function_has_no_concurrency_for(functions: Any) -> None:
    sqs, name = functions.server.client("sqs"), functions.create(FAIL)
    functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    url, queue = make_queue(sqs)
    functions.lam.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    assert sqs.send_message(QueueUrl=url, MessageBody="woof")["MessageId"]
    assert receive(sqs, url) == "woof"
