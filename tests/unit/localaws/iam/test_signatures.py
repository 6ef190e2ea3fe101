"""Signatures of requests that localaws answers by itself, made by botocore's signers."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localaws.asgi import Request
from localaws.iam import signatures
from localaws.iam.signatures import SignatureError, check_signature, read_signature
from tests.objections import objection

KEY, SECRET, TOKEN = "AKIAEXAMPLE", "secret", "session-token"
URL = "http://localhost:4566/_localaws/function-urls/abc/dogs/a%20b?x=2&x=1&y="
MISMATCH = "The request signature we calculated does not match"


async def _nothing() -> dict[str, Any]:
    return {}


def as_request(signed: AWSRequest) -> Request:
    """Return what arrives of a signed request."""
    split = urlsplit(signed.url)
    headers = {name.lower(): str(value) for name, value in signed.headers.items()} | {"host": split.netloc}
    return Request(
        method=signed.method, path=split.path, query=split.query, headers=headers, receive=_nothing
    )


def sign(
    *,
    method: str = "POST",
    body: bytes = b"woof",
    token: str | None = None,
    signer: Any = SigV4Auth,
    scope: tuple[str, str] = ("lambda", "us-east-1"),
    headers: dict[str, str] | None = None,
) -> Request:
    """Return a request that is signed now."""
    request = AWSRequest(method=method, url=URL, data=body, headers=headers or {})
    signer(Credentials(KEY, SECRET, token), *scope).add_auth(request)
    return as_request(request)


def check(request: Request, body: bytes = b"woof", *, now: datetime | None = None) -> None:
    """Check a request of the function in us-east-1."""
    signature = read_signature(request)
    assert signature is not None
    moment = now or datetime.now(UTC)
    check_signature(signature, request, body, service="lambda", region="us-east-1", now=moment)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the key be one that localaws made."""
    known = {KEY: Credentials(KEY, SECRET)}
    monkeypatch.setattr(signatures, "find_secret", known.get)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the key be a session's."""
    known = {KEY: Credentials(KEY, SECRET, TOKEN)}
    monkeypatch.setattr(signatures, "find_secret", known.get)


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, b"woof"),
        ({"body": b""}, b""),
        ({"method": "GET", "body": b""}, b""),
        ({"headers": {"X-Own": " a  b "}}, b"woof"),
        ({"signer": SigV4QueryAuth, "method": "GET", "body": b""}, b""),
        ({"headers": {"X-Amz-Content-SHA256": hashlib.sha256(b"woof").hexdigest()}}, b"woof"),
    ],
    ids=["body", "no-body", "get", "header", "presigned", "digest"],
)
def test_what_was_signed_passes(options: dict[str, Any], body: bytes) -> None:
    assert objection(check, sign(**options), body) is None


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("signer", [SigV4Auth, SigV4QueryAuth])
@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/_localaws/function-urls/abc/cats"},
        {"query": "&z=1"},
        {"headers": {"host": "elsewhere:80"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_was_changed_since_is_refused(signer: Any, change: dict[str, Any]) -> None:
    request = sign(signer=signer, method="GET", body=b"")
    if "query" in change:
        change = {"query": request.query + change["query"]}
    if "headers" in change:
        change = {"headers": request.headers | change["headers"]}
    with pytest.raises(SignatureError, match=MISMATCH) as error:
        check(replace(request, **change), b"")
    assert error.value.code == "InvalidSignatureException"


@pytest.mark.usefixtures("secret")
def test_another_body_is_refused() -> None:
    with pytest.raises(SignatureError, match=MISMATCH):
        check(sign(), b"meow")
    digest = hashlib.sha256(b"woof").hexdigest()
    with pytest.raises(SignatureError, match=MISMATCH):
        check(sign(headers={"X-Amz-Content-SHA256": digest}), b"meow")


@pytest.mark.usefixtures("secret")
def test_a_payload_has_to_be_signed() -> None:
    with pytest.raises(SignatureError, match=MISMATCH):
        check(sign(headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}))


@pytest.mark.usefixtures("session")
def test_a_session_needs_its_token() -> None:
    check(sign(token=TOKEN))
    check(sign(token=TOKEN, signer=SigV4QueryAuth, body=b"", method="GET"), b"")
    for token in (None, "another"):
        with pytest.raises(SignatureError, match="security token included in the request is inv") as error:
            check(sign(token=token))
        assert error.value.code == "UnrecognizedClientException"


def test_of_an_unknown_key_all_but_the_value_is_checked() -> None:
    check(sign(), b"another body")
    with pytest.raises(SignatureError, match="Signature expired"):
        check(sign(), now=datetime.now(UTC) + timedelta(minutes=6))


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (("s3", "us-east-1"), "Credential should be scoped to correct service: 'lambda'."),
        (("lambda", "eu-west-1"), "Credential should be scoped to a valid region"),
    ],
)
def test_the_scope_is_that_of_the_function(scope: tuple[str, str], message: str) -> None:
    with pytest.raises(SignatureError, match=message) as error:
        check(sign(scope=scope))
    assert error.value.code == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        (6, r"Signature expired: \w+ is now earlier than \w+ \(\w+ - 5 min\.\)"),
        (-6, r"Signature not yet current: \w+ is still later than \w+ \(\w+ \+ 5 min\.\)"),
    ],
)
def test_a_signature_is_good_for_five_minutes(minutes: int, message: str) -> None:
    request, now = sign(), datetime.now(UTC)
    check(request, now=now + timedelta(minutes=4))
    with pytest.raises(SignatureError, match=message):
        check(request, now=now + timedelta(minutes=minutes))


def test_a_presigned_url_lasts_as_long_as_it_says() -> None:
    request = sign(signer=SigV4QueryAuth, method="GET", body=b"")  # botocore: an hour
    check(request, b"", now=datetime.now(UTC) + timedelta(minutes=59))
    with pytest.raises(SignatureError, match="Signature expired"):
        check(request, b"", now=datetime.now(UTC) + timedelta(minutes=61))


AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/lambda/aws4_request"


@pytest.mark.parametrize(
    ("headers", "query", "message"),
    [
        (
            {"authorization": AUTHORIZATION, "x-amz-date": "20260101T000000Z"},
            "",
            "Authorization header requires 'SignedHeaders' parameter. "
            "Authorization header requires 'Signature' parameter.",
        ),
        (
            {"authorization": f"{AUTHORIZATION}, SignedHeaders=host, Signature=x"},
            "",
            "requires existence of either a 'X-Amz-Date' or a 'Date' header",
        ),
        (
            {
                "authorization": "AWS4-HMAC-SHA256 Credential=K, SignedHeaders=host, Signature=x",
                "x-amz-date": "20260101T000000Z",
            },
            "",
            "Credential must have exactly 5 slash-delimited elements",
        ),
        ({}, "X-Amz-Algorithm=AWS4-HMAC-SHA256", "Query string requires 'Credential' parameter"),
        ({}, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=-1", "X-Amz-Expires must be between"),
        ({}, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=604801", "X-Amz-Expires must be between"),
    ],
)
def test_half_a_signature_is_refused(headers: dict[str, str], query: str, message: str) -> None:
    request = Request(method="GET", path="/", query=query, headers=headers, receive=_nothing)
    with pytest.raises(SignatureError, match=message) as error:
        read_signature(request)
    assert error.value.code == "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("date", "headers", "message"),
    [
        ("today", "host", "Date must be in ISO-8601 'basic format'"),
        ("20260102T000000Z", "host", "Date in Credential scope does not match"),
        ("20260101T000000Z", "x-amz-date", "must be a 'SignedHeader'"),
    ],
)
def test_date_and_host_belong_to_a_signature(date: str, headers: str, message: str) -> None:
    signed = f"{AUTHORIZATION}, SignedHeaders={headers}, Signature=x"
    request = Request(
        method="GET",
        path="/",
        query="",
        headers={"authorization": signed, "x-amz-date": date},
        receive=_nothing,
    )
    with pytest.raises(SignatureError, match=message):
        check(request, b"", now=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("authorization", ["", "Bearer x", "AWS K:signature"])
def test_what_is_not_signed_has_no_signature(authorization: str) -> None:
    headers = {"authorization": authorization}
    request = Request(method="GET", path="/", query="a=b", headers=headers, receive=_nothing)
    assert read_signature(request) is None
