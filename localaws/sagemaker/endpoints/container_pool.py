"""Kept-alive HTTP connections to the serving processes of this machine; they live on the event loop.

An invocation is one write and, as a rule, one read. A general HTTP client costs three times as much of the
processor as everything else that localaws does for it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import httptools

from localaws.asgi import MAX_BODY_BYTES

KEEP_ALIVE_S = 4.0
"""Real seconds a connection stays open unused: below the 5 s after which uvicorn closes it."""
MAX_HEAD_BYTES = 64 * 2**10
"""Bytes of an answer's headers; more is no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a container answered; names of headers are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class UnansweredError(ConnectionResetError):
    """A connection ended before a byte of an answer came."""


class ContainerConnection(asyncio.Protocol):
    """One connection, for one request at a time."""

    def __init__(self, pool: "ContainerPool", port: int) -> None:
        self.port = port
        self.idle_since_s = 0.0
        self._pool = pool
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._begin()

    def _begin(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._head_bytes = self._body_bytes = 0
        self._has_heard = self._is_in_body = self._may_be_kept = False

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes, *, timeout_s: float) -> Answer:
        """Send a request and wait for its answer.

        Raises TimeoutError, UnansweredError, or ConnectionResetError where what comes is no whole answer.
        """
        assert self._transport is not None
        self._begin()
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_later(timeout_s, self._fail, TimeoutError())
        try:
            self._transport.write(request)
            answer = await self._waiting
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
            self._waiting = None
        if self.is_open and self._may_be_kept:
            self._pool.keep(self)
        else:
            self.close()
        return answer

    def close(self) -> None:
        """End the connection; whoever waits for an answer is told."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # of streams
        """Be ready to ask."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End an answer that has no other end, or say that none comes."""
        self._transport = None
        self._pool.forget(self)
        if exc is None and self._is_in_body and not self._declares_end():
            self._complete()
        else:
            kind = ConnectionResetError if self._has_heard else UnansweredError
            self._fail(kind(f"the process on port {self.port} closed the connection"))

    def _declares_end(self) -> bool:
        return any(name in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def data_received(self, data: bytes) -> None:
        """Read a piece of the answer; what nobody has asked for ends the connection."""
        if self._waiting is None or self._waiting.done():
            self.close()
            return
        self._has_heard = True
        self._head_bytes += 0 if self._is_in_body else len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionResetError(f"no HTTP from port {self.port}: {error}"))
        if self._head_bytes > MAX_HEAD_BYTES and not self._is_in_body:
            self._fail(ConnectionResetError(f"endless headers from port {self.port}"))

    def on_message_begin(self) -> None:
        """Refuse to go on where a second answer follows the first."""
        if self._waiting is None or self._waiting.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take everything from here for the body."""
        self._is_in_body = self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to a limit."""
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._body.clear()
            self._fail(ConnectionResetError(f"more than {MAX_BODY_BYTES} bytes from port {self.port}"))
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand on the answer, unless it was only an interim one."""
        if self._parser.get_status_code() < 200:
            self._headers.clear()
        else:
            self._complete()

    def _complete(self) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers}
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._is_in_body = False
        self._may_be_kept = self._parser.should_keep_alive()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(self._parser.get_status_code(), headers, body))

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


class ContainerPool:
    """The connections to all containers, by port."""

    def __init__(self) -> None:
        self._open: set[ContainerConnection] = set()
        self._idle: defaultdict[int, list[ContainerConnection]] = defaultdict(list)
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def post(self, port: int, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        """Return the answer to POST /invocations; `timeout_s` in real seconds.

        A request that finds its kept connection closed is sent again on a new one. Raises
        ConnectionRefusedError where nothing was sent, TimeoutError, or another ConnectionError.
        """
        request = build_request(port, headers=headers, body=body)
        kept = self._take(port)
        if kept is None:
            return await (await self._connect(port, timeout_s=timeout_s)).ask(request, timeout_s=timeout_s)
        try:
            return await kept.ask(request, timeout_s=timeout_s)
        except UnansweredError:
            if self._is_closed:
                raise
        try:
            connection = await self._connect(port, timeout_s=timeout_s)
        except ConnectionRefusedError as error:  # it took the request once, and may have died of it
            raise ConnectionResetError(str(error)) from error
        return await connection.ask(request, timeout_s=timeout_s)

    async def _connect(self, port: int, *, timeout_s: float) -> ContainerConnection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                _, connection = await loop.create_connection(
                    lambda: ContainerConnection(self, port), "127.0.0.1", port
                )
        except TimeoutError:
            raise
        except OSError as error:
            raise ConnectionRefusedError(str(error)) from error
        self._open.add(connection)
        return connection

    def _take(self, port: int) -> ContainerConnection | None:
        """Return a connection that has been idle for a short time, the last used first."""
        oldest_s = asyncio.get_running_loop().time() - KEEP_ALIVE_S
        idle = self._idle.get(port)
        while idle:
            connection = idle.pop()
            if connection.is_open and connection.idle_since_s > oldest_s:
                return connection
            connection.close()
        return None

    def keep(self, connection: ContainerConnection) -> None:
        """Keep a connection for the next request."""
        loop = asyncio.get_running_loop()
        connection.idle_since_s = loop.time()
        self._idle[connection.port].append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(KEEP_ALIVE_S, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long, and look again while something is idle."""
        loop = asyncio.get_running_loop()
        oldest_s = loop.time() - KEEP_ALIVE_S
        for port, idle in list(self._idle.items()):
            for connection in [found for found in idle if found.idle_since_s <= oldest_s]:
                idle.remove(connection)
                connection.close()
            if not idle:
                del self._idle[port]
        self._sweeper = loop.call_later(KEEP_ALIVE_S / 4, self._sweep) if self._idle else None

    def forget(self, connection: ContainerConnection) -> None:
        """Drop a connection that has ended."""
        self._open.discard(connection)
        idle = self._idle.get(connection.port, [])
        if connection in idle:
            idle.remove(connection)

    def close(self) -> None:
        """End every connection; no request is sent again."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._open):
            connection.close()


def build_request(port: int, *, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return POST /invocations as HTTP/1.1."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    head = (
        f"POST /invocations HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{lines}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body
