"""A load generator that costs little: requests written beforehand, one thread, kept-alive connections.

It takes processors that the servers could use, the more of them the faster a server is.
"""

import contextlib
import functools
import select
import socket
import time
from collections.abc import Iterator, Sequence

ANSWER_S = 60.0
"""Seconds in which at least one of all connections must hear something."""
OK = b"HTTP/1.1 200"
ROOM_BYTES = 1 << 18
"""Read at once, at most."""


class Connection:
    """One connection, kept alive where the server keeps it; it reads answers whatever their bodies are."""

    def __init__(self, port: int, waiting: select.epoll) -> None:
        self._port, self._waiting = port, waiting
        self._head = b""
        self._left = -1
        self._is_closed = False
        self.socket = self._connect()

    def _connect(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self._port), timeout=ANSWER_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._waiting.register(opened, select.EPOLLIN)
        return opened

    def close(self) -> None:
        """Close it, again if need be."""
        self.socket.close()

    def send(self, request: Sequence[bytes]) -> None:
        """Send one request, over a new connection where the server closes the old one."""
        if self._is_closed:
            self.socket.close()  # which epoll forgets by itself
            self.socket = self._connect()
        for piece in request:
            self.socket.sendall(piece)
        self._head, self._left = b"", -1

    def read(self, room: bytearray) -> bool:
        """Read what is there; tell whether the answer is whole. Raises RuntimeError for all but 200."""
        count = self.socket.recv_into(room)
        if count == 0:
            raise RuntimeError("the server closed the connection")
        if self._left >= 0:
            self._left -= count
            return self._left == 0
        self._head += room[:count]
        if not self._head.startswith(OK[: len(self._head)]):
            raise RuntimeError(f"the server answered {self._head[:500]!r}")
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return False
        length, self._is_closed = read_head(self._head[:end])
        self._left = length - (len(self._head) - end - 4)
        return self._left == 0


@functools.lru_cache(maxsize=64)  # the heads of a second's answers are few
def read_head(head: bytes) -> tuple[int, bool]:
    """Return the length of the answer's body, and whether the server closes the connection."""
    lower = head.lower()
    start = lower.find(b"\r\ncontent-length:")
    length = int(lower[start + 17 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
    return length, b"\r\nconnection: close" in lower


def seconds_for(requests: Iterator[Sequence[bytes]], *, port: int, connections: int) -> float:
    """Send all requests over some connections, each busy all the time; return the seconds.

    Raises RuntimeError where no server answers for ANSWER_S.
    """
    room = bytearray(ROOM_BYTES)
    with contextlib.closing(select.epoll()) as waiting, contextlib.ExitStack() as opened:
        started = time.perf_counter()
        busy: dict[int, Connection] = {}
        for _, request in zip(range(connections), requests, strict=False):
            connection = Connection(port, waiting)
            opened.callback(connection.close)
            _send(connection, request, busy)
        while busy:
            ready = waiting.poll(ANSWER_S)
            if not ready:
                raise RuntimeError(f"no answer on port {port} for {ANSWER_S} s")
            for number, _ in ready:
                connection = busy[number]
                if connection.read(room):
                    del busy[number]
                    following = next(requests, None)
                    if following is not None:
                        _send(connection, following, busy)
                    else:
                        connection.close()
        return time.perf_counter() - started


def _send(connection: Connection, request: Sequence[bytes], busy: dict[int, Connection]) -> None:
    connection.send(request)
    busy[connection.socket.fileno()] = connection
