"""InvokeEndpointAsync: what was asked is answered, in S3 and by notification."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

WAIT_S = 60.0
BUCKET = "endpoint-tests"


def wait_for(s3: Any, uri: str) -> dict[str, Any]:
    """Wait for an object; return what GetObject answers."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return dict(s3.get_object(Bucket=bucket, Key=key))
        except s3.exceptions.NoSuchKey:
            assert time.monotonic() < deadline, f"{uri} never came"
            time.sleep(0.05)


class Topics:
    """Two topics whose messages come to one queue."""

    def __init__(self, aws: Any, name: str) -> None:
        self.sqs, sns = aws.client("sqs"), aws.client("sns")
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        self.arns = [sns.create_topic(Name=f"{name}-{kind}")["TopicArn"] for kind in ("success", "error")]
        for topic in self.arns:
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])

    def next_message(self) -> tuple[str, dict[str, Any]]:
        """Wait for a message; return its topic and content."""
        deadline = time.monotonic() + WAIT_S
        while True:
            found = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=1).get("Messages")
            if found:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=found[0]["ReceiptHandle"])
                envelope = json.loads(found[0]["Body"])
                return envelope["TopicArn"], json.loads(envelope["Message"])
            assert time.monotonic() < deadline, "no message came"


def settings(topics: Topics | None = None, **client: int) -> dict[str, Any]:
    """Return an AsyncInferenceConfig."""
    output: dict[str, Any] = {
        "S3OutputPath": f"s3://{BUCKET}/async/out",
        "S3FailurePath": f"s3://{BUCKET}/async/failed",
    }
    if topics:
        output["NotificationConfig"] = dict(zip(("SuccessTopic", "ErrorTopic"), topics.arns, strict=True))
    return {"AsyncInferenceConfig": {"OutputConfig": output, "ClientConfig": client}}


def put(aws: Any, body: bytes) -> str:
    """Put an input; return its URI."""
    aws.client("s3").put_object(Bucket=BUCKET, Key=f"async/in/{body[:20].hex()}", Body=body)
    return f"s3://{BUCKET}/async/in/{body[:20].hex()}"


def invoke(made: Any, **request: Any) -> dict[str, Any]:
    """Return InvokeEndpointAsync's answer."""
    runtime = made.aws.client("sagemaker-runtime")
    return dict(runtime.invoke_endpoint_async(EndpointName=made.name, **request))


def test_an_answer_comes_to_s3_and_a_topic_hears_of_it(endpoint_maker: Any, localaws: Any) -> None:
    topics = Topics(localaws, "async-answers")
    made = endpoint_maker("ep-async", config=settings(topics))
    made.wait("InService")
    location = put(localaws, b"payload")
    answer = invoke(
        made, InputLocation=location, ContentType="text/csv", Accept="text/plain", InferenceId="mine"
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["InferenceId"] == "mine"
    assert answer["OutputLocation"].startswith(f"s3://{BUCKET}/async/out/")
    assert answer["FailureLocation"].endswith("-error.out")
    found = wait_for(localaws.client("s3"), answer["OutputLocation"])
    seen = json.loads(found["Body"].read())
    assert (seen["body_bytes"], seen["content_type"], seen["accept"]) == (7, "text/csv", "text/plain")
    assert found["ContentType"] == "application/json"
    topic, message = topics.next_message()
    assert topic == topics.arns[0]
    times = (message.pop("receivedTime"), message.pop("eventTime"))
    assert times == tuple(sorted(times))
    assert message == {
        "awsRegion": "us-east-1",
        "invocationStatus": "Completed",
        "requestParameters": {
            "accept": "text/plain",
            "contentType": "text/csv",
            "endpointName": "ep-async",
            "inputLocation": location,
        },
        "responseParameters": {
            "contentType": "application/json",
            "outputLocation": answer["OutputLocation"],
        },
        "inferenceId": "mine",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    failed = invoke(made, InputLocation=put(localaws, b"status 500"))
    reason = (
        "ClientError: Received server error (500) from model. See the SageMaker Endpoint logs in your "
        "account for more information."
    )
    assert wait_for(localaws.client("s3"), failed["FailureLocation"])["Body"].read().decode() == reason
    topic, message = topics.next_message()
    assert topic == topics.arns[1]
    assert (message["invocationStatus"], message["failureReason"]) == ("Failed", reason)
    assert "responseParameters" not in message
    described = made.describe()["AsyncInferenceConfig"]
    assert described["OutputConfig"]["S3OutputPath"] == f"s3://{BUCKET}/async/out"


def test_the_first_request_to_each_new_endpoint_is_answered_without_a_type(
    endpoint_maker: Any, localaws: Any
) -> None:
    """As SDK v2's predict_async sends it: an input in S3, Accept at most, and nothing asked before."""
    for number, accept in enumerate(({}, {"Accept": "application/json"})):
        made = endpoint_maker(f"ep-async-first-{number}", config=settings())
        made.wait("InService")
        answer = invoke(made, InputLocation=put(localaws, b"first"), **accept)
        seen = json.loads(wait_for(localaws.client("s3"), answer["OutputLocation"])["Body"].read())
        assert (seen["body_bytes"], seen["accept"]) == (5, accept.get("Accept"))
        made.delete()


def test_inputs_that_are_missing_and_models_that_think_too_long_fail(
    endpoint_maker: Any, localaws: Any
) -> None:
    made = endpoint_maker("ep-async-fails", config=settings(MaxConcurrentInvocationsPerInstance=2))
    made.wait("InService")
    s3 = localaws.client("s3")
    missing = invoke(made, InputLocation=f"s3://{BUCKET}/async/absent")
    slow = invoke(made, InputLocation=put(localaws, b"sleep 60"), InvocationTimeoutSeconds=1)
    absent = wait_for(s3, missing["FailureLocation"])["Body"].read().decode()
    assert "Unable to download object s3://endpoint-tests/async/absent" in absent
    timed_out = wait_for(s3, slow["FailureLocation"])["Body"].read().decode()
    assert "Your invocation timed out" in timed_out


def test_requests_wait_for_an_instance_with_room(endpoint_maker: Any, localaws: Any) -> None:
    """One at a time, in their order, and a payload may come with its request."""
    made = endpoint_maker("ep-async-queue", config=settings(MaxConcurrentInvocationsPerInstance=1))
    made.wait("InService")
    s3 = localaws.client("s3")
    slow = invoke(made, InputLocation=put(localaws, b"sleep 2"))
    quick = invoke(made, Body=b"inline", S3OutputPathExtension="deep/er", Filename="mine.json")
    assert quick["OutputLocation"] == f"s3://{BUCKET}/async/out/deep/er/mine.json"
    second = wait_for(s3, quick["OutputLocation"])
    first = wait_for(s3, slow["OutputLocation"])
    assert first["LastModified"] <= second["LastModified"]
    assert json.loads(second["Body"].read())["body_bytes"] == 6


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({}, "exactly one of InputLocation and Body"),
        ({"InputLocation": "s3://b/k", "Body": b"x"}, "exactly one of InputLocation and Body"),
        ({"InputLocation": "https://b/k"}, "of the form s3://bucket/key"),
    ],
)
def test_a_request_that_names_no_input_is_refused(
    endpoint_maker: Any, request_: dict[str, Any], words: str
) -> None:
    made = endpoint_maker(f"ep-async-bad-{len(words)}{len(request_)}", config=settings())
    made.wait("InService")
    with pytest.raises(ClientError, match=rf"\(ValidationError\).*{words}"):
        invoke(made, **request_)
    with pytest.raises(ClientError, match=r"\(ValidationError\).*Use InvokeEndpointAsync"):
        made.invoke(b"x")


def test_an_endpoint_that_is_missing_or_answers_at_once_is_refused(
    endpoint_maker: Any, localaws: Any
) -> None:
    made = endpoint_maker("ep-sync")
    made.wait("InService")
    with pytest.raises(ClientError, match=r"\(ValidationError\).*has no AsyncInferenceConfig"):
        invoke(made, InputLocation="s3://b/k")
    with pytest.raises(ClientError, match=r"\(ValidationError\).*Endpoint ep-none of account .* not found"):
        invoke(made.named("ep-none"), InputLocation="s3://b/k")


def test_places_outside_of_s3_and_answers_in_notifications_are_refused(endpoint_maker: Any) -> None:
    config = settings()
    config["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"] = "https://x/y"
    with pytest.raises(ClientError, match=r"asyncInferenceConfig\.outputConfig\.s3OutputPath"):
        endpoint_maker("ep-async-https", config=config, is_deployed=False)
    config = settings()
    topics = {"IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"]}
    config["AsyncInferenceConfig"]["OutputConfig"]["NotificationConfig"] = topics
    with pytest.raises(ClientError, match="localaws has no IncludeInferenceResponseIn"):
        endpoint_maker("ep-async-include", config=config, is_deployed=False)
