"""The benchmarks' load generator reads whole answers, opens what a server closes, and takes only 200."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.raw_http import seconds_for

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"


class Server(socketserver.ThreadingTCPServer):
    """Answers each request by the same pieces."""

    daemon_threads = True
    pieces: tuple[bytes, ...] = ()
    is_closing = False
    connections = requests = 0


class Handler(socketserver.StreamRequestHandler):
    """One connection of it."""

    disable_nagle_algorithm = True
    server: Server

    def handle(self) -> None:
        self.server.connections += 1
        while self.rfile.readline().startswith(b"POST"):
            while self.rfile.readline().strip():
                pass
            self.server.requests += 1
            for piece in self.server.pieces:
                self.wfile.write(piece)
            if self.server.is_closing:
                return


@contextmanager
def answering(*pieces: bytes, is_closing: bool = False) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.pieces, server.is_closing = pieces, is_closing
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def ask(server: Server, count: int) -> float:
    return seconds_for(iter([(REQUEST,)] * count), port=server.server_address[1], connections=2)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",),
        (b"HT", b"TP/1.1 200 OK\r\nContent-Length: 300000\r\n", b"\r\n" + b"x" * 299_999, b"y"),
        (b"HTTP/1.1 200 OK\r\n\r\n",),
    ],
)
def test_answers_come_whole_or_in_pieces_over_connections_that_stay(pieces: tuple[bytes, ...]) -> None:
    with answering(*pieces) as server:
        assert ask(server, 20) > 0
        assert (server.requests, server.connections) == (20, 2)


def test_what_the_server_closes_is_opened_anew() -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with answering(answer, is_closing=True) as server:
        ask(server, 6)
        assert (server.requests, server.connections) == (6, 6)


def test_another_status_than_200_ends_the_load_with_the_answer() -> None:
    with (
        answering(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nlate") as server,
        pytest.raises(RuntimeError, match=r"503 Busy.*late"),
    ):
        ask(server, 4)
