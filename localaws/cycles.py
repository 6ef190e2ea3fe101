"""A request and its answer on a connection: head and first piece of the body go out in one write.

uvicorn writes them one after the other, which costs server and client a system call more each, and searches
every header's name and value for what must not stand there.
"""

import os
import socket
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from localaws.asgi import CUT

BODILESS = (204, 304)
"""Statuses whose answers have no body."""


@lru_cache(maxsize=1024)
def lower_name(name: bytes) -> bytes:
    """Return the name of a header in lower case; raises RuntimeError for what is none."""
    if not name or HEADER_RE.search(name):
        raise RuntimeError("invalid name of a header")
    return name.lower()


class Cycle(RequestResponseCycle):
    """uvicorn's cycle, which holds the head of an answer back until its body begins."""

    _head = b""

    async def send(self, message: Any) -> None:
        """Take one ASGI message; raises RuntimeError for one that does not fit."""
        if self.disconnected:  # nobody hears of it
            return
        if self.response_started:
            await self._send_body(message)
        elif message["type"] == CUT:
            self._cut()
        elif message["type"] != "http.response.start":
            raise RuntimeError(f"expected http.response.start, not {message['type']}")
        else:
            self._head = self._format_head(message["status"], [*self.default_headers, *message["headers"]])
            self.response_started = True
            self.waiting_for_100_continue = False

    def _format_head(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """Return status line and headers, and note what they say of the body and of the connection."""
        self.chunked_encoding, self.expected_content_length = None, 0  # an earlier head may have been refused
        lines = [STATUS_LINE[status]]
        is_last = False
        for raw_name, value in headers:
            name = lower_name(raw_name)
            if name == b"content-length" and self.chunked_encoding is None:
                self.chunked_encoding, self.expected_content_length = False, int(value)
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                self.chunked_encoding, self.expected_content_length = True, 0
            elif name == b"connection":
                is_last = is_last or b"close" in [word.strip() for word in value.lower().split(b",")]
            lines.append(b"%s: %s\r\n" % (name, value))
        if HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            raise RuntimeError("invalid value of a header")
        return b"".join(lines) + self._frame_lines(status, is_last=is_last) + b"\r\n"

    def _frame_lines(self, status: int, *, is_last: bool) -> bytes:
        """Return the headers that the connection needs beside those of the application."""
        lines = b""
        if not self.keep_alive and not is_last:
            lines += b"connection: close\r\n"
        self.keep_alive = self.keep_alive and not is_last
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in BODILESS:
            self.chunked_encoding = True
            lines += b"transfer-encoding: chunked\r\n"
        return lines

    async def _send_body(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == CUT:
            self._cut()
            return
        if self.response_complete or message["type"] != "http.response.body":
            raise RuntimeError(f"unexpected {message['type']}")
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        head, self._head = self._head, b""
        if piece := head + self._frame(body, is_last=is_last):
            self.transport.write(piece)
        if is_last:
            self._end()

    def _frame(self, body: bytes, *, is_last: bool) -> bytes:
        """Return a piece of the body as it is sent; raises RuntimeError for more than was announced."""
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            return b""
        if self.chunked_encoding:
            return (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + (b"0\r\n\r\n" if is_last else b"")
        self.expected_content_length -= len(body)
        if self.expected_content_length < 0:
            raise RuntimeError("the body is longer than its Content-Length")
        return body

    def _cut(self) -> None:
        """End the connection: behind what has been sent, or with a reset where nothing was."""
        self.disconnected = self.response_complete = True
        if self.response_started:
            self.transport.close()
            return
        with socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno())) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _end(self) -> None:
        if self.expected_content_length:
            raise RuntimeError("the body is shorter than its Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
