"""Calls of SageMaker and Lambda are those that boto3 would send, signature included."""

from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse

from musher.errors import TrafficError
from musher.traffic.aws import AwsOrigin, Call, endpoint_call, function_call

BODY = b"\xff\xd8photo"


@pytest.fixture
def session() -> Any:
    """A session with keys of nobody."""
    return boto3.Session(
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        aws_session_token="token",
        region_name="eu-west-1",
    )


def sent_by_boto3(session: Any, service: str, operation: str, **arguments: Any) -> AWSRequest:
    """Return what boto3 would send, without sending it."""
    client = session.client(service)
    sent: list[AWSRequest] = []

    def keep(request: AWSRequest, **kwargs: Any) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 500, {}, None)

    client.meta.events.register("before-send.*.*", keep)
    client.meta.config.retries = {"max_attempts": 0}
    with pytest.raises(Exception):  # noqa: B017, PT011 - the answer is none
        getattr(client, operation)(**arguments)
    return sent[0]


@pytest.mark.parametrize(
    ("call", "service", "operation", "arguments"),
    [
        (
            endpoint_call("my-endpoint", body=BODY, variant="blue"),
            "sagemaker-runtime",
            "invoke_endpoint",
            {
                "EndpointName": "my-endpoint",
                "Body": BODY,
                "ContentType": "image/jpeg",
                "TargetVariant": "blue",
            },
        ),
        (
            function_call("my-function", body=b"{}", qualifier="live"),
            "lambda",
            "invoke",
            {
                "FunctionName": "my-function",
                "Payload": b"{}",
                "Qualifier": "live",
                "InvocationType": "RequestResponse",
            },
        ),
    ],
)
def test_a_call_is_the_one_of_boto3(
    session: Any, call: Call, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    [ours] = AwsOrigin(call, session=session).make_requests()
    theirs = sent_by_boto3(session, service, operation, **arguments)
    assert (ours.method, ours.url) == (theirs.method, theirs.url)
    assert ours.body == theirs.body
    told = {name.lower() for name in theirs.headers} & {
        "content-type",
        "x-amzn-sagemaker-target-variant",
        "x-amz-invocation-type",
        "x-amz-security-token",
    }
    given = {name.lower(): value for name, value in ours.headers.items()}
    for name in told - {"content-type"}:
        value = theirs.headers[name]
        assert given[name] == (value.decode() if isinstance(value, bytes) else value)
    scope = given["authorization"].split("Credential=")[1].split(",")[0].split("/", 2)[2]
    assert f"/{scope}" in _text(theirs.headers["Authorization"])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_the_signature_covers_body_and_headers(session: Any) -> None:
    [request] = AwsOrigin(endpoint_call("e", body=BODY), session=session).make_requests()
    resigned = AWSRequest(method="POST", url=request.url, data=BODY, headers={"Content-Type": "image/jpeg"})
    resigned.headers["User-Agent"] = request.headers["User-Agent"]
    resigned.context["timestamp"] = request.headers["X-Amz-Date"]
    auth = SigV4Auth(session.get_credentials().get_frozen_credentials(), "sagemaker", "eu-west-1")
    resigned.headers["X-Amz-Date"] = request.headers["X-Amz-Date"]
    resigned.headers["X-Amz-Security-Token"] = "token"
    canonical = auth.canonical_request(resigned)
    signature = auth.signature(auth.string_to_sign(resigned, canonical), resigned)
    assert request.headers["Authorization"].endswith(f"Signature={signature}")


def test_an_address_of_the_environment_is_honoured(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    origin = AwsOrigin(endpoint_call("a b", body=BODY), session=session)
    assert origin.describe()["url"] == "http://127.0.0.1:4566/endpoints/a%20b/invocations"


def test_an_address_of_a_connection_comes_first(session: Any) -> None:
    origin = AwsOrigin(function_call("f", body=b"{}"), session=session, endpoint_url="http://127.0.0.1:9/")
    assert origin.make_requests()[0].url == "http://127.0.0.1:9/2015-03-31/functions/f/invocations"


def test_several_bodies_are_signed_each_for_itself(session: Any) -> None:
    calls = [endpoint_call("e", body=body) for body in (b"one", b"two")]
    made = AwsOrigin(*calls, session=session).make_requests()
    assert [request.body for request in made] == [b"one", b"two"]
    assert len({request.headers["Authorization"] for request in made}) == 2


def test_no_credentials_are_said(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = AwsOrigin(endpoint_call("e", body=BODY), session=session)
    monkeypatch.setattr(session, "get_credentials", lambda: None)
    with pytest.raises(TrafficError, match="no AWS credentials"):
        origin.make_requests()


def test_no_region_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
    with pytest.raises(TrafficError, match="sagemaker-runtime"):
        AwsOrigin(endpoint_call("e", body=BODY), session=boto3.Session())


@pytest.mark.parametrize("call", [endpoint_call, function_call])
def test_a_body_that_aws_refuses_is_not_sent(call: Any) -> None:
    call("name", body=b"x" * 6_291_456)
    with pytest.raises(TrafficError, match="6291457 bytes"):
        call("name", body=b"x" * 6_291_457)
