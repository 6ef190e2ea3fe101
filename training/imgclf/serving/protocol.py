"""HTTP for strangers: uvicorn's protocol with a limit and a time for what is no body.

httptools joins the pieces of a header as they come, each time anew: 200 MB of one header kept a server busy
for 15 minutes. uvicorn has a limit for its other parser only, and no time limit for a request's head.

llhttp ends a request that asks for an upgrade at its headers, whatever length of a body they declare, and
takes the body for the next request: such a request, and CONNECT, which is read likewise, is refused.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 2**10
"""Of a request beside its body: request line, headers, sizes of chunks, trailers."""
HEAD_TIMEOUT_S = 10.0
"""From the connection, or from the first byte of a further request on it, to the end of the headers."""


class GuardedProtocol(HttpToolsProtocol):
    """Close connections whose request line and headers are too long or too slow, or ask for an upgrade."""

    _received = _body = 0
    """Bytes of the request that is being read: all, and those of its body."""
    _is_in_body = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._forget_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse a request that holds more than MAX_HEAD_BYTES beside its body.

        As much again as the body's size is allowed for, so that small chunks pass.
        """
        if not self._is_in_body:
            self._expect_head()
        self._received += len(data)
        super().data_received(data)
        if self._received - 2 * self._body > MAX_HEAD_BYTES:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"over {MAX_HEAD_BYTES} bytes of headers: send a shorter request",
            )

    def on_headers_complete(self) -> None:
        """Stop the clock, and let the application begin, unless an upgrade is asked for."""
        self._forget_deadline()
        if self.parser.should_upgrade():
            self._refuse(HTTPStatus.BAD_REQUEST, "no upgrade is offered: send the request without one")
            return
        self._is_in_body = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count the body's bytes."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew; a refused upgrade was no request of the application's."""
        self._received = self._body = 0
        self._is_in_body = False
        if self.parser.should_upgrade():
            return
        super().on_message_complete()

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self._end_of_patience)

    def _end_of_patience(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT,
            f"no whole request within {HEAD_TIMEOUT_S:.0f} s: send a shorter request, and at once",
        )

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Answer where nobody else does, and close."""
        self._forget_deadline()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            body = f'{{"error": "{reason}"}}'.encode()
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode() + body)
        self.transport.close()
