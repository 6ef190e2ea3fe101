"""The Runtime API's HTTP, fed by hand: no socket."""

import json

import pytest

from localaws.functions.invocations import RESPONSE_LIMIT
from localaws.functions.runtime_api import ApiCall, RuntimeProtocol


class Transport:
    """What a connection writes."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """Note what is written."""
        self.written += data

    def close(self) -> None:
        """Note the end."""
        self.is_closed = True


class Connection:
    """A connection, what it has heard, and what it has said."""

    def __init__(self) -> None:
        self.calls: list[ApiCall] = []
        self.protocol = RuntimeProtocol(self.calls.append)
        self.transport = Transport()
        self.protocol.connection_made(self.transport)  # type: ignore[arg-type]

    def feed(self, *pieces: bytes) -> None:
        """Let data come in."""
        for piece in pieces:
            self.protocol.data_received(piece)


@pytest.fixture
def connection() -> Connection:
    """Return a new connection."""
    return Connection()


NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n"
POST = b"POST /2018-06-01/runtime/invocation/r-1/response HTTP/1.1\r\nHost: 127.0.0.1:9\r\nX-Mine: Yes\r\n"


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
def test_a_request_may_come_in_pieces(connection: Connection, size: int) -> None:
    request = POST + b'Content-Length: 7\r\n\r\n{"a":1}'
    connection.feed(*(request[start : start + size] for start in range(0, len(request), size)))
    (call,) = connection.calls
    assert (call.method, call.path) == ("POST", "/2018-06-01/runtime/invocation/r-1/response")
    assert (call.body, call.size, call.headers["x-mine"]) == (b'{"a":1}', 7, "Yes")


def test_a_body_may_come_in_chunks(connection: Connection) -> None:
    """Custom runtimes stream their answers so."""
    connection.feed(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
    assert [(call.body, call.size) for call in connection.calls] == [(b"abcde", 5)]


def test_one_connection_has_many_requests(connection: Connection) -> None:
    connection.feed(NEXT + POST + b"Content-Length: 2\r\n\r\n{}" + NEXT)
    assert [call.method for call in connection.calls] == ["GET", "POST", "GET"]
    assert connection.calls[2].body == b""
    assert "x-mine" not in connection.calls[2].headers, "headers do not outlive their request"


def test_of_a_body_over_the_limit_the_size_is_known_and_the_rest_is_not_kept(connection: Connection) -> None:
    size = RESPONSE_LIMIT + 1
    connection.feed(POST + f"Content-Length: {size}\r\n\r\n".encode())
    piece = b"x" * 1_000_000
    for start in range(0, size, len(piece)):
        connection.feed(piece[: size - start])
    (call,) = connection.calls
    assert call.size == size
    assert len(call.body) <= RESPONSE_LIMIT


def test_an_answer_is_whole_http(connection: Connection) -> None:
    connection.feed(NEXT)
    connection.calls[0].respond(200, b"{}", {"Lambda-Runtime-Aws-Request-Id": "r-1"})
    head, _, body = connection.transport.written.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Content-Length: 2",
        b"Lambda-Runtime-Aws-Request-Id: r-1",
    ]
    assert body == b"{}"


def test_what_is_taken_is_accepted_and_what_is_not_told_why(connection: Connection) -> None:
    connection.feed(NEXT + NEXT)
    connection.calls[0].accept()
    connection.calls[1].refuse(413, error_type="RequestEntityTooLarge", message="no")
    first, _, second = connection.transport.written.partition(b'{"status":"OK"}\n')
    assert first.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert second.startswith(b"HTTP/1.1 413 Payload Too Large\r\n")
    assert json.loads(second.partition(b"\r\n\r\n")[2]) == {
        "errorMessage": "no",
        "errorType": "RequestEntityTooLarge",
    }


def test_a_client_that_asks_for_leave_is_told_to_go_on(connection: Connection) -> None:
    connection.feed(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert connection.transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.feed(b"{}")
    assert connection.calls[0].body == b"{}"


@pytest.mark.parametrize("noise", [b"\x00\x01\x02\r\n\r\n", b"HELLO\r\n\r\n", b"GET / SMTP/1.0\r\n\r\n"])
def test_what_is_no_http_ends_its_connection(connection: Connection, noise: bytes) -> None:
    connection.feed(noise)
    assert connection.transport.is_closed
    assert connection.calls == []


def test_an_answer_after_the_end_goes_nowhere(connection: Connection) -> None:
    connection.feed(NEXT)
    connection.protocol.connection_lost(None)
    connection.calls[0].accept()
    assert connection.transport.written == b""


@pytest.mark.parametrize(
    "header",
    [
        b"Host: rebound.example:9",
        b"Host: a b",
        b"Host: 127.0.0.1:9\r\nOrigin: null",
        b"Host: ::1\r\nSec-Fetch-Site: none",
    ],
    ids=["a name that leads here", "nonsense", "a page", "a browser"],
)
def test_a_web_page_gets_no_event_and_answers_none(connection: Connection, header: bytes) -> None:
    connection.feed(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n" + header + b"\r\n\r\n")
    assert connection.calls == []
    assert connection.transport.is_closed


@pytest.mark.parametrize("header", [b"X: y", b"Host: localhost:9", b"Host: [::1]:9"])
def test_a_runtime_may_call_this_machine_by_any_of_its_names(connection: Connection, header: bytes) -> None:
    connection.feed(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n" + header + b"\r\n\r\n")
    assert len(connection.calls) == 1


def test_headers_without_end_end_the_connection(connection: Connection) -> None:
    connection.feed(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(20):
        connection.feed(b"y" * 65_536)
    assert connection.transport.is_closed
