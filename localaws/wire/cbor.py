"""Speak smithy-rpc-v2-cbor, which newer SDKs prefer for CloudWatch: the same members as in JSON, in CBOR.

A request goes on as the JSON request that it stands for, so that it is checked and answered as that is; the
answer is written in CBOR. https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

import base64
import io
import json
import math
import re
from collections.abc import Awaitable
from typing import Any

from botocore.parsers import ResponseParserError, RpcV2CBORParser, create_parser
from botocore.serialize import CBORSerializer

from localaws.asgi import Message, Request, Response, Scope, Send
from localaws.protocols import Call, Protocol, not_implemented, read_call
from localaws.steps import Exchange, Forward
from localaws.wire.compiler import find_model
from localaws.wire.readers import UnreadableError, is_gzip, unzip
from localaws.wire.refusals import SERVICES, unreadable

PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)")
TYPE = "application/cbor"
HEADERS = {"content-type": TYPE, "smithy-protocol": "rpc-v2-cbor"}
MAX_CBOR_BYTES = 4 << 20
"""Above what CloudWatch takes (PutMetricData: 1 MiB when unzipped); a byte may become an object."""
JSON_TYPE = "application/x-amz-json-1.0"
DROPPED = (
    "accept",
    "content-encoding",
    "content-length",
    "content-type",
    "smithy-protocol",
    "transfer-encoding",
)
"""Headers that are of the body or of the protocol."""
MALFORMED = (
    ResponseParserError,
    UnicodeError,
    RecursionError,
    ValueError,
    TypeError,
    OverflowError,
    OSError,
)
"""What reading a body that is no CBOR, or has keys that are no texts, ends with."""


class _Bytes(io.BytesIO):
    """The body, of which no more is taken than there is, whatever length it claims."""

    def peek(self, size: int) -> bytes:
        """Return the next bytes, which stay."""
        return self.getvalue()[self.tell() : self.tell() + size]


class _Writer(CBORSerializer):  # type: ignore[misc]  # botocore has no types
    TIMESTAMP_FORMAT = "unixtimestamp"

    def write(self, value: Any, shape: Any) -> bytes:
        """Return a value of a shape."""
        written = bytearray()
        self._serialize_data_item(written, value, shape)
        return bytes(written)

    def write_texts(self, texts: dict[str, str]) -> bytes:
        """Return a map of texts (fewer than 24)."""
        written = bytearray([0xA0 | len(texts)])
        for pair in texts.items():
            for text in pair:
                self._serialize_type_string(written, text, None, None)
        return bytes(written)


def speak_cbor(exchange: Exchange, forward: Forward) -> Awaitable[None]:
    """Take a request in CBOR through the rest of the chain as JSON; hand on every other."""
    match = match_request(exchange.request)
    if match is None:
        return forward(exchange)
    return _answer_in_cbor(exchange, forward, service=match[1], action=match[2])


def match_request(request: Request) -> re.Match[str] | None:
    """Return service and action of a request in CBOR; None for every other."""
    match = PATH.fullmatch(request.path)
    if match is None or request.headers.get("smithy-protocol") != HEADERS["smithy-protocol"]:
        return None
    return match


def json_headers(request: Request, *, service: str, action: str) -> dict[str, str]:
    """Return the headers of the JSON request that one in CBOR stands for."""
    headers = {name: text for name, text in request.headers.items() if name not in DROPPED}
    return headers | {"content-type": JSON_TYPE, "x-amz-target": f"{service}.{action}"}


def read_cbor_call(request: Request) -> Call | None:
    """Return what a request in CBOR asks for; None for every other, and where it is not signed."""
    match = match_request(request)
    if match is None:
        return None
    headers = json_headers(request, service=match[1], action=match[2])
    return read_call(method="POST", path="/", query="", headers=headers, body=b"")


async def _answer_in_cbor(exchange: Exchange, forward: Forward, *, service: str, action: str) -> None:
    headers = json_headers(exchange.request, service=service, action=action)
    call = read_call(method="POST", path="/", query="", headers=headers, body=b"")
    answer = await _answer_as_json(exchange, forward, headers=headers, call=call)
    contract = SERVICES.get(call.service) if call else None
    model = find_model(contract.model) if contract else None
    await as_cbor(answer, model=model, action=action).send(exchange.send)


async def _answer_as_json(
    exchange: Exchange, forward: Forward, *, headers: dict[str, str], call: Call | None
) -> Response:
    """Return what the chain answers to the JSON request."""
    request, body = exchange.request, await exchange.request.body(limit_bytes=MAX_CBOR_BYTES)
    if call is not None and call.service not in SERVICES:
        return not_implemented(call)
    try:
        plain = unzip(body, max_bytes=MAX_CBOR_BYTES) if is_gzip(request.headers) else body
        members = json.dumps(as_json(read_cbor(plain))).encode()
    except (UnreadableError, *MALFORMED) as error:
        named = call or Call(service="", action="", protocol=Protocol.JSON)
        return unreadable(named, message=f"the body is not CBOR: {error}")
    collected = _Collected()
    await forward(_json_exchange(members, headers, scope=exchange.scope, send=collected.take))
    return collected.answer


def _json_exchange(body: bytes, headers: dict[str, str], *, scope: Scope, send: Send) -> Exchange:
    """Return the exchange of a JSON request."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]
    return Exchange(
        request=Request(method="POST", path="/", query="", headers=headers, receive=receive),
        scope={**scope, "path": "/", "raw_path": b"/", "query_string": b"", "headers": raw},
        send=send,
        handler=None,
    )


class _Collected:
    """An answer, whole."""

    def __init__(self) -> None:
        self.answer = Response()

    async def take(self, message: Message) -> None:
        """Take one message of an answer."""
        if message["type"] == "http.response.start":
            self.answer.status = message["status"]
            self.answer.headers = {name.decode(): text.decode("latin-1") for name, text in message["headers"]}
        else:
            self.answer.body += message.get("body", b"")


def read_cbor(body: bytes) -> Any:
    """Return what a body holds, an empty one being no members; raises one of MALFORMED."""
    return RpcV2CBORParser(timestamp_parser=float).parse_data_item(_Bytes(body)) if body else {}


def as_json(value: Any) -> Any:
    """Return a value as JSON services take it: blobs in base64, numbers that are none as texts."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return {key: as_json(item) for key, item in value.items()} if isinstance(value, dict) else value


def as_cbor(answer: Response, *, model: Any, action: str) -> Response:
    """Return the JSON answer to an action in CBOR."""
    found = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    shape = None if model is None or answer.status >= 300 else model.operation_model(action).output_shape
    parsed = create_parser("json").parse(found, shape)
    parsed.pop("ResponseMetadata")
    if answer.status >= 300:
        error = parsed["Error"]
        body = _Writer().write_texts({"__type": error["Code"], "message": error["Message"]})
    else:
        body = b"" if shape is None else _Writer().write(parsed, shape)
    kept = {name: text for name, text in answer.headers.items() if name.startswith("x-amz")}
    return Response(status=answer.status, body=body, headers=kept | HEADERS)
