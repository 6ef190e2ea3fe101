"""HTTP for strangers: uvicorn's protocol with a limit and a time for what is no body.

httptools joins the pieces of a header as they come, each time anew: 200 MB of one header kept a server busy
for 15 minutes. uvicorn has a limit for its other parser only, and no time limit for a request's head.

An invocation that has come whole, as most do, is given to the application's `take`, where it has one, without
a task; the others are awaited as ASGI asks.

llhttp ends a request that asks for an upgrade at its headers, whatever length of a body they declare, and
takes the body for the next request: such a request, and CONNECT, which is read likewise, is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from imgclf.serving.answers import Answer

Take = Callable[[Iterable[tuple[bytes, bytes]], bytes, Callable[[Answer], None]], "Call | None"]

MAX_HEAD_BYTES = 64 * 2**10
"""Of a request beside its body: request line, headers, sizes of chunks, trailers."""
MAX_WAITING = 32
"""Requests behind one that is being answered, on one connection. Each takes 8 kB, whatever it asks for: one
read of 256 KiB brought 12,000 pings, 100 MB."""
HEAD_TIMEOUT_S = 10.0
"""From the connection, or from the first byte of a further request on it, to the end of the headers."""

UNREAD_TIMEOUT_S = 10.0
"""For a client to read on where its answers fill the buffers, and to read all before its connection ends."""


class TooManyWaitingError(Exception):
    """Stop the parser: a client has sent more requests than are answered on one connection."""


class Call(Protocol):
    """A request that is being answered."""

    def leave(self) -> None:
        """Stop: the client went away."""
        ...


class _Heads:
    """Heads of answers up to their length, which few differ in, made once for each second's date."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, bytes], bytes] = {}
        self._defaults: list[tuple[bytes, bytes]] | None = None

    def render(self, cycle: RequestResponseCycle, answer: Answer) -> bytes:
        """Return the head of a whole answer."""
        if cycle.default_headers is not self._defaults:
            self._defaults = cycle.default_headers
            self._made.clear()
        start = self._made.get((answer.status, answer.content_type))
        if start is None:
            lines = [*cycle.default_headers, (b"content-type", answer.content_type)]
            start = STATUS_LINE[answer.status] + b"".join(b"%b: %b\r\n" % line for line in lines)
            self._made[answer.status, answer.content_type] = start
        retry = b"" if answer.retry_after_s is None else b"retry-after: %d\r\n" % answer.retry_after_s
        close = b"" if cycle.keep_alive else b"connection: close\r\n"
        return b"%bcontent-length: %d\r\n%b%b\r\n" % (start, len(answer.body), retry, close)


_HEADS = _Heads()


class GuardedProtocol(HttpToolsProtocol):
    """Close connections whose request line and headers are too long or too slow, or ask for an upgrade.

    And those of clients that do not read their answers: each would be held for ever.

    What came whole before that is answered first: no refusal is taken for the answer to another request.
    """

    _received = _body = 0
    """Bytes of the request that is being read: all, and those of its body."""
    _is_in_body = _is_between = _is_parsing = False
    """Whether a body is being read; whether all that came is whole requests; whether it is being parsed."""
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    """Ends a connection whose client does not read."""
    _fresh: tuple[RequestResponseCycle, Any] | None = None
    """A request, and the application, that may begin once all that came is parsed."""
    _call: Call | None = None
    _running: RequestResponseCycle | None = None
    """The request that is being answered, or was last."""
    _is_over: bool = False
    """Whether nothing more is read: what is owed is still answered."""

    @property
    def _take(self) -> Take | None:
        return getattr(self.app, "take", None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting; uvicorn tells only the last request that came, which may wait behind another."""
        self._forget_deadline()
        self._forget_unread()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        if self._call is not None:
            self._call.leave()

    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse a request that holds more than MAX_HEAD_BYTES beside its body.

        As much again as the body's size is allowed for, so that small chunks pass.
        """
        if self._is_over:
            return
        self._is_between = False
        self._received += len(data)
        self._is_parsing = True
        super().data_received(data)
        self._is_parsing = False
        if not self._is_in_body and not self._is_between:
            self._expect_head()
        if self._received - 2 * self._body > MAX_HEAD_BYTES:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"over {MAX_HEAD_BYTES} bytes of headers: send a shorter request",
            )
        fresh, self._fresh = self._fresh, None
        if fresh is not None and not self.transport.is_closing():
            self._begin(*fresh)

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for ever."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """Go on; an end of the connection still waits for the rest."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._forget_unread()

    def on_response_complete(self) -> None:
        """Let the next request begin, or the connection end."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reading()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that nothing has come on."""
        super().timeout_keep_alive_handler()
        self._expect_reading()

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self._is_between = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop the clock, and let the application begin, unless an upgrade is asked for."""
        self._forget_deadline()
        if self.parser.should_upgrade():
            self._refuse(HTTPStatus.BAD_REQUEST, "no upgrade is offered: send the request without one")
            return
        if len(self.pipeline) >= MAX_WAITING:
            raise TooManyWaitingError
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
        self._is_between = True
        if self.parser.should_upgrade():
            return
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser does not take for a request."""
        self._refuse(HTTPStatus.BAD_REQUEST, "this is no HTTP request: send one by an HTTP client")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Let a request begin; one that has just come, once all that came with it is parsed."""
        self._running = cycle
        if self._is_parsing:
            self._fresh = cycle, app
        else:  # it has waited for the one before it
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Let the application answer: without a task where the request is a whole invocation."""
        scope = cycle.scope
        is_invocation = scope["method"] == "POST" and scope["path"] == "/invocations"
        is_whole = not cycle.more_body and not cycle.waiting_for_100_continue
        if is_invocation and is_whole and not self.flow.write_paused and (take := self._take):
            call = take(scope["headers"], bytes(cycle.body), lambda answer: self._reply(cycle, answer))
            if call is not None:
                self._call = None if cycle.response_complete else call
                self._hear_of_the_end()
                return
        super()._start_asgi_task(cycle, app)

    def _hear_of_the_end(self) -> None:
        """Read on where a large body has stopped it: only so is it seen that the client went away."""
        if self._call is not None and not self.pipeline:
            self.flow.resume_reading()

    def _reply(self, cycle: RequestResponseCycle, answer: Answer) -> None:
        """Send a whole answer, as a cycle's own `send` does."""
        self._call = None
        cycle.response_started = cycle.response_complete = True
        if cycle.disconnected:
            return
        self.transport.write(b"%b%b" % (_HEADS.render(cycle, answer), answer.body))
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

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

    def _expect_reading(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_TIMEOUT_S, self.transport.abort)

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Read no more; answer where nobody else does, and close, once what is owed is answered."""
        self._forget_deadline()
        if self.transport.is_closing() or self._is_over:
            return
        self._is_over = True
        owed = self._last_whole()
        if owed is not None:
            owed.keep_alive = False
            return
        if self._running is None or self._running.response_complete or not self._running.response_started:
            body = f'{{"error": "{reason}"}}'.encode()
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode() + body)
        self.transport.close()
        self._expect_reading()

    def _last_whole(self) -> RequestResponseCycle | None:
        """Return the last whole request that is not answered yet; forget what waits behind it in part."""
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()
        last = self.pipeline[0][0] if self.pipeline else self._running
        return None if last is None or last.more_body or last.response_complete else last
