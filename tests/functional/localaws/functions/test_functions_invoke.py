"""The Invoke API: invocation types, limits, concurrency, throttling, errors."""

import json
import socket
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

SLEEP = """
import os, time
def handler(event, context):
    time.sleep(event.get("s", 0))
    return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
"""
TO_S3 = """
import boto3, json, os
def handler(event, context):
    s3 = boto3.client("s3")
    attempts = s3.list_objects_v2(Bucket=event["bucket"], Prefix="attempt")["KeyCount"]
    s3.put_object(Bucket=event["bucket"], Key=f"attempt-{attempts}", Body=context.aws_request_id.encode())
    if attempts < event["failures"]:
        raise RuntimeError("not yet")
"""


def test_a_dry_run_checks_and_runs_nothing(functions: Any) -> None:
    name = functions.create(SLEEP)
    answer = functions.lam.invoke(FunctionName=name, InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    with pytest.raises(ClientError, match="Function not found"):
        functions.lam.invoke(FunctionName="no-such-function", InvocationType="DryRun")
    assert not [child for child in functions.server.children() if child["name"] == f"lambda-{name}"]


def test_two_at_once_are_two_processes_and_then_both_are_warm(functions: Any) -> None:
    name = functions.create(SLEEP)
    with ThreadPoolExecutor(2) as executor:
        first = {a.json for a in executor.map(lambda _: functions.invoke(name, {"s": 0.5}), range(2))}
    assert len(first) == 2
    assert {functions.invoke(name, {}).json for _ in range(4)} < first


def keys(s3: Any, bucket: str) -> list[str]:
    """Return the keys of a bucket."""
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def wait_for_keys(s3: Any, bucket: str, count: int) -> list[str]:
    """Wait at most 15 seconds until a bucket has `count` objects."""
    deadline = time.monotonic() + 15
    while len(keys(s3, bucket)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    return keys(s3, bucket)


def test_an_event_is_accepted_at_once_and_runs_later(functions: Any) -> None:
    s3, name = functions.server.client("s3"), functions.create(TO_S3, Timeout=20)
    s3.create_bucket(Bucket=f"{name}-b")
    event = json.dumps({"bucket": f"{name}-b", "failures": 0})
    answer = functions.lam.invoke(FunctionName=name, InvocationType="Event", Payload=event)
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert wait_for_keys(s3, f"{name}-b", 1) == ["attempt-0"]


def test_the_action_before_invoke_queues_an_event_too(functions: Any) -> None:
    s3, name = functions.server.client("s3"), functions.create(TO_S3, Timeout=20)
    s3.create_bucket(Bucket=f"{name}-b")
    event = json.dumps({"bucket": f"{name}-b", "failures": 0})
    assert functions.lam.invoke_async(FunctionName=name, InvokeArgs=event)["Status"] == 202
    assert wait_for_keys(s3, f"{name}-b", 1) == ["attempt-0"]


def test_a_failed_event_is_tried_three_times_under_one_id_and_dropped(fast_functions: Any) -> None:
    """One and two AWS minutes between attempts: 2 s and 4 s at speed 30."""
    s3, name = fast_functions.server.client("s3"), fast_functions.create(TO_S3, Timeout=20)
    s3.create_bucket(Bucket=f"{name}-b")
    event = json.dumps({"bucket": f"{name}-b", "failures": 9})
    started = time.monotonic()
    sent = fast_functions.lam.invoke(FunctionName=name, InvocationType="Event", Payload=event)
    assert wait_for_keys(s3, f"{name}-b", 3) == ["attempt-0", "attempt-1", "attempt-2"]
    assert 5.5 < time.monotonic() - started < 12
    request_id = sent["ResponseMetadata"]["RequestId"]
    bodies = {s3.get_object(Bucket=f"{name}-b", Key=f"attempt-{i}")["Body"].read().decode() for i in range(3)}
    assert bodies == {request_id}
    deadline = time.monotonic() + 5
    while request_id not in fast_functions.server.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (
        f"event {request_id} for {name} is dropped: its 3 attempts failed"
        in fast_functions.server.log.read_text()
    )


def test_an_idle_environment_is_retired_after_ten_minutes_of_aws(hasty_functions: Any) -> None:
    name = hasty_functions.create(SLEEP)
    stream = hasty_functions.invoke(name, {}).json
    assert hasty_functions.invoke(name, {}).json == stream
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and hasty_functions.is_alive(stream):
        time.sleep(0.1)
    assert not hasty_functions.is_alive(stream)
    assert hasty_functions.invoke(name, {}).json != stream


def test_over_reserved_concurrency_is_throttled_as_aws_words_it(functions: Any) -> None:
    name = functions.create(SLEEP)
    functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(functions.invoke, name, {"s": 1.5})
        time.sleep(0.5)
        with pytest.raises(ClientError) as error:
            functions.invoke(name, {})
        assert running.result().error is None
    response = error.value.response
    assert response["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert (response["Reason"], response["Type"]) == (
        "ReservedFunctionConcurrentInvocationLimitExceeded",
        "User",
    )
    assert functions.invoke(name, {}).error is None


def test_no_reserved_concurrency_at_all_stops_a_function(functions: Any) -> None:
    name = functions.create(SLEEP)
    functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="Rate Exceeded"):
        functions.invoke(name, {})
    functions.lam.delete_function_concurrency(FunctionName=name)
    assert functions.invoke(name, {}).error is None


@pytest.mark.parametrize(
    ("kind", "size", "limit"), [("RequestResponse", 6_300_000, 6_291_456), ("Event", 1_100_000, 1_048_576)]
)
def test_a_payload_over_the_limit_is_refused(functions: Any, kind: str, size: int, limit: int) -> None:
    name = functions.create(SLEEP)
    with pytest.raises(ClientError) as error:
        functions.lam.invoke(FunctionName=name, InvocationType=kind, Payload=b'"' + b"x" * size + b'"')
    response = error.value.response
    assert response["Error"]["Code"] == "RequestTooLargeException"
    assert (
        response["Error"]["Message"]
        == f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    )
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert functions.invoke(name, {}).error is None


def test_a_payload_just_below_the_limit_arrives_whole(functions: Any) -> None:
    name = functions.create("def handler(event, context):\n    return len(event)\n")
    assert functions.invoke(name, "x" * 6_291_454).json == 6_291_454


def test_sixty_megabytes_are_refused_without_harm(functions: Any) -> None:
    name = functions.create(SLEEP)
    url = f"{functions.server.url}/2015-03-31/functions/{name}/invocations"
    with pytest.raises(urllib.error.URLError) as error:
        urllib.request.urlopen(urllib.request.Request(url, data=b" " * 60_000_000, method="POST"), timeout=30)
    if isinstance(
        error.value, urllib.error.HTTPError
    ):  # else the connection was cut while we were still sending
        assert error.value.code == 413
        error.value.close()
    assert functions.invoke(name, {}).error is None


def test_a_payload_that_is_no_json_is_refused(functions: Any) -> None:
    name = functions.create(SLEEP)
    with pytest.raises(ClientError) as error:
        functions.lam.invoke(FunctionName=name, Payload=b"{not json")
    assert error.value.response["Error"]["Code"] == "InvalidRequestContentException"
    assert error.value.response["Error"]["Message"].startswith("Could not parse request body into json: ")


@pytest.mark.parametrize(
    ("reference", "qualifier", "code", "message"),
    [
        (
            "gone",
            None,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:123456789012:function:gone",
        ),
        ("{name}", "7", "ResourceNotFoundException", "function:{name}:7"),
        ("{name}:1", "2", "InvalidParameterValueException", "does not match the specified qualifier"),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:{name}",
            None,
            "ResourceNotFoundException",
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
    ],
)
def test_a_function_that_is_not_there(
    functions: Any, reference: str, qualifier: str | None, code: str, message: str
) -> None:
    name = functions.create(SLEEP)
    options = {"Qualifier": qualifier} if qualifier else {}
    with pytest.raises(ClientError) as error:
        functions.invoke(reference.format(name=name), {}, **options)
    assert error.value.response["Error"]["Code"] == code
    assert message.format(name=name) in error.value.response["Error"]["Message"]


def test_a_runtime_that_is_not_python_is_refused_by_name(functions: Any) -> None:
    name = functions.create(SLEEP, Runtime="nodejs22.x", Handler="app.handler")
    with pytest.raises(ClientError) as error:
        functions.invoke(name, {})
    assert error.value.response["Error"]["Code"] == "InvalidRuntimeException"
    assert "nodejs22.x does not run here" in error.value.response["Error"]["Message"]


def test_a_client_that_hangs_up_does_not_stop_the_function(functions: Any) -> None:
    """As on AWS: the invocation goes on, and the environment is warm afterwards."""
    name = functions.create(SLEEP)
    pid = functions.invoke(name, {}).json
    host, port = functions.server.url.removeprefix("http://").split(":")
    body = b'{"s": 0.5}'
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /2015-03-31/functions/{name}/invocations HTTP/1.1\r\nHost: x\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(0.2)
    time.sleep(0.6)
    assert functions.invoke(name, {}).json == pid


def test_a_queue_message_reaches_the_function(functions: Any) -> None:
    """moto's other services call functions too: here an SQS event source."""
    sqs, s3 = functions.server.client("sqs"), functions.server.client("s3")
    source = "import boto3, json\ndef handler(event, context):\n"
    source += "    body = json.loads(event['Records'][0]['body'])\n"
    source += "    boto3.client('s3').put_object(Bucket=body['bucket'], Key='done')\n"
    name = functions.create(source, Timeout=20)
    s3.create_bucket(Bucket=f"{name}-b")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.lam.create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"bucket": f"{name}-b"}))
    assert wait_for_keys(s3, f"{name}-b", 1) == ["done"]
