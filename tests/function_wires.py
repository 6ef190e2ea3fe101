"""Sockets in memory for the function: what comes from them, when, and by a clock that only they move."""

from __future__ import annotations

import http.client
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

from aws_credentials import RoleCredentials
from endpoint_client import EndpointClient
from lambda_settings import read_settings
from model_answers import MAX_ANSWER_BYTES
from musher_lambda import Function

from tests.function_connections import ENVIRON, QUIET, Clock

NEWS = os.eventfd(1)
"""A file that can always be read."""
END = b""
"""The other side has closed."""
Piece = tuple[float, bytes | Exception]
"""What comes, and the seconds that it takes."""


def at_once(*pieces: bytes | Exception) -> list[Piece]:
    """Return pieces that come without delay."""
    return [(0.0, piece) for piece in pieces]


def drip(data: bytes, *, each_s: float, size: int = 1) -> list[Piece]:
    """Return data that comes in small pieces, each of them after some seconds."""
    return [(each_s, data[start : start + size]) for start in range(0, len(data), size)]


class Wire:
    """What is used of a socket. The next answer begins to come once something was sent."""

    def __init__(
        self, clock: Clock, *answers: Sequence[Piece], sends: Sequence[tuple[float, int | Exception]] = ()
    ) -> None:
        self._clock, self._answers, self._sends = clock, list(answers), list(sends)
        self._incoming: list[Piece] = []
        self._is_asked = False
        self._readers = 0
        self._is_closed = False
        self._timeout_s = 0.0
        self.sent = bytearray()

    @property
    def is_closed(self) -> bool:
        """Whether the other side would see it: as of a real one, once nothing reads from it any more."""
        return self._is_closed and not self._readers

    @property
    def questions(self) -> list[bytes]:
        """Return the requests that were begun."""
        return [b"POST " + rest for rest in bytes(self.sent).split(b"POST ")[1:]]

    def settimeout(self, seconds: float) -> None:
        """Let the next call take so long."""
        assert seconds > 0, "0 would not block at all"
        self._timeout_s = seconds

    def send(self, data: memoryview) -> int:
        """Take as much as the test says, or all."""
        seconds, outcome = self._sends.pop(0) if self._sends else (0.0, len(data))
        self._spend(seconds)
        if isinstance(outcome, Exception):
            raise outcome
        self.sent += data[:outcome]
        self._is_asked = True
        return min(outcome, len(data))

    def receive(self, size: int) -> bytes:
        """Return what comes next."""
        if self._is_asked and self._answers:
            self._incoming += self._answers.pop(0)
        self._is_asked = False
        if not self._incoming:
            self._spend(float("inf"))
        seconds, piece = self._incoming[0]
        self._spend(seconds)
        if isinstance(piece, Exception):
            raise piece
        if piece == END:
            return END
        self._incoming[0] = (0.0, piece[size:])
        if not piece[size:]:
            del self._incoming[0]
        return piece[:size]

    def _spend(self, seconds: float) -> None:
        self._clock.advance(min(seconds, self._timeout_s))
        if seconds > self._timeout_s:
            raise TimeoutError("timed out")

    def makefile(self, _mode: str, *, buffering: int) -> io.RawIOBase:
        """Return what is read from."""
        assert buffering == 0
        self._readers += 1
        return _Incoming(self)

    def release(self) -> None:
        """Forget one that was read from."""
        self._readers -= 1

    def fileno(self) -> int:
        """Return a file that can be read where something has come."""
        return NEWS if self._incoming and not self._incoming[0][0] else QUIET

    def close(self) -> None:
        """End it."""
        self._is_closed = True


class _Incoming(io.RawIOBase):
    """The raw file of a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._wire.receive(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._wire.release()
        super().close()


class Wires:
    """The connections that a client opens, one after the other: wires, or why there is none."""

    def __init__(self, *waiting: Wire | Exception) -> None:
        self._waiting = list(waiting)
        self.opened: list[Wire] = []
        self.deadlines: list[float] = []

    @property
    def questions(self) -> list[bytes]:
        """Return all requests that were begun."""
        return [question for wire in self.opened for question in wire.questions]

    def connect(self, deadline: float) -> http.client.HTTPConnection:
        """Open the next one."""
        self.deadlines.append(deadline)
        found = self._waiting.pop(0)
        if isinstance(found, Exception):
            raise found
        self.opened.append(found)
        connection = http.client.HTTPConnection("wire")
        connection.auto_open = 0
        connection.sock = found
        return connection

    def client(self, credentials: RoleCredentials | None = None) -> EndpointClient:
        """Return a client on them."""
        return EndpointClient(
            read_settings(ENVIRON),
            credentials or RoleCredentials(ENVIRON),
            connect=self.connect,
            max_answer_bytes=MAX_ANSWER_BYTES,
        )

    def function(self) -> Function:
        """Return a function on them."""
        return Function(read_settings(ENVIRON), self.client())


def http_answer(body: bytes, *, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> bytes:
    """Return an answer as it goes over the wire, with its length."""
    named = {"Content-Length": str(len(body))} | dict(headers or {})
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
