"""The few HTTP types that localaws' own routes use, on plain ASGI."""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


FORM = "application/x-www-form-urlencoded"
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What a header's name may be (RFC 9110, section 5.6.2)."""
MAX_BODY_BYTES = 128 << 20
"""Bytes of a body that is kept in memory, whatever it is for; objects of S3 are not."""
MAX_DISCARDED_BYTES = 1 << 30
"""Bytes of a too large body that are read and thrown away, so that the client gets to see the refusal."""
BEGIN_BYTES = 8 << 10


class ClientGoneError(Exception):
    """The client has gone before its request was whole: nobody is left to be answered."""


class ConnectionCutError(Exception):
    """The connection is to end here: what has been sent arrives, and nothing more."""


CUT = "localaws.cut"
"""Type of the message by which `connections` is told so."""


class BodyTooLargeError(Exception):
    """A body is larger than is taken; `begin` is how it begins."""

    def __init__(self, *, limit_bytes: int, begin: bytes) -> None:
        super().__init__(f"a body has more than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes
        self.begin = begin


@dataclass(kw_only=True, slots=True)
class Request:
    """One HTTP request. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    receive: Receive
    params: dict[str, str] = field(default_factory=dict)
    _body: bytes | None = None

    async def body(self, *, limit_bytes: int = MAX_BODY_BYTES) -> bytes:
        """Return the whole body: read once, then kept.

        Raises ClientGoneError where the client has sent a part of it only, and BodyTooLargeError.
        """
        if self._body is None:
            self._body = await self._read(limit_bytes)
        elif len(self._body) > limit_bytes:  # somebody who takes more has read it before
            raise BodyTooLargeError(limit_bytes=limit_bytes, begin=self._body[:BEGIN_BYTES])
        return self._body

    def replace_body(self, body: bytes) -> None:
        """Let those that come after read another body."""
        self._body = body

    async def _read(self, limit_bytes: int) -> bytes:
        chunks: list[bytes] = []
        size, begin = 0, b""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > limit_bytes:
                begin = begin or b"".join(chunks)[:BEGIN_BYTES]
                chunks.clear()
            if not message.get("more_body", False) or size > MAX_DISCARDED_BYTES:
                break
        if size > limit_bytes:
            raise BodyTooLargeError(limit_bytes=limit_bytes, begin=begin)
        return b"".join(chunks)


@dataclass(kw_only=True, slots=True)
class Response:
    """One HTTP response, whole in memory."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)
    """Values of Set-Cookie, the one header that is sent more than once."""

    async def send(self, send: Send) -> None:
        """Send it as ASGI messages."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        pairs = [] if "content-length" in headers else [(b"content-length", b"%d" % len(self.body))]
        pairs += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        pairs += [(b"set-cookie", cookie.encode("latin-1")) for cookie in self.cookies]
        await send({"type": "http.response.start", "status": self.status, "headers": pairs})
        await send({"type": "http.response.body", "body": self.body})


def aws_error(*, status: int, code: str, message: str, extra: dict[str, Any] | None = None) -> Response:
    """Return an error as AWS's REST-JSON services word it (header x-amzn-ErrorType, JSON body)."""
    body = {"__type": code, "Message": message, "message": message} | (extra or {})
    headers = {"content-type": "application/json", "x-amzn-errortype": code}
    return Response(status=status, body=json.dumps(body).encode(), headers=headers)


Handler = Callable[[Request], Awaitable[Response]]


class Router:
    """Find a handler by method and path; the named groups of the pattern become `request.params`."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Serve `pattern` (a regular expression for the whole raw path, percent-encoded) with `handler`."""
        self._routes.append((method, re.compile(pattern), handler))

    def find(self, *, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        """Return the first handler that fits, with its path parameters."""
        for wanted, pattern, handler in self._routes:
            if wanted == method and (match := pattern.fullmatch(path)):
                return handler, match.groupdict()
        return None
