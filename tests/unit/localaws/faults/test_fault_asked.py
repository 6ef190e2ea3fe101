"""What a request is to fault rules: operation, caller, and what it names."""

import asyncio
import json
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from localaws.asgi import Message, Request
from localaws.faults.asked import Asked, read_asked

SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/{}/aws4_request, SignedHeaders=host"


def make_request(
    path: str, *, service: str = "s3", method: str = "GET", body: bytes = b"", query: str = "", **headers: str
) -> Request:
    """Return a signed request; header names have underscores."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    named = {name.replace("_", "-"): text for name, text in headers.items()}
    signed = {"authorization": SIGNED.format(service)} if service else {}
    return Request(method=method, path=path, query=query, headers=signed | named, receive=receive)


def read(request: Request) -> Asked:
    """Return what a request asks for, with its names."""

    async def main() -> Asked:
        asked = await read_asked(request)
        assert asked is not None
        await asked.read_names()
        return asked

    return asyncio.run(main())


def test_json_names_the_texts_at_its_top() -> None:
    body = json.dumps({"TrainingJobName": "job", "Tags": [{"Key": "k"}], "Count": 1}).encode()
    target = "SageMaker.CreateTrainingJob"
    asked = read(make_request("/", service="sagemaker", method="POST", body=body, x_amz_target=target))
    assert (asked.call.service, asked.call.action) == ("sagemaker", "CreateTrainingJob")
    assert asked.names == {"job"}
    assert asked.region == "eu-central-1"
    assert asked.account_id == "123456789012"


def test_a_form_names_its_values() -> None:
    asked = read(
        make_request(
            "/",
            service="iam",
            method="POST",
            body=b"Action=GetRole&RoleName=worker%2Fa",
            content_type="application/x-www-form-urlencoded",
        )
    )
    assert asked.call.action == "GetRole"
    assert "worker/a" in asked.names


@pytest.mark.parametrize("body", [b"\xff", b"[", b"[" * 100_000, b'"text"', b"null", b""])
def test_a_body_that_cannot_be_read_names_nothing(body: bytes) -> None:
    target = "SageMaker.CreateTrainingJob"
    request = make_request("/", service="sagemaker", method="POST", body=body, x_amz_target=target)
    assert read(request).names == frozenset()


@pytest.mark.parametrize(
    ("path", "host"),
    [("/photos/a%20b/c.jpg", "127.0.0.1:4566"), ("/a%20b/c.jpg", "photos.s3.eu-central-1.amazonaws.com")],
)
def test_s3_names_bucket_key_and_both_wherever_the_bucket_stands(path: str, host: str) -> None:
    asked = read(make_request(path, method="PUT", host=host))
    assert asked.call.action == "PutObject"
    assert {"photos", "photos/a b/c.jpg"} <= asked.names


def test_the_body_of_an_object_is_not_read() -> None:
    request = make_request("/photos/a", method="PUT")

    async def receive() -> Message:
        raise AssertionError("the body was read")

    request.receive = receive
    assert read(request).call.action == "PutObject"


def test_the_body_of_an_invocation_is_not_read() -> None:
    path = "/2015-03-31/functions/resize/invocations"
    request = make_request(path, service="lambda", method="POST", body=b'{"name": "secret"}')
    asked = read(request)
    assert asked.call.action == "Invoke"
    assert "resize" in asked.names
    assert "secret" not in asked.names


def test_lambda_names_what_stands_in_path_and_body() -> None:
    body = b'{"FunctionName": "resize", "Runtime": "python3.11"}'
    asked = read(make_request("/2015-03-31/functions", service="lambda", method="POST", body=body))
    assert asked.call.action == "CreateFunction"
    assert {"resize", "python3.11"} <= asked.names


def test_cbor_is_read_as_what_it_stands_for() -> None:
    session = botocore.session.Session()
    model = session.get_service_model("cloudwatch")
    serializer = botocore.serialize.create_serializer("smithy-rpc-v2-cbor")
    sent = serializer.serialize_to_request(
        {"AlarmName": "busy", "StateValue": "OK", "StateReason": "r"}, model.operation_model("SetAlarmState")
    )
    headers = {name.lower().replace("-", "_"): text for name, text in sent["headers"].items()}
    asked = read(
        make_request(
            sent["url_path"], service="monitoring", method="POST", body=bytes(sent["body"]), **headers
        )
    )
    assert (asked.call.service, asked.call.action, asked.is_cbor) == ("monitoring", "SetAlarmState", True)
    assert "busy" in asked.names


def test_a_presigned_link_is_a_call() -> None:
    client: Any = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(signature_version="s3v4"),
    )
    url = client.generate_presigned_url("get_object", Params={"Bucket": "photos", "Key": "a"})
    prepared = AWSRequest(method="GET", url=url).prepare()
    path, _, query = prepared.url.removeprefix("http://127.0.0.1:1").partition("?")
    asked = read(make_request(path, service="", query=query))
    assert (asked.call.service, asked.call.action) == ("s3", "GetObject")


@pytest.mark.parametrize(
    ("path", "service"), [("/_localaws/faults", "s3"), ("/_localaws/health", ""), ("/photos/a", "")]
)
def test_what_is_not_signed_and_what_is_localaws_own_is_no_call(path: str, service: str) -> None:
    assert asyncio.run(read_asked(make_request(path, service=service))) is None


def test_the_same_request_of_the_same_caller_has_the_same_digest() -> None:
    def digest(body: bytes = b"{}", **more: str) -> bytes:
        headers = {"x_amz_target": "Logs_20140328.DescribeLogGroups"} | more
        request = make_request("/", service="logs", method="POST", body=body, **headers)
        return asyncio.run(read(request).digest())

    other = SIGNED.format("logs").replace("AKID", "OTHER")
    assert digest() == digest(x_amz_date="later")
    assert len({digest(), digest(b'{"a": 1}'), digest(authorization=other)}) == 3
