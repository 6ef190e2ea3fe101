"""A request's head is short, comes at once and asks for no upgrade, or its connection is closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from imgclf.serving import protocol
from imgclf.serving.answers import Answer
from imgclf.serving.protocol import MAX_HEAD_BYTES, MAX_WAITING, GuardedProtocol

POST = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"


class Transport(asyncio.Transport):
    """A connection that only remembers what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = self.aborted = False
        self.is_read = True

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Remember it: the test decides what comes."""
        self.is_read = False

    def resume_reading(self) -> None:
        """Remember it."""
        self.is_read = True


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the length of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    text = str(size).encode()
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


class Connection:
    """A protocol on a transport, in a loop of its own."""

    def __init__(self, app: Any = application) -> None:
        self.loop = asyncio.new_event_loop()
        config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, proxy_headers=False)
        self.transport = Transport()
        self.protocol = GuardedProtocol(config, ServerState(), {}, self.loop)
        self.protocol.connection_made(self.transport)

    def send(self, data: bytes) -> None:
        """Let these bytes arrive, and the server do what it then does."""
        if not self.transport.closed:
            self.protocol.data_received(data)
        self.wait(0)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.loop.run_until_complete(asyncio.sleep(0))

    @property
    def status(self) -> str:
        """Return the last answer's status line."""
        return self.transport.written.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n")[0].decode()


@pytest.fixture
def connect() -> Iterator[Callable[..., Connection]]:
    made: list[Connection] = []

    def make(app: Any = application) -> Connection:
        made.append(Connection(app))
        return made[-1]

    yield make
    for connection in made:
        connection.protocol.connection_lost(None)
        connection.wait(0)
        connection.loop.close()


def test_a_request_passes_in_pieces_of_any_size(connect: Callable[[], Connection]) -> None:
    connection = connect()
    for byte in POST + b"Content-Length: 3\r\n\r\nabc":
        connection.send(bytes([byte]))
    connection.wait(0.01)
    assert (connection.status, connection.transport.closed) == ("200 OK", False)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(POST + b"X: ", id="a header's value"),
        pytest.param(POST, id="a header's name"),
        pytest.param(b"GET /", id="the path"),
    ],
)
def test_endless_headers_are_431_after_64_kib(connect: Callable[[], Connection], start: bytes) -> None:
    """Each further piece cost as much as all before it: 200 MB kept the server for 15 minutes."""
    connection = connect()
    connection.send(start)
    started = time.process_time()
    for _ in range(3_000):
        connection.send(b"a" * 65_536)
    assert time.process_time() - started < 2
    assert connection.transport.closed
    assert connection.status == "431 Request Header Fields Too Large"


def test_empty_lines_before_a_request_are_bounded(connect: Callable[[], Connection]) -> None:
    connection = connect()
    for _ in range(20):
        connection.send(b"\r\n" * 2_048)
    assert connection.transport.closed


def test_endless_trailers_and_extensions_of_chunks_close_the_connection(
    connect: Callable[[], Connection],
) -> None:
    for start in (b"0\r\nX: ", b"1;extension="):
        connection = connect()
        connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + start)
        for _ in range(3):
            connection.send(b"a" * 65_536)
        assert connection.transport.closed


def test_large_bodies_and_small_chunks_pass(connect: Callable[[], Connection]) -> None:
    connection = connect()
    connection.send(POST + b"Content-Length: 6000000\r\n\r\n")
    for _ in range(60):
        connection.send(bytes(100_000))
    connection.wait(0.01)
    assert (connection.status, connection.transport.written[-7:]) == ("200 OK", b"6000000")
    connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(20_000):
        connection.send(b"8\r\n12345678\r\n")
    connection.send(b"0\r\n\r\n")
    connection.wait(0.01)
    assert connection.transport.written.endswith(b"160000")


def test_the_longest_headers_are_taken_again_and_again(connect: Callable[[], Connection]) -> None:
    connection = connect()
    for _ in range(5):
        connection.send(b"GET / HTTP/1.1\r\nX: " + b"a" * (MAX_HEAD_BYTES - 100) + b"\r\n\r\n")
        connection.wait(0.01)
        assert connection.status == "200 OK"
    assert connection.transport.written.count(b"200 OK") == 5


def test_a_head_that_drips_or_never_comes_is_408(
    connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.05)
    silent, dripping = connect(), connect()
    silent.wait(0.2)
    for _ in range(10):
        dripping.send(b"G" if not dripping.transport.written else b"x")
        dripping.wait(0.02)
    assert silent.status == "408 Request Timeout"
    assert silent.transport.closed
    assert dripping.transport.closed


def test_a_further_request_has_a_time_of_its_own(
    connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.1)
    connection = connect()
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    connection.wait(0.3)
    assert (connection.status, connection.transport.closed) == ("200 OK", False)
    connection.send(b"GET / HT")
    connection.wait(0.3)
    assert (connection.status, connection.transport.closed) == ("408 Request Timeout", True)


def test_a_slow_body_is_left_to_the_application(
    connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.05)
    connection = connect()
    connection.send(POST + b"Content-Length: 4\r\n\r\nab")
    connection.wait(0.2)
    assert not connection.transport.closed
    connection.send(b"cd")
    connection.wait(0.01)
    assert connection.status == "200 OK"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(POST + b"Upgrade: foo\r\nConnection: Upgrade\r\n", id="an upgrade"),
        pytest.param(POST + b"Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n", id="to websocket"),
        pytest.param(b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n", id="CONNECT"),
    ],
)
def test_a_body_behind_an_upgrade_is_never_read_as_a_request(
    connect: Callable[[], Connection], head: bytes
) -> None:
    """The parser ends such a request at its headers, whatever length they declare."""
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    connection = connect()
    connection.send(head + b"Content-Length: %d\r\n\r\n" % len(smuggled))
    connection.send(smuggled)
    connection.wait(0.01)
    assert (connection.status, connection.transport.closed) == ("400 Bad Request", True)
    assert connection.transport.written.count(b"HTTP/1.1 ") == 1
    assert b"no upgrade is offered: send the request without one" in connection.transport.written


class Taker:
    """An application that takes whole invocations, and answers them when it is told to."""

    def __init__(self, at_once: Answer | None = None) -> None:
        self.at_once = at_once
        self.bodies: list[bytes] = []
        self.replies: list[Any] = []
        self.has_left = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await application(scope, receive, send)

    def take(self, headers: Any, body: bytes, reply: Any) -> Any:
        self.bodies.append(body)
        if body == b"url":
            return None
        if self.at_once is not None:
            reply(self.at_once)
        self.replies.append(reply)
        return self

    def leave(self) -> None:
        self.has_left = True


ONE = Answer(status=200, body=b"[[1]]")
WHOLE = POST + b"Content-Length: 3\r\n\r\nabc"


def test_a_whole_invocation_is_taken_and_answered_in_one_write(connect: Callable[..., Connection]) -> None:
    app = Taker()
    connection = connect(app)
    for _ in range(3):
        connection.transport.written = b""
        connection.send(WHOLE)
        assert connection.transport.written == b""
        app.replies[-1](ONE)
        head, _, body = connection.transport.written.partition(b"\r\n\r\n")
        assert (connection.status, body) == ("200 OK", b"[[1]]")
        assert b"content-length: 5" in head
        assert b"connection: close" not in head
    assert app.bodies == [b"abc"] * 3


@pytest.mark.parametrize(
    "pieces",
    [
        [WHOLE[:-1], b"c"],
        [WHOLE.replace(b"/invocations", b"/ping")],
        [WHOLE.replace(b"POST", b"PUT")],
        [WHOLE.replace(b"Host: x", b"Expect: 100-continue")],
        [WHOLE.replace(b"abc", b"url")],
    ],
    ids=["in pieces", "another path", "another method", "waits for 100", "has to be fetched"],
)
def test_other_requests_are_awaited(pieces: list[bytes], connect: Callable[..., Connection]) -> None:
    app = Taker()
    connection = connect(app)
    for piece in pieces:
        connection.send(piece)
    connection.wait(0)
    assert (connection.status, app.replies) == ("200 OK", [])
    assert connection.transport.written.endswith(b"\r\n\r\n3")


def test_requests_behind_each_other_are_answered_in_their_order(connect: Callable[..., Connection]) -> None:
    app = Taker()
    connection = connect(app)
    connection.send(WHOLE + POST + b"Content-Length: 5\r\n\r\nother")
    assert (app.bodies, connection.transport.written) == ([b"abc"], b"")
    app.replies[0](ONE)
    connection.wait(0)
    assert connection.transport.written.count(b"HTTP/1.1 200 OK") == 2
    assert connection.transport.written.endswith(b"\r\n\r\n5")


def test_thousands_of_requests_at_once_are_not_kept(connect: Callable[..., Connection]) -> None:
    """12,000 pings in one read took 100 MB, and a second of everybody's time."""
    connection = connect(Taker(at_once=Answer.refusal(415, "no")))
    connection.send(WHOLE * 3000)
    assert len(connection.protocol.pipeline) <= MAX_WAITING
    connection.wait(0.1)
    answers = connection.transport.written.split(b"HTTP/1.1 ")[1:]
    assert len(answers) == 1 + MAX_WAITING
    assert [b"connection: close" in answer for answer in answers] == [False] * MAX_WAITING + [True]
    assert connection.transport.closed


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(b"\0no request\r\n\r\n", id="no request"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n", id="a chunk without a size"),
        pytest.param(POST + b"Upgrade: foo\r\nConnection: Upgrade\r\n\r\n", id="an upgrade"),
        pytest.param(POST + b"X: " + b"a" * 2 * MAX_HEAD_BYTES, id="too long a header"),
    ],
)
@pytest.mark.parametrize("is_together", [True, False])
def test_what_is_refused_does_not_answer_the_request_before_it(
    refused: bytes, is_together: bool, connect: Callable[..., Connection]
) -> None:
    app = Taker()
    connection = connect(app)
    for piece in [WHOLE + refused] if is_together else [WHOLE, refused, b"and more"]:
        connection.send(piece)
    connection.send(refused)  # is not read any more
    assert (connection.transport.written, connection.transport.closed) == (b"", False)
    app.replies[0](ONE)
    assert connection.transport.written.count(b"HTTP/1.1 ") == 1
    assert (connection.status, connection.transport.written[-5:]) == ("200 OK", b"[[1]]")
    assert b"connection: close\r\n" in connection.transport.written
    assert connection.transport.closed


def test_a_request_that_stops_being_one_is_400(connect: Callable[..., Connection]) -> None:
    connection = connect()
    connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    connection.send(b"no size\r\n")
    assert (connection.status, connection.transport.closed) == ("400 Bad Request", True)
    assert b'{"error": "this is no HTTP request' in connection.transport.written


def test_a_client_that_goes_away_is_noticed_whatever_it_sent(connect: Callable[..., Connection]) -> None:
    """A body over 64 KiB stopped the reading: 240 such clients kept others waiting for what nobody wanted."""
    app = Taker()
    connection, another = connect(app), connect(app)
    large = POST + b"Content-Length: 100000\r\n\r\n" + bytes(100_000)
    connection.send(large)
    assert connection.transport.is_read
    another.send(large + WHOLE)
    assert not another.transport.is_read  # what comes after two requests has to wait


def test_a_client_that_wants_no_more_is_told_so_and_its_connection_is_closed(
    connect: Callable[..., Connection],
) -> None:
    app = Taker()
    connection = connect(app)
    connection.send(WHOLE.replace(b"Host: x", b"Connection: close"))
    app.replies[0](ONE)
    assert b"connection: close\r\n" in connection.transport.written
    assert connection.transport.closed


def test_a_stop_waits_for_an_answer_that_is_owed(connect: Callable[..., Connection]) -> None:
    app = Taker()
    connection = connect(app)
    connection.send(WHOLE)
    connection.protocol.shutdown()
    assert not connection.transport.closed
    app.replies[0](ONE)
    assert connection.status == "200 OK"
    assert connection.transport.closed


def test_a_client_that_went_away_is_left(connect: Callable[..., Connection]) -> None:
    app = Taker()
    connection = connect(app)
    connection.send(WHOLE)
    connection.protocol.connection_lost(None)
    app.replies[0](ONE)
    assert (app.has_left, connection.transport.written) == (True, b"")


@pytest.mark.parametrize("pieces", [[WHOLE], [WHOLE[:-1], b"c"]], ids=["at once", "in pieces"])
def test_nothing_is_written_for_a_client_that_went_away_with_a_request_waiting(
    pieces: list[bytes], connect: Callable[..., Connection]
) -> None:
    """To write to a closed connection was an error with a traceback in the log, for each such client."""
    app = Taker()
    connection = connect(app)
    for piece in pieces:
        connection.protocol.data_received(piece)
    connection.protocol.data_received(WHOLE)
    connection.protocol.connection_lost(ConnectionResetError())
    for reply in app.replies:
        reply(ONE)
    connection.wait(0)
    assert connection.transport.written == b""


def test_who_does_not_read_answers_is_awaited(connect: Callable[..., Connection]) -> None:
    """A task waits for room; without one, unread answers would fill the memory."""
    app = Taker(at_once=ONE)
    connection = connect(app)
    connection.protocol.pause_writing()
    connection.send(WHOLE)
    assert (app.bodies, connection.transport.written) == ([], b"")
    connection.protocol.resume_writing()
    connection.wait(0)
    assert connection.status == "200 OK"


def test_who_never_reads_answers_is_left(
    connect: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each such client held a connection, and a stop, for ever."""
    monkeypatch.setattr(protocol, "UNREAD_TIMEOUT_S", 0.05)
    silent, slow, last = (connect(Taker(at_once=ONE)) for _ in range(3))
    silent.protocol.pause_writing()
    silent.send(WHOLE)
    slow.protocol.pause_writing()
    slow.protocol.resume_writing()
    last.protocol.pause_writing()
    last.protocol.resume_writing()
    last.send(WHOLE.replace(b"Host: x", b"Connection: close"))
    assert [each.transport.aborted for each in (silent, slow, last)] == [False] * 3
    silent.wait(0.2)
    assert [each.transport.aborted for each in (silent, slow)] == [True, False]
    last.wait(0.2)
    assert last.transport.aborted  # the transport is still there: something is not read


def test_an_idle_connection_with_unread_answers_ends(
    connect: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "UNREAD_TIMEOUT_S", 0.05)
    idle, refused = connect(), connect()
    idle.protocol.timeout_keep_alive_handler()
    refused.send(b"no request\r\n\r\n")
    idle.protocol.resume_writing()
    idle.wait(0.2)
    refused.wait(0.2)
    assert (idle.transport.aborted, refused.transport.aborted) == (True, True)
