"""Bound the bodies that moto and the service models get, and unzip them: both keep them whole in memory."""

import asyncio
from dataclasses import replace

from localaws.asgi import FORM, MAX_BODY_BYTES, BodyTooLargeError, Request, Response, aws_error
from localaws.protocols import SCOPE, Call, Protocol, error_answer, read_call
from localaws.steps import Exchange, Forward
from localaws.wire.documents import check_document, is_document
from localaws.wire.readers import UnreadableError, is_gzip, unzip
from localaws.wire.refusals import unreadable

MAX_FORM_BYTES = 4 << 20
"""Above what any service takes in a form (a message of SNS: 256 KiB, a template: 50 KiB)."""
MAX_FORM_FIELDS = 50_000
MAX_JSON_BYTES = 32 << 20
"""Above what any service with X-Amz-Target takes (a layer's part of ECR: 20 MiB, in base64)."""
MAX_LAMBDA_BYTES = 70_167_211
"""Lambda's own: a package of 50 MiB, in base64."""
CODES = {
    Protocol.JSON: "RequestEntityTooLargeException",
    Protocol.REST_JSON: "RequestEntityTooLargeException",
}
ENCODING = "content-encoding"
OTHER_CODE = "RequestEntityTooLarge"


async def bound_body(exchange: Exchange, forward: Forward) -> None:
    """Read the body, and unzip it; hand on the request unless it is too large for what it asks for.

    Raises BodyTooLargeError.
    """
    request = exchange.request
    body = await request.body(limit_bytes=find_limit(request))
    if is_gzip(request.headers) and find_service(request) != "s3":  # S3 stores what it gets
        try:
            exchange = await unzipped(exchange, body)
        except UnreadableError as error:
            await refuse_zipped(request, message=str(error)).send(exchange.send)
            return
        request, body = exchange.request, await exchange.request.body()
    if is_document(body, service=find_service(request)):
        try:
            await asyncio.to_thread(check_document, body)
        except UnreadableError as error:
            call = Call(service=find_service(request), action="", protocol=Protocol.REST_XML)
            await unreadable(call, message=str(error)).send(exchange.send)
            return
    if is_form(request) and body.count(b"&") >= MAX_FORM_FIELDS:
        message = f"A form has at most {MAX_FORM_FIELDS} fields."
        await refuse(request, begin=body[:1024], message=message).send(exchange.send)
        return
    await forward(exchange)


async def unzipped(exchange: Exchange, body: bytes) -> Exchange:
    """Return an exchange as it would be without gzip; raises UnreadableError."""
    request = exchange.request
    plain = await asyncio.to_thread(unzip, body, max_bytes=find_limit(request))
    headers = {name: text for name, text in request.headers.items() if name != ENCODING}
    raw = [pair for pair in exchange.scope["headers"] if pair[0].lower() != ENCODING.encode()]
    return replace(
        exchange,
        request=replace(request, headers=headers, _body=plain),
        scope={**exchange.scope, "headers": raw},
    )


def refuse_zipped(request: Request, *, message: str) -> Response:
    """Return the answer to a body that is no gzip, or too large without it."""
    call = read_call(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        body=b"Action=?",
    )
    if call is None:
        return aws_error(status=400, code="SerializationException", message=message)
    return unreadable(call, message=message)


def is_form(request: Request) -> bool:
    """Tell whether the body is a form."""
    return request.headers.get("content-type", "").startswith(FORM)


def find_limit(request: Request) -> int:
    """Return how many bytes a request may have."""
    if is_form(request):
        return MAX_FORM_BYTES
    if "x-amz-target" in request.headers:
        return MAX_JSON_BYTES
    return MAX_LAMBDA_BYTES if find_service(request) == "lambda" else MAX_BODY_BYTES


def find_service(request: Request) -> str:
    """Return the service that a request is signed for, or ""."""
    scope = SCOPE.search(request.headers.get("authorization", ""))
    return scope[1].lower() if scope else ""


def too_large(request: Request, error: BodyTooLargeError) -> Response:
    """Return the answer to a body over the limit."""
    return refuse(request, begin=error.begin, limit_bytes=error.limit_bytes)


def refuse(request: Request, *, begin: bytes, limit_bytes: int = 0, message: str = "") -> Response:
    """Return 413 in the protocol of the request, or what S3 says of the lists and rules that it is sent."""
    call = read_call(
        method=request.method, path=request.path, query=request.query, headers=request.headers, body=begin
    )
    if call is None:
        said = message or f"The body has more than {limit_bytes} bytes."
        return aws_error(status=413, code=OTHER_CODE, message=said)
    if call.service == "s3":
        return error_answer(
            call, status=400, code="MaxMessageLengthExceeded", message="Your request was too big."
        )
    said = message or f"Request must be smaller than {limit_bytes} bytes for the {call.action} operation"
    return error_answer(call, status=413, code=CODES.get(call.protocol, OTHER_CODE), message=said)
