"""The Runtime API's HTTP server: one small listener for each execution environment.

An asyncio protocol around httptools (which uvicorn brings): no start-up, no thread, no task for each request.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httptools

from localaws.functions.invocations import RESPONSE_LIMIT
from localaws.origins import is_of_page

logger = logging.getLogger(__name__)

MAX_HEAD_BYTES = 1 << 20
"""Bytes that come before a request's headers are whole; more is no runtime's."""
REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 413: "Payload Too Large"}
Respond = Callable[[int, bytes, dict[str, str]], None]


@dataclass(kw_only=True)
class ApiCall:
    """One request of a runtime. `size` is the body's; of a body over the limit only the start is kept."""

    method: str
    path: str
    respond: Respond
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    size: int = 0

    def accept(self) -> None:
        """Answer 202, as to every answer that is taken."""
        self.respond(202, b'{"status":"OK"}\n', {"Content-Type": "application/json"})

    def refuse(self, status: int, *, error_type: str, message: str) -> None:
        """Answer with an error document."""
        body = json.dumps({"errorMessage": message, "errorType": error_type}).encode()
        self.respond(status, body, {"Content-Type": "application/json"})


CallHandler = Callable[[ApiCall], None]


class RuntimeProtocol(asyncio.Protocol):
    """One connection of a runtime: parses requests, hands them on, writes answers when they come."""

    def __init__(self, on_call: CallHandler) -> None:
        self._on_call = on_call
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._reset()

    def _reset(self) -> None:
        self._path = b""
        self._headers: dict[str, str] = {}
        self._head_size = 0
        self._has_head = False
        self._body: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (uvloop's is no subclass of asyncio's)."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport; answers that come later go nowhere."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Parse; a connection that does not speak HTTP is closed."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._refuse(f"something that is not HTTP: {error}")
        self._head_size += 0 if self._has_head else len(data)
        if self._head_size > MAX_HEAD_BYTES:
            self._refuse("headers without end")

    def _refuse(self, what: str) -> None:
        """End a connection that no runtime has made."""
        logger.warning("the Runtime API was sent %s", what)
        if self._transport is not None:
            self._transport.close()

    def on_message_begin(self) -> None:
        """Start a request."""
        self._reset()

    def on_url(self, url: bytes) -> None:
        """Take (a part of) the path."""
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Tell a client that waits for leave to send its body to go on."""
        self._has_head = True
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, as long as it is within the limit of a response."""
        self._size += len(body)
        if self._size <= RESPONSE_LIMIT:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the request on; what a web page in a browser sends would take events from the runtime."""
        if is_of_page(self._headers):
            self._refuse("a web page's request")
            return
        call = ApiCall(
            method=self._parser.get_method().decode(),
            path=self._path.decode("latin-1"),
            respond=self._respond,
            headers=self._headers,
            body=b"".join(self._body),
            size=self._size,
        )
        self._on_call(call)

    def _respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        if self._transport is None:
            return
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._transport.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


async def listen(on_call: CallHandler) -> tuple[asyncio.Server, str]:
    """Start a listener on a free port of the loopback interface; return it and its address."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: RuntimeProtocol(on_call), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    return server, f"{host}:{port}"
