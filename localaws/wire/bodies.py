"""Bound the bodies that moto and the service models get: both keep them whole in memory."""

from localaws.asgi import FORM, MAX_BODY_BYTES, BodyTooLargeError, Request, Response, aws_error
from localaws.protocols import SCOPE, Protocol, error_answer, read_call
from localaws.steps import Exchange, Forward

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
OTHER_CODE = "RequestEntityTooLarge"


async def bound_body(exchange: Exchange, forward: Forward) -> None:
    """Read the body; hand on the request unless it is too large for what it asks for.

    Raises BodyTooLargeError.
    """
    request = exchange.request
    body = await request.body(limit_bytes=find_limit(request))
    if is_form(request) and body.count(b"&") >= MAX_FORM_FIELDS:
        message = f"A form has at most {MAX_FORM_FIELDS} fields."
        await refuse(request, begin=body[:1024], message=message).send(exchange.send)
        return
    await forward(exchange)


def is_form(request: Request) -> bool:
    """Tell whether the body is a form."""
    return request.headers.get("content-type", "").startswith(FORM)


def find_limit(request: Request) -> int:
    """Return how many bytes a request may have."""
    if is_form(request):
        return MAX_FORM_BYTES
    if "x-amz-target" in request.headers:
        return MAX_JSON_BYTES
    scope = SCOPE.search(request.headers.get("authorization", ""))
    return MAX_LAMBDA_BYTES if scope and scope[1] == "lambda" else MAX_BODY_BYTES


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
