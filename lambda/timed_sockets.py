"""A socket whose sends and receives, all together, end at one moment.

A socket's own time limit begins anew with each of them: who sends a byte of a header now and then, or one
`100 Continue` after the other, holds http.client for ever.
"""

import io
import select
import socket
import time
from typing import Any


class TimedSocket:
    """What http.client uses of a socket; TimeoutError for whatever is not done at the deadline."""

    def __init__(self, sock: socket.socket, *, deadline: float = 0.0) -> None:
        """Take a socket that is open; `deadline` is of time.monotonic."""
        self._sock, self.deadline = sock, deadline
        self.has_leftover = False
        """Whether more came with an answer than it is long."""
        self.asked_at = 0.0
        """When the present question began (of time.monotonic)."""
        self.has_begun = self.has_ended = False
        """Whether anything has come since then, and whether the other side has ended."""

    def begin(self, deadline: float) -> None:
        """Begin a question, whose answer ends at the deadline."""
        self.deadline, self.asked_at = deadline, time.monotonic()
        self.has_begun = self.has_ended = False

    def spend(self) -> None:
        """Give the next call what is left of the time."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this answer is over")
        self._sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            self.spend()
            left = left[self._sock.send(left) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what an answer is read from, as http.client asks for it: mode "rb"."""
        return _AnswerReader(_Reader(self, self._sock.makefile("rb", buffering=0)))

    def has_news(self) -> bool:
        """Return whether something came, or the other side has closed: also what TLS has read already."""
        pending = getattr(self._sock, "pending", None)
        if self.has_leftover or (pending is not None and pending()):
            return True
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """End it, once nothing is read from it any more."""
        self._sock.close()


class _Reader(io.RawIOBase):
    """The bytes that come."""

    def __init__(self, timed: TimedSocket, raw: io.RawIOBase) -> None:
        self.timed, self._raw = timed, raw
        self.is_over = False
        """Whether nothing more is taken from the socket: what is read after that was read before."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_over:
            return 0
        self.timed.spend()
        count = self._raw.readinto(buffer)
        self.timed.has_begun |= bool(count)
        self.timed.has_ended |= count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _AnswerReader(io.BufferedReader):
    """The bytes of one answer; as it is closed, it tells what it holds beyond that."""

    raw: _Reader

    def close(self) -> None:
        if not self.closed:
            self.raw.is_over = True
            self.raw.timed.has_leftover |= bool(self.peek(1))
        super().close()
