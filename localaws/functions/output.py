"""What a function prints: read in the event loop, kept for LogResult, sent to CloudWatch Logs."""

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from typing import Protocol

from localaws.functions.invocations import LOG_TAIL_BYTES

READ_BYTES = 1 << 13
"""Bytes read at a time; between two reads of a function that prints without end, other work gets its turn."""
LINE_LIMIT = 262_144
"""Bytes of one log event; a longer line is cut into several (the limit of PutLogEvents)."""


class LineWriter(Protocol):
    """Where log lines go."""

    def write(self, line: str) -> None:
        """Append one event."""
        ...


class FunctionLog:
    """One log stream and the end of what the current invocation has written."""

    def __init__(self, stream: LineWriter) -> None:
        self._stream = stream
        self._tail = b""

    def write(self, line: str) -> None:
        """Append one event, whose lines the Python runtimes hold together with carriage returns."""
        text = line.replace("\r", "\n")
        self._stream.write(text)
        self._tail = (self._tail + text.encode() + b"\n")[-LOG_TAIL_BYTES:]

    def announce(self, line: str) -> None:
        """Append one event that is for CloudWatch only: LogResult begins with an invocation's START."""
        self._stream.write(line)

    def take_tail(self) -> bytes:
        """Return the last 4 KiB since the last call."""
        tail, self._tail = self._tail, b""
        return tail


class OutputPipe:
    """The pipe that is a child's stdout and stderr.

    A child writes its output before it posts its answer, so `drain`, called when the answer comes, finds all
    of it: log lines are never late and never belong to the wrong invocation. What a thread goes on printing
    meanwhile is read later, in turn with everything else.
    """

    def __init__(self, log: FunctionLog) -> None:
        self._log = log
        self._partial = b""
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._read)

    def close_write_end(self) -> None:
        """Close our copy of the child's end, once the child has its own."""
        with contextlib.suppress(OSError):
            os.close(self.write_end)

    def drain(self) -> None:
        """Hand on what has been written until now; never waits."""
        left = self._waiting_bytes()
        while left > 0 and (read := self._read(min(left, READ_BYTES))):
            left -= read

    def _waiting_bytes(self) -> int:
        """Return how many bytes lie in the pipe."""
        answer = fcntl.ioctl(self._read_end, termios.FIONREAD, bytes(struct.calcsize("i")))
        found: int = struct.unpack("i", answer)[0]
        return found

    def _read(self, most: int = READ_BYTES) -> int:
        """Read once; return how many bytes there were."""
        try:
            data = os.read(self._read_end, most)
        except BlockingIOError:
            return 0
        if not data:
            self._loop.remove_reader(self._read_end)
        self._split(data)
        return len(data)

    def _split(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._write(line)
        while len(self._partial) >= LINE_LIMIT:
            self._write(self._partial[:LINE_LIMIT])
            self._partial = self._partial[LINE_LIMIT:]

    def _write(self, line: bytes) -> None:
        self._log.write(line.decode("utf-8", errors="replace").rstrip("\r"))

    def flush(self) -> None:
        """Hand on what has been written, a last line without an end too."""
        self.drain()
        if self._partial:
            self._write(self._partial)
            self._partial = b""

    def close(self) -> None:
        """Stop reading."""
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
