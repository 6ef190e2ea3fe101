"""The function and a real HTTP server: one connection, dropped and slow ones, over sockets."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import endpoint_client
import pytest
from aws_credentials import get_plainly
from musher_lambda import Function, make_function

from tests.function_connections import ENVIRON

HEAD, CHUNKED = b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\n[[1]]\r\n0\r\n"
OTHER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[[9]]"
SCRIPTS = {
    "slow header": (HEAD, [b"X"] * 100),
    "endless continues": (b"", [b"HTTP/1.1 100 Continue\r\n\r\n"] * 100),
    "slow trailers": (HEAD + CHUNKED, [b"X: y\r\n"] * 100),
    "early hints": (b"HTTP/1.1 103 Early Hints\r\n\r\n", [OTHER]),
    "two answers": (OTHER + OTHER, []),
    "an answer and a half": (OTHER + OTHER[:30], []),
    "cut": (HEAD + b"Content-Length: 50\r\n\r\n[[1", []),
}
"""What is written at once, and then ten times a second."""


class Server(ThreadingHTTPServer):
    """Answers [[1]], counts connections, and does once what a test asks for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections, self.requests, self.tricks = 0, 0, list[str]()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server
    rest = b""
    """What of an answer comes only once the next question is there."""

    def setup(self) -> None:
        """Count it."""
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        """Answer, or play a trick."""
        self.rfile.read(int(self.headers["content-length"]))
        self.server.requests += 1
        self.wfile.write(self.rest)
        self.rest = b""
        trick = self.server.tricks.pop(0) if self.server.tricks else ""
        if trick == "hang":
            time.sleep(30)
        if trick in SCRIPTS:
            self.close_connection = trick == "cut"
            first, rest = SCRIPTS[trick]
            self.rest = OTHER[30:] if trick == "an answer and a half" else b""
            self.wfile.write(first)
            for piece in rest:
                time.sleep(0.1)
                self.wfile.write(piece)
            return
        if trick == "chunked":
            self.send_response(200)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"2\r\n[[\r\n3\r\n1]]\r\n0\r\n\r\n")
            return
        self.send_response(200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"[[1]]")
        self.close_connection = trick == "close"

    def do_GET(self) -> None:
        """Give what was asked with, as the service of credentials does not."""
        body = json.dumps({"path": self.path, "authorization": self.headers["authorization"]}).encode()
        self.send_response(200 if self.path != "/missing" else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Context:
    """What of Lambda's context is used."""

    aws_request_id = "1"

    def __init__(self, remaining_s: float) -> None:
        self._remaining_s = remaining_s

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left."""
        return int(self._remaining_s * 1000)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def function(server: Server) -> Iterator[Function]:
    made = make_function(ENVIRON | {"AWS_ENDPOINT_URL": server.url})
    yield made
    made._client.close()


def status(function: Function, *, remaining_s: float = 30.0) -> int:
    answer = function.handle({"url": "https://example.com/dog.jpg"}, Context(remaining_s))
    return int(answer["statusCode"])


def test_a_hundred_events_open_one_connection(server: Server, function: Function) -> None:
    assert {status(function) for _ in range(100)} == {200}
    assert server.connections == 1


@pytest.mark.parametrize(("trick", "connections"), [("close", 2), ("chunked", 1)])
def test_a_server_may_close_and_send_in_pieces(
    server: Server, function: Function, trick: str, connections: int
) -> None:
    server.tricks = ["", trick]
    assert [status(function) for _ in range(4)] == [200] * 4
    assert server.connections == connections


def test_an_endpoint_that_hangs_is_a_timeout_within_the_function_s_time(
    server: Server, function: Function
) -> None:
    server.tricks = ["hang"]
    started = time.monotonic()
    assert status(function, remaining_s=3.0) == 504
    assert time.monotonic() - started < 3.0
    assert status(function) == 200


def test_a_model_that_is_slow_is_not_asked_a_second_time(
    server: Server, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_client, "MIN_RETRY_LIMIT_S", 1.0)
    server.tricks = ["hang"]
    assert status(function, remaining_s=2.5) == 504
    assert server.requests == 1


@pytest.mark.parametrize("trick", ["slow header", "endless continues", "slow trailers"])
def test_what_comes_slowly_and_is_no_body_ends_within_the_function_s_time_too(
    server: Server, function: Function, trick: str
) -> None:
    server.tricks = [trick]
    started = time.monotonic()
    assert status(function, remaining_s=3.0) == 504
    assert time.monotonic() - started < 6.0  # all that is written takes ten seconds
    assert status(function) == 200


@pytest.mark.parametrize(("trick", "first"), [("early hints", 502), ("two answers", 200)])
def test_what_an_event_has_left_on_the_connection_is_no_answer_to_the_next(
    server: Server, function: Function, trick: str, first: int
) -> None:
    server.tricks = [trick]
    assert status(function, remaining_s=5.0) == first
    time.sleep(0.3)
    answer = function.handle({"url": "https://example.com/dog.jpg"}, Context(30.0))
    assert answer["body"] == "[[1]]"


def test_what_came_with_an_answer_and_is_more_ends_the_connection(server: Server, function: Function) -> None:
    """The rest of it comes with the next question, when nobody can tell it from an answer any more."""
    server.tricks = ["an answer and a half"]
    first, second = (function.handle({"url": "https://example.com/dog.jpg"}, Context(5.0)) for _ in range(2))
    assert (first["body"], second["body"]) == ("[[9]]", "[[1]]")
    assert server.connections == 2


def test_a_body_that_is_cut_off_is_asked_for_again(server: Server, function: Function) -> None:
    server.tricks = ["cut"]
    assert status(function) == 200


def test_an_endpoint_that_does_not_listen_is_not_reached() -> None:
    function = make_function(ENVIRON | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert status(function, remaining_s=5.0) == 502


def test_credentials_are_asked_for_with_path_and_token(server: Server) -> None:
    until = time.monotonic() + 5
    found = json.loads(get_plainly(f"{server.url}/role?x=1", {"Authorization": "token"}, until))
    assert found == {"path": "/role?x=1", "authorization": "token"}
    with pytest.raises(OSError, match="status 404"):
        get_plainly(f"{server.url}/missing", {}, until)
