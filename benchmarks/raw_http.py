"""A load generator that costs little: requests written beforehand, one thread, kept-alive connections."""

import contextlib
import select
import socket
import time
from collections.abc import Iterator, Sequence

ANSWER_S = 60.0
"""Seconds in which at least one of all connections must hear something."""


class Connection:
    """One connection, kept alive where the server keeps it; it reads answers whatever their bodies are."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._room = bytearray(1 << 18)
        self._head = b""
        self._left = -1
        self._is_closed = False
        self.socket = self._connect()

    def _connect(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self._port), timeout=ANSWER_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def send(self, request: Sequence[bytes]) -> None:
        """Send one request, over a new connection where the server closes the old one."""
        if self._is_closed:
            self.socket.close()
            self.socket = self._connect()
        for piece in request:
            self.socket.sendall(piece)
        self._head, self._left = b"", -1

    def read(self) -> bool:
        """Read what is there; tell whether the answer is whole. Raises RuntimeError for all but 200."""
        count = self.socket.recv_into(self._room)
        if count == 0:
            raise RuntimeError("the server closed the connection")
        if self._left >= 0:
            self._left -= count
            return self._left == 0
        self._head += self._room[:count]
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._head[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"the server answered {self._head[:500]!r}")
        self._is_closed = b"\r\nconnection: close" in head
        start = head.find(b"\r\ncontent-length:")
        length = int(head[start + 17 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        self._left = length - (len(self._head) - end - 4)
        return self._left == 0


def seconds_for(requests: Iterator[Sequence[bytes]], *, port: int, connections: int) -> float:
    """Send all requests over some connections, each busy all the time; return the seconds.

    Raises RuntimeError where no server answers for ANSWER_S.
    """
    with contextlib.closing(select.epoll()) as waiting:
        started = time.perf_counter()
        busy: dict[int, Connection] = {}
        for _, request in zip(range(connections), requests, strict=False):
            _start(Connection(port), request, waiting, busy)
        while busy:
            ready = waiting.poll(ANSWER_S)
            if not ready:
                raise RuntimeError(f"no answer on port {port} for {ANSWER_S} s")
            for number, _ in ready:
                connection = busy[number]
                if not connection.read():
                    continue
                del busy[number]
                waiting.unregister(number)
                following = next(requests, None)
                if following is not None:
                    _start(connection, following, waiting, busy)
                else:
                    connection.socket.close()
        return time.perf_counter() - started


def _start(
    connection: Connection, request: Sequence[bytes], waiting: select.epoll, busy: dict[int, Connection]
) -> None:
    connection.send(request)
    busy[connection.socket.fileno()] = connection
    waiting.register(connection.socket, select.EPOLLIN)
