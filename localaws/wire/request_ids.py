"""Give every answer of a JSON service the id that AWS's have: a UUID in x-amzn-requestid."""

import random
from collections.abc import Awaitable

from localaws.asgi import Message
from localaws.steps import Exchange, Forward

HEADER = b"x-amzn-requestid"
S3_HEADER = b"x-amz-request-id"
OWN_PATH = "/_localaws/"

_random = random.Random()  # noqa: S311 - ids are unique, and no secrets


def add_request_id(exchange: Exchange, forward: Forward) -> Awaitable[None]:
    """Hand the request on, and put an id into its answer where that is JSON or CBOR and has none."""
    send = exchange.send

    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": with_id(message.get("headers") or [])}
        await send(message)

    if not exchange.request.path.startswith(OWN_PATH):
        exchange.send = send_with_id
    return forward(exchange)


def with_id(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers with an id of AWS's form; moto's own ids are longer.

    XML holds its id in the body, and S3 has another header.
    """
    found = dict(headers)
    if S3_HEADER in found or is_uuid(found.get(HEADER, b"")):
        return headers
    content = found.get(b"content-type", b"")
    if b"xml" in content:
        return headers
    is_json = b"json" in content or b"cbor" in content
    if not is_json and HEADER not in found:
        return headers
    others = [pair for pair in headers if pair[0].lower() != HEADER]
    return [*others, (HEADER, new_request_id().encode())]


def new_request_id() -> str:
    """Return a random UUID, at a tenth of what uuid.uuid4 costs: that asks the system for each."""
    bits = _random.getrandbits(122)
    low = 0x8000_0000_0000_0000 | bits & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{bits >> 62:015x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-4{text[12:15]}-{text[15:19]}-{text[19:]}"


def is_uuid(text: bytes) -> bool:
    """Tell whether a header's value is a UUID as AWS writes it."""
    return len(text) == 36 and text.count(b"-") == 4
