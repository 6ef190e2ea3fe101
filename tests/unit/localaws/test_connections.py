"""Requests that do not end, or are none: what a client is told, and that nobody else is held up."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from localaws import connections
from localaws.asgi import Message, Receive, Scope, Send
from localaws.connections import MAX_HEAD_BYTES, BoundedProtocol

HEAD = b"POST /x HTTP/1.1\r\nhost: localhost\r\n"
Wait = Callable[[], Awaitable[None]]


class FakeTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_over = False
        self.is_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_over, "written after the end"
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_over = True

    def close(self) -> None:
        self.is_over = True

    def abort(self) -> None:
        self.is_over = True

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def error(self) -> tuple[int, str]:
        """Return the status and the code of an answer in AWS's form."""
        head, _, body = self.written.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)["__type"]


class Bench:
    """Connections to an application that answers with the length of the body."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[list[tuple[bytes, bytes]]] = []
        self.delay_s = 0.0
        self.is_early = False
        """Whether it answers before it has read."""
        self._config = uvicorn.Config(
            self._answer, http=BoundedProtocol, interface="asgi3", log_config=None, lifespan="off"
        )
        self._config.load()
        self._state = ServerState()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while not self.is_early:
            message: Message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        self.headers.append(list(scope["headers"]))
        await asyncio.sleep(self.delay_s)
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def connect(self) -> tuple[BoundedProtocol, FakeTransport]:
        """Open a connection."""
        protocol = BoundedProtocol(self._config, self._state, {})
        transport = FakeTransport()
        protocol.connection_made(transport)
        return protocol, transport


def with_bench(test: Callable[[Bench], Awaitable[None]]) -> None:
    """Run a test; all connections end with it."""

    async def main() -> None:
        bench = Bench()
        try:
            await test(bench)
        finally:
            for protocol in list(BoundedProtocol._unfinished):
                protocol.connection_lost(None)

    asyncio.run(main())


async def until(happened: Callable[[], Any]) -> None:
    """Wait for an event that comes."""
    async with asyncio.timeout(20):
        while not happened():
            await asyncio.sleep(0.01)


def test_an_ordinary_request_is_answered_and_another_may_follow() -> None:
    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        for count in (1, 2):
            protocol.data_received(HEAD + b"content-length: 3\r\n\r\nab")
            protocol.data_received(b"c")
            await until(lambda count=count: transport.written.count(b"204 No Content") == count)
        assert bench.bodies == [b"abc", b"abc"]
        assert not transport.is_over
        assert protocol not in BoundedProtocol._unfinished

    with_bench(test)


@pytest.mark.parametrize(
    "start",
    [
        b"GET /" + b"a" * 100,
        HEAD + b"x: " + b"a" * 100,
        HEAD + b"transfer-encoding: chunked\r\n\r\n1;" + b"a" * 100,
        HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nx: " + b"a" * 100,
    ],
    ids=["path", "header", "chunk extension", "trailer"],
)
def test_what_never_ends_is_refused_at_its_limit(start: bytes) -> None:
    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        protocol.data_received(start)
        sent = 0
        while not transport.is_over:
            protocol.data_received(b"a" * 1000)
            sent += 1000
            assert sent <= MAX_HEAD_BYTES + 1000
        assert transport.error() == (400, "RequestHeaderSectionTooLarge")
        protocol.data_received(b"a" * 1000)
        assert bench.bodies == []

    with_bench(test)


def test_headers_that_come_at_once_with_a_body_are_measured_too() -> None:
    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        large = b"x: %s\r\n" % (b"a" * MAX_HEAD_BYTES)
        protocol.data_received(HEAD + large + b"content-length: 1\r\n\r\nb")
        assert transport.error() == (400, "RequestHeaderSectionTooLarge")

    with_bench(test)


def test_a_large_body_and_many_small_chunks_pass() -> None:
    async def test(bench: Bench) -> None:
        protocol, _ = bench.connect()
        protocol.data_received(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(40_000):
            protocol.data_received(b"1\r\na\r\n")
        protocol.data_received(b"0\r\n\r\n")
        await until(lambda: bench.bodies)
        assert bench.bodies == [b"a" * 40_000]

    with_bench(test)


@pytest.mark.parametrize(
    "sent", [b"P", HEAD, HEAD + b"content-length: 3\r\n\r\nab"], ids=["byte", "head", "body"]
)
def test_an_unfinished_request_is_told_that_its_time_is_over(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.05)
    monkeypatch.setattr(connections, "STALL_S", 0.05)

    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        protocol.data_received(sent)
        await until(lambda: transport.is_over)
        assert transport.error() == (400, "RequestTimeout")
        await asyncio.sleep(0.05)
        assert bench.bodies == [], "a part of a body is none"

    with_bench(test)


def test_a_request_that_comes_whole_is_not_waited_for_and_the_next_one_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        protocol.data_received(HEAD + b"\r\n")
        await until(lambda: transport.written)
        protocol.data_received(HEAD + b"content-length: 1\r\n\r\na")
        assert protocol not in BoundedProtocol._unfinished
        await until(lambda: transport.written.count(b"204") == 2)
        monkeypatch.setattr(connections, "HEAD_S", 0.05)
        protocol.data_received(b"GET")
        assert protocol in BoundedProtocol._unfinished
        await until(lambda: transport.is_over)
        assert b"RequestTimeout" in transport.written

    with_bench(test)


def test_the_second_of_two_heads_that_came_at_once_is_measured() -> None:
    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        large = b"x: %s\r\n\r\n" % (b"a" * MAX_HEAD_BYTES)
        protocol.data_received(HEAD + b"content-length: 0\r\n\r\n" + HEAD + large)
        await until(lambda: transport.is_over)
        assert len(bench.bodies) <= 1

    with_bench(test)


def test_a_second_request_that_came_with_the_first_has_its_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.05)
    monkeypatch.setattr(connections, "STALL_S", 0.05)

    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        protocol.data_received(HEAD + b"\r\n" + HEAD + b"content-length: 3\r\n\r\nab")
        await until(lambda: transport.is_over)
        assert b"RequestTimeout" in transport.written

    with_bench(test)


def test_an_empty_line_behind_a_request_does_not_cost_it_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.05)
    monkeypatch.setattr(connections, "SECOND_LOOK_S", 0.0)

    async def test(bench: Bench) -> None:
        bench.delay_s = 0.5
        protocol, transport = bench.connect()
        protocol.data_received(HEAD + b"content-length: 3\r\n\r\nabc")
        protocol.data_received(b"\r\n")
        await until(lambda: transport.written)
        assert transport.written.startswith(b"HTTP/1.1 204 ")

    with_bench(test)


def test_a_connection_without_a_request_is_closed_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.05)

    async def test(bench: Bench) -> None:
        _, transport = bench.connect()
        await until(lambda: transport.is_over)
        assert transport.written == b""

    with_bench(test)


def test_a_body_that_goes_on_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.2)
    monkeypatch.setattr(connections, "STALL_S", 2.0)

    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        protocol.data_received(HEAD + b"content-length: 30\r\n\r\n")
        for _ in range(30):
            await asyncio.sleep(0.1)
            protocol.data_received(b"a")
        await until(lambda: bench.bodies)
        assert not transport.is_over

    with_bench(test)


def test_of_too_many_unfinished_requests_the_oldest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_UNFINISHED", 3)

    async def test(bench: Bench) -> None:
        made = [bench.connect() for _ in range(3)]
        for protocol, _ in made:
            protocol.data_received(HEAD)
        protocol, transport = bench.connect()
        protocol.data_received(HEAD + b"\r\n")
        assert made[0][1].error() == (503, "SlowDown")
        await until(lambda: transport.written)
        assert [other.is_over for _, other in made] == [True, False, False]

    with_bench(test)


def test_of_too_many_connections_one_that_has_not_begun_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_UNFINISHED", 3)

    async def test(bench: Bench) -> None:
        made = [bench.connect() for _ in range(4)]
        assert made[0][1].error() == (503, "SlowDown")
        made[0][0].data_received(HEAD + b"\r\n")
        await asyncio.sleep(0.05)
        assert made[0][1].written.count(b"HTTP/1.1") == 1

    with_bench(test)


def test_a_request_behind_one_that_is_being_answered_gets_nothing_in_that_one_s_place() -> None:
    async def test(bench: Bench) -> None:
        bench.delay_s = 60
        protocol, transport = bench.connect()
        protocol.data_received(HEAD + b"content-length: 1\r\n\r\na" + HEAD + b"content-length: 3\r\n\r\nab")
        await until(lambda: bench.bodies)
        protocol.eof_received()
        assert transport.is_over
        assert transport.written == b""

    with_bench(test)


def test_a_request_that_was_answered_before_its_body_came_gets_no_second_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "STALL_S", 0.05)
    monkeypatch.setattr(connections, "HEAD_S", 0.05)

    async def test(bench: Bench) -> None:
        bench.is_early = True
        protocol, transport = bench.connect()
        protocol.data_received(HEAD + b"content-length: 3\r\n\r\n")
        await until(lambda: transport.written)
        protocol.data_received(b"ab")
        await until(lambda: transport.is_over)
        assert transport.written.count(b"HTTP/1.1") == 1

    with_bench(test)


def test_trailers_change_no_header_that_was_looked_at() -> None:
    """They were added to the headers: Host, Origin and signatures could be told anew behind the body."""

    async def test(bench: Bench) -> None:
        protocol, _ = bench.connect()
        chunks = b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
        trailers = b"Host: elsewhere\r\nX-Amz-Target: Other.Action\r\n\r\n"
        protocol.data_received(HEAD + chunks + trailers + HEAD + b"\r\n")
        await until(lambda: len(bench.headers) == 2)
        assert [name for name, _ in bench.headers[0]] == [b"host", b"transfer-encoding"]
        assert bench.headers[1] == [(b"host", b"localhost")]

    with_bench(test)


def test_two_hosts_are_refused_as_only_one_of_them_would_be_looked_at() -> None:
    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n")
        assert transport.error() == (400, "BadRequest")

    with_bench(test)


def test_what_is_no_http_and_what_is_cut_off_get_an_answer() -> None:
    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        protocol.data_received(b"\x16\x03\x01 hello\r\n\r\n")
        assert transport.error() == (400, "BadRequest")
        protocol, transport = bench.connect()
        protocol.data_received(HEAD + b"content-length: 3\r\n\r\nab")
        protocol.eof_received()
        assert transport.error() == (400, "IncompleteBody")
        await asyncio.sleep(0.05)
        assert bench.bodies == []

    with_bench(test)


@pytest.mark.parametrize(
    ("sent", "is_refused"),
    [
        (b"CONNECT example.com:443 HTTP/1.1\r\nhost: localhost\r\n\r\n", True),
        (HEAD + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nab", True),
        (b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", False),
    ],
    ids=["tunnel", "body", "nothing to lose", "web socket"],
)
def test_another_protocol_is_refused_where_something_would_be_lost(sent: bytes, is_refused: bool) -> None:
    async def test(bench: Bench) -> None:
        protocol, transport = bench.connect()
        protocol.data_received(sent)
        await until(lambda: transport.written)
        assert (b" 400 " in transport.written) is is_refused
        await until(lambda: transport.is_over)

    with_bench(test)
