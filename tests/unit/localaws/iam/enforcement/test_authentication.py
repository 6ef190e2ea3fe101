"""A request is from whom its signature says, or from nobody."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localaws.asgi import BodyTooLargeError, Message, Request
from tests.unit.localaws.iam.enforcement.conftest import HOST, Account, allow, make_request, sign

NAMES = (
    "sagemaker:DescribeTrainingJob",
    "lambda:ListFunctions",
    "iam:GetRole",
    "ec2:DescribeVpcs",
    "s3:GetObject",
)
EVERYTHING = allow("*")


def words(answer: Any) -> str:
    """Return all that an answer says of what is wrong."""
    return str(answer.status) + answer.text + answer.headers.get("x-amzn-errortype", "")


def check_words(account: Account, key: Credentials, codes: Mapping[str, tuple[int, str]]) -> None:
    """Send a request in each protocol; its refusal has this status and code."""
    for name, (status, code) in codes.items():
        answer = account.ask(key, name)
        assert answer.status == status, name
        assert code in words(answer), name
    assert account.passed == 0


def codes(**by_service: tuple[int, str]) -> dict[str, tuple[int, str]]:
    """Return codes by an operation of each service."""
    operations = {name.partition(":")[0]: name for name in NAMES}
    return {operations["lambda" if key == "lambda_" else key]: value for key, value in by_service.items()}


def test_a_key_that_nobody_made_is_refused(account: Account) -> None:
    wanted = codes(
        sagemaker=(400, "UnrecognizedClientException"),
        lambda_=(403, "UnrecognizedClientException"),
        iam=(403, "<Code>InvalidClientTokenId</Code>"),
        ec2=(401, "<Code>AuthFailure</Code>"),
        s3=(403, "<Code>InvalidAccessKeyId</Code>"),
    )
    check_words(account, Credentials("AKIAUNKNOWN", "secret"), wanted)


def test_a_wrong_secret_is_refused(account: Account) -> None:
    wanted = codes(
        sagemaker=(400, "InvalidSignatureException"),
        lambda_=(403, "InvalidSignatureException"),
        iam=(403, "<Code>SignatureDoesNotMatch</Code>"),
        ec2=(401, "<Code>AuthFailure</Code>"),
        s3=(403, "<Code>SignatureDoesNotMatch</Code>"),
    )
    key = account.make_user("ann", EVERYTHING)
    check_words(account, Credentials(key.access_key, "wrong"), wanted)


def test_a_session_that_has_ended_is_refused(account: Account) -> None:
    account.make_role("short", EVERYTHING)
    wanted = codes(
        sagemaker=(400, "ExpiredTokenException"),
        lambda_=(403, "ExpiredTokenException"),
        iam=(403, "<Code>ExpiredToken</Code>"),
        ec2=(401, "<Code>RequestExpired</Code>"),
        s3=(400, "<Code>ExpiredToken</Code>"),
    )
    check_words(account, account.assume("short", duration_s=-1), wanted)
    assert account.ask(account.assume("short", duration_s=60)).status == 200


def test_a_session_needs_its_own_token(account: Account) -> None:
    account.make_role("worker", EVERYTHING)
    key, other = account.assume("worker"), account.assume("worker")
    for token in (None, other.token):
        wanted = codes(
            sagemaker=(400, "UnrecognizedClientException"),
            iam=(403, "<Code>InvalidClientTokenId</Code>"),
            s3=(400, "<Code>InvalidToken</Code>"),
        )
        check_words(account, Credentials(key.access_key, key.secret_key, token), wanted)


def test_an_inactive_key_and_that_of_a_user_who_is_gone_are_refused(account: Account) -> None:
    ann, bob = account.make_user("ann", EVERYTHING), account.make_user("bob", EVERYTHING)
    account.iam.update_access_key("ann", ann.access_key, "Inactive")
    account.iam.delete_access_key(bob.access_key, "bob")
    assert "UnrecognizedClientException" in words(account.ask(ann))
    assert "UnrecognizedClientException" in words(account.ask(bob))
    account.iam.update_access_key("ann", ann.access_key, "Active")
    assert account.ask(ann).status == 200


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_signature_of_another_time_is_refused(
    account: Account, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = account.make_user("ann", EVERYTHING)
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moment)
    requests = {name: make_request(ann, name) for name in NAMES}
    monkeypatch.undo()
    answers = {name.partition(":")[0]: account.send(request) for name, request in requests.items()}
    said = "Signature expired" if minutes < 0 else "Signature not yet current"
    assert said in answers["sagemaker"].text
    assert "<Code>SignatureDoesNotMatch</Code>" in answers["iam"].text
    assert said in answers["iam"].text
    assert "<Code>RequestExpired</Code>" in answers["ec2"].text
    assert "<Code>RequestTimeTooSkewed</Code>" in answers["s3"].text


@pytest.mark.parametrize(
    "change",
    [{"method": "PUT"}, {"path": "/other"}, {"query": "a=1"}, {"headers": {"x-amz-target": "SageMaker.X"}}],
    ids=lambda change: next(iter(change)),
)
def test_what_was_changed_since_it_was_signed_is_refused(account: Account, change: dict[str, Any]) -> None:
    request = make_request(account.make_user("ann", EVERYTHING), "sagemaker:DescribeTrainingJob")
    if "headers" in change:
        change = {"headers": request.headers | change["headers"]}
    assert "InvalidSignatureException" in account.send(replace(request, **change)).text


def with_body(request: Request, body: bytes) -> Request:
    """Return a request with another body."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    return replace(request, receive=receive)


def test_another_body_is_refused(account: Account) -> None:
    ann = account.make_user("ann", EVERYTHING)
    request = with_body(make_request(ann, "sagemaker:DescribeTrainingJob"), b'{"a": 1}')
    assert "InvalidSignatureException" in account.send(request).text
    policy = sign(ann, "s3", method="PUT", path="/photos?policy", body=b"{}")
    assert "SignatureDoesNotMatch" in account.send(with_body(policy, b"[]")).text


@pytest.mark.parametrize(
    "digest", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"]
)
def test_an_upload_passes_by_what_its_header_says_of_the_body(account: Account, digest: str) -> None:
    """The bytes come later: no step waits for them."""
    ann = account.make_user("ann", allow("s3:PutObject"))

    class Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
        """A client that streams."""

        def payload(self, request: AWSRequest) -> str:
            """Return what stands for the body."""
            return digest

    request = AWSRequest(method="PUT", url=f"http://{HOST}/photos/dogs/1.jpg", data=b"woof")
    request.headers["X-Amz-Content-SHA256"] = digest
    Signer(ann, "s3", "us-east-1").add_auth(request)
    headers = {name.lower(): str(value) for name, value in request.headers.items()} | {"host": HOST}
    headers["x-amz-content-sha256"] = digest

    async def receive() -> Message:
        raise AssertionError("nobody reads an upload before it is allowed")

    arriving = Request(method="PUT", path="/photos/dogs/1.jpg", query="", headers=headers, receive=receive)
    assert account.send(arriving).status == 200


def test_s3_is_told_the_hash_of_the_body(account: Account) -> None:
    request = make_request(account.make_user("ann", EVERYTHING), "s3:GetObject")
    headers = {name: text for name, text in request.headers.items() if name != "x-amz-content-sha256"}
    assert "<Code>InvalidRequest</Code>" in account.send(replace(request, headers=headers)).text


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS {key}:c2lnbmF0dXJl",
        "AWS4-HMAC-SHA256 SignedHeaders=host, Credential={key}/20260101/us-east-1/s3/aws4_request, "
        "Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/s3/aws4_request, "
        "Credential={key}/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
    ],
    ids=["version 2", "another order", "two scopes"],
)
def test_a_signature_in_no_sdk_s_form_is_refused(account: Account, authorization: str) -> None:
    ann = account.make_user("ann", EVERYTHING)
    request = make_request(ann, "s3:GetObject")
    headers = request.headers | {"authorization": authorization.format(key=ann.access_key)}
    answer = account.send(replace(request, headers=headers))
    assert "<Code>InvalidRequest</Code>" in answer.text
    assert "Please use AWS4-HMAC-SHA256" in answer.text


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("sagemaker:DescribeTrainingJob", 400, "MissingAuthenticationTokenException"),
        ("iam:GetRole", 403, "<Code>MissingAuthenticationToken</Code>"),
        ("s3:GetObject", 403, "<Code>AccessDenied</Code><Message>Access Denied</Message>"),
    ],
)
def test_who_signs_nothing_gets_nothing(account: Account, name: str, status: int, code: str) -> None:
    answer = account.ask(None, name)
    assert answer.status == status
    assert code in words(answer)


def test_a_body_that_somebody_has_read_is_still_bounded() -> None:
    """The signature needs all of it, also where what answers takes less."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"12345"}

    async def read_twice() -> None:
        request = Request(method="POST", path="/", query="", headers={}, receive=receive)
        await request.body(limit_bytes=10)
        with pytest.raises(BodyTooLargeError):
            await request.body(limit_bytes=4)
        assert await request.body(limit_bytes=5) == b"12345"

    asyncio.run(read_twice())
