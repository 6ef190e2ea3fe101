"""How large a body may be, and how a larger one is refused in each protocol."""

import asyncio
import gzip
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from localaws.asgi import MAX_BODY_BYTES, BodyTooLargeError, Request
from localaws.steps import Exchange
from localaws.wire.bodies import (
    MAX_FORM_BYTES,
    MAX_FORM_FIELDS,
    MAX_JSON_BYTES,
    MAX_LAMBDA_BYTES,
    bound_body,
    find_limit,
    too_large,
)

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
GZIP = {"content-encoding": "GZip"}
JSON = {"x-amz-target": "SageMaker.ListModels"}


def signed(service: str, **headers: str) -> dict[str, str]:
    """Return headers that are signed for a service."""
    scope = f"Credential=test/20261128/us-east-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 {scope}"} | headers


def request_of(body: bytes, headers: dict[str, str], *, method: str = "POST", path: str = "/") -> Request:
    """Return a request with a body."""

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(method=method, path=path, query="", headers=headers, receive=receive)


def bound(request: Request, handed_on: list[Exchange] | None = None) -> tuple[int, bytes]:
    """Return the status and body with which a request is refused; (0, "") where it is handed on."""
    handed_on = [] if handed_on is None else handed_on
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def forward(exchange: Exchange) -> None:
        handed_on.append(exchange)

    scope = {"headers": [(name.encode(), text.encode()) for name, text in request.headers.items()]}
    asyncio.run(bound_body(Exchange(request=request, scope=scope, send=send, handler=None), forward))
    return (sent[0]["status"], sent[1]["body"]) if sent else (0, b"")


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        (signed("iam") | FORM, MAX_FORM_BYTES),
        (FORM, MAX_FORM_BYTES),
        (signed("ecr") | JSON, MAX_JSON_BYTES),
        (signed("lambda"), MAX_LAMBDA_BYTES),
        (signed("s3"), MAX_BODY_BYTES),
        ({}, MAX_BODY_BYTES),
    ],
)
def test_what_a_request_asks_for_decides_how_large_it_may_be(headers: dict[str, str], limit: int) -> None:
    assert find_limit(request_of(b"", headers)) == limit


@pytest.mark.parametrize(
    ("headers", "method", "path", "status", "words"),
    [
        (signed("sagemaker") | JSON, "POST", "/", 413, b'"__type": "RequestEntityTooLargeException"'),
        (
            signed("lambda"),
            "POST",
            "/2015-03-31/functions",
            413,
            b"Request must be smaller than 9 bytes for the CreateFunction operation",
        ),
        (
            signed("iam") | FORM,
            "POST",
            "/",
            413,
            b"<Code>RequestEntityTooLarge</Code><Message>Request must be smaller than 9 bytes for the "
            b"CreateRole operation",
        ),
        (signed("ec2") | FORM, "POST", "/", 413, b"<Response><Errors><Error><Code>RequestEntityTooLarge<"),
        (signed("s3"), "PUT", "/bucket?tagging", 400, b"<Code>MaxMessageLengthExceeded</Code>"),
        ({}, "POST", "/", 413, b"The body has more than 9 bytes"),
    ],
)
def test_a_larger_body_is_refused_as_the_service_writes_errors(
    headers: dict[str, str], method: str, path: str, status: int, words: bytes
) -> None:
    request = request_of(b"", headers, method=method, path=path)
    answer = too_large(
        request, BodyTooLargeError(limit_bytes=9, begin=b"Action=CreateRole&Version=2010-05-08")
    )
    assert answer.status == status
    assert words in answer.body


def test_a_form_has_a_bounded_number_of_fields() -> None:
    headers = signed("iam") | FORM
    assert bound(request_of(b"Action=ListRoles" + b"&a=" * (MAX_FORM_FIELDS - 1), headers)) == (0, b"")
    status, body = bound(request_of(b"Action=ListRoles" + b"&a=" * MAX_FORM_FIELDS, headers))
    assert status == 413
    assert b"A form has at most 50000 fields." in body
    packed = gzip.compress(b"Action=ListRoles" + b"&a=" * MAX_FORM_FIELDS)
    assert bound(request_of(packed, headers | GZIP))[0] == 413
    assert bound(request_of(json.dumps("&" * MAX_FORM_FIELDS).encode(), signed("ecr") | JSON)) == (0, b"")


def test_moto_and_the_models_get_a_body_without_its_gzip() -> None:
    handed_on: list[Exchange] = []
    packed = gzip.compress(b'{"ZipFile": ""}')
    assert bound(request_of(packed, signed("xray") | JSON | GZIP), handed_on) == (0, b"")
    (exchange,) = handed_on
    assert asyncio.run(exchange.request.body()) == b'{"ZipFile": ""}'
    assert "content-encoding" not in exchange.request.headers
    assert b"content-encoding" not in dict(exchange.scope["headers"])


def test_s3_gets_a_body_as_it_is() -> None:
    handed_on: list[Exchange] = []
    assert bound(request_of(b"no gzip", signed("s3") | GZIP, method="PUT"), handed_on) == (0, b"")
    assert asyncio.run(handed_on[0].request.body()) == b"no gzip"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (signed("xray") | JSON, b"SerializationException"),
        (signed("sqs") | FORM, b"MalformedInput"),
        ({"x-amz-target": "Any.Action"}, b"SerializationException"),
    ],
    ids=["a service without a contract", "a form", "unsigned"],
)
@pytest.mark.parametrize("is_bomb", [True, False])
def test_a_body_that_unzips_to_too_much_or_not_at_all_is_refused(
    headers: dict[str, str], code: bytes, is_bomb: bool
) -> None:
    body = gzip.compress(bytes(MAX_JSON_BYTES + 1)) if is_bomb else b"no gzip"
    status, answer = bound(request_of(body, headers | GZIP))
    assert status == 400
    assert code in answer


@pytest.mark.parametrize("headers", [signed("s3"), {}], ids=["signed", "presigned"])
def test_a_document_that_is_too_deep_never_reaches_moto(headers: dict[str, str]) -> None:
    status, body = bound(request_of(b"<a>" * 9999, headers, method="PUT", path="/bucket"))
    assert (status, b"<Code>MalformedXML</Code>" in body) == (400, True)
    assert bound(request_of(b"<Tagging/>", headers, method="PUT", path="/bucket")) == (0, b"")
