"""Clients' connections: how much is read of a request beside its body, and how long it may take.

httptools joins the pieces of a header as they come, each time anew, so that an endless one would keep the
event loop busy and hold up everybody. uvicorn limits neither a header nor the time for it.
"""

import asyncio
from typing import ClassVar
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from localaws.asgi import Response, aws_error
from localaws.cycles import Cycle

MAX_HEAD_BYTES = 64 * 2**10
"""Request line and headers, trailers, or what describes one chunk (S3 takes 8 KiB of headers)."""
HEAD_S = 10.0
"""Real seconds from a request's first byte to the end of its headers."""
STALL_S = 20.0
"""Real seconds without a byte of a body (S3's time-out)."""
SECOND_LOOK_S = 0.1
"""Real seconds between the end of that time and the refusal."""
LINGER_S = 2.0
"""Real seconds for which a refused client may go on sending: closing at once could lose it the answer."""
MAX_UNFINISHED = 256
"""Connections whose request has not come whole; beyond, the one that has waited longest is refused."""
TOO_LARGE = aws_error(
    status=400,
    code="RequestHeaderSectionTooLarge",
    message=f"Your request header section exceeds the maximum allowed size of {MAX_HEAD_BYTES} bytes.",
)
TIMED_OUT = aws_error(
    status=400,
    code="RequestTimeout",
    message="Your socket connection to the server was not read from or written to within the timeout period. "
    "Idle connections will be closed.",
)
CUT_OFF = aws_error(
    status=400,
    code="IncompleteBody",
    message="You did not provide the number of bytes specified by the Content-Length HTTP header.",
)
TOO_MANY = aws_error(
    status=503,
    code="SlowDown",
    message=f"Please reduce your request rate: over {MAX_UNFINISHED} requests are unfinished.",
)
TWO_HOSTS = aws_error(
    status=400, code="BadRequest", message="A request has one Host header (RFC 9112, section 3.2)."
)
NO_UPGRADE = aws_error(
    status=400,
    code="BadRequest",
    message="localaws offers neither a tunnel nor another protocol: send the request without Upgrade.",
)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, for requests that end."""

    _unfinished: ClassVar[dict["BoundedProtocol", None]] = {}
    """The connections that wait for the rest of a request, the one that has waited longest first."""
    _pending = 0
    """Bytes since the request's last progress: its begin, a piece of its body, its end."""
    _piece = 0
    """Bytes of what came last: more than one request may be in it."""
    _is_whole = False
    """Whether what came last ended with a request's end."""
    _since: float | None = None
    """When the request's first byte came; None between requests."""
    _last_byte = 0.0
    _is_in_body = False
    _is_late = _is_refused = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._finish()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the request has been refused."""
        if self._is_refused:
            return
        self._last_byte = self.loop.time()
        self._piece = len(data)
        self._pending += self._piece
        self._is_whole = False
        super().data_received(data)
        if self._pending > MAX_HEAD_BYTES:
            self._refuse(TOO_LARGE)
        elif not self._is_whole and self._timer is None and not self._is_refused:
            self._wait_for_rest()

    def eof_received(self) -> None:
        """Answer a client that sends no more, though its request is not whole."""
        if self._is_in_body:
            self._refuse(CUT_OFF)

    def shutdown(self) -> None:
        """End an idle connection, or let its request be the last; of TLS, wait for no farewell."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self.scheme == "https" and not self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(aws_error(status=400, code="BadRequest", message=msg))

    def on_message_begin(self) -> None:
        """Count the time from here: more than one request may come at once."""
        self._since = self._last_byte
        self._is_whole = False
        if self._timer is not None:
            self._wait_for_rest()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what comes behind the body must not change those that were looked at."""
        if not self._is_in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the application begin, unless there are too many headers, or a body would be lost.

        llhttp ends a request that asks for another protocol at its headers, and takes a body for another.
        """
        if max(self._pending, self._piece) > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES:
            self._refuse(TOO_LARGE)
            return
        if [name for name, _ in self.headers].count(b"host") > 1:
            self._refuse(TWO_HOSTS)
            return
        is_upgrade = self.parser.should_upgrade()
        if is_upgrade and (self.parser.get_method() == b"CONNECT" or self._declares_body()):
            self._refuse(NO_UPGRADE)
            return
        self._begin_cycle(keep_alive=not is_upgrade and self.parser.should_keep_alive())
        self._is_in_body = True

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _begin_cycle(self, *, keep_alive: bool) -> None:
        """Let the application answer, after the requests that came before: uvicorn's way, with our cycle."""
        version = self.parser.get_http_version()
        self._complete_scope(version)
        before = self.cycle
        self.cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive and version != "1.0",
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _complete_scope(self, version: str) -> None:
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["raw_path"] = url.path
        self.scope["query_string"] = url.query or b""

    def _should_upgrade(self) -> bool:
        """Offer no web sockets, whether or not a library for them is installed."""
        return False

    def _declares_body(self) -> bool:
        declared = dict(self.headers)
        return b"transfer-encoding" in declared or declared.get(b"content-length", b"0") != b"0"

    def on_body(self, body: bytes) -> None:
        """Hand on a piece of the body."""
        if not self._is_refused:
            self._pending = 0
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop waiting: the request is whole."""
        self._pending = 0
        self._is_whole = True
        if not self._is_refused:
            self._finish()
            super().on_message_complete()

    def _wait_for_rest(self) -> None:
        self._look_in(HEAD_S)
        self._unfinished[self] = None
        if len(self._unfinished) > MAX_UNFINISHED:
            next(iter(self._unfinished))._refuse(TOO_MANY)

    def _look_in(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(delay_s, self._look)

    def _finish(self) -> None:
        self._since, self._is_in_body, self._is_late = None, False, False
        if self._timer is not None:
            self._unfinished.pop(self, None)
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Refuse a request that has waited for too long."""
        if (left_s := self._patience_s()) > 0:
            self._is_late = False
            self._look_in(left_s)
        elif self._is_late:
            self._refuse(TIMED_OUT)
        else:  # what came while the event loop was busy has not been read yet
            self._is_late = True
            self._look_in(SECOND_LOOK_S)

    def _patience_s(self) -> float:
        """Return for how many more seconds to wait: for a body that we do not read now, for all of them."""
        if self._is_in_body:
            over = self.loop.time() if self.flow.read_paused else self._last_byte
            return over + STALL_S - self.loop.time()
        is_answering = self.cycle is not None and not self.cycle.response_complete
        return HEAD_S if is_answering and self._since is None else 0.0

    def _refuse(self, response: Response) -> None:
        """Answer, where somebody waits for it and no other answer is under way, and close."""
        is_heard = self._is_next() and (self._since is not None or self._is_refused_unasked(response))
        self._finish()
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        cycle = self.cycle
        is_idle = cycle is None or cycle.response_complete
        if is_heard:
            self.transport.write(as_bytes(response))
        if not is_idle:
            cycle.disconnected = True
            cycle.message_event.set()
        self._unset_keepalive_if_required()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_S, self.transport.abort)

    def _is_next(self) -> bool:
        """Tell whether an answer now would be the one that the client takes for that of this request."""
        if self.pipeline:  # earlier requests have not been answered
            return False
        if self._is_in_body:  # the cycle is this request's own
            return not self.cycle.response_started
        return self.cycle is None or bool(self.cycle.response_complete)

    def _is_refused_unasked(self, response: Response) -> bool:
        """Tell whether a client that has not begun is told all the same: it waits for its turn, or will."""
        return response is TOO_MANY and self.cycle is None


def as_bytes(response: Response) -> bytes:
    """Return a response, after which the connection ends, as HTTP/1.1."""
    headers = response.headers | {"content-length": str(len(response.body)), "connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return b"%s%s\r\n%s" % (STATUS_LINE[response.status], lines.encode("latin-1"), response.body)
