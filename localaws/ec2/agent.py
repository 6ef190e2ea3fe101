"""The way to the agent of Systems Manager in one instance: `children/instance_agent.py` connects to it.

The socket lies in the folder that an instance sees as /run/localaws, so that an instance reaches its own
only. As on AWS, root in an instance can be its agent; nobody else there may connect.
"""

import base64
import contextlib
import json
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "agent.sock"
MAX_CONNECTIONS = 16
"""Of which the agent needs five; what comes beyond is closed."""
MAX_ANSWER = 32 << 20
"""Bytes of an answer: two outputs of 8 MiB in base64, and room."""
LOOK_S = 0.2
"""Real seconds in which an order to give up is noticed."""
AWAY_S = 5.0
"""Real seconds without a connection in which an agent still counts as there: after each command its workers
connect anew, half a second later."""
SEND_S = 5.0
"""Real seconds in which an agent must take a command."""


class LostAgentError(Exception):
    """The agent has gone with the command: its instance is off, or it was killed."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """What an agent is to run."""

    text: str
    cwd: str
    folder: Path
    """Where the instance keeps script and output."""

    def as_line(self) -> bytes:
        """Return it as it travels."""
        found = {"script": self.text, "cwd": self.cwd, "folder": str(self.folder)}
        return json.dumps(found).encode() + b"\n"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What has become of it."""

    code: int
    stdout: bytes
    stderr: bytes


class Agent:
    """`open` it when an instance is switched on, `close` it when that is switched off. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: deque[socket.socket] = deque()
        self._busy: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._seen_at = -AWAY_S
        self.has_connected = False
        """Whether an agent has ever connected: Systems Manager knows its instance from then on."""

    def open(self, folder: Path) -> None:
        """Listen in a folder; raises OSError."""
        self.close()
        listener = socket.socket(socket.AF_UNIX)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:  # by this path, as that of a socket may have 108 bytes only
            listener.bind(f"/proc/self/fd/{descriptor}/{NAME}")
            (folder / NAME).chmod(0o600)
            listener.listen(MAX_CONNECTIONS)
        except OSError:
            listener.close()
            raise
        finally:
            os.close(descriptor)
        with self._lock:
            self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="ssm-agent", daemon=True).start()

    def close(self) -> None:
        """Close what waits; commands that run find out by themselves."""
        with self._lock:
            listener, self._listener = self._listener, None
            idle, self._idle = self._idle, deque()
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
            listener.close()
        for line in idle:
            line.close()

    @property
    def is_connected(self) -> bool:
        """Whether there is an agent: one that waits for commands, or works on as many as it can."""
        with self._lock:
            if self._busy or any(not is_readable(line) for line in self._idle):
                self._seen_at = time.monotonic()
            return self._listener is not None and time.monotonic() - self._seen_at < AWAY_S

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            if not self._keep(line, listener):
                line.close()

    def _keep(self, line: socket.socket, listener: socket.socket) -> bool:
        """Keep a connection, and none whose other end has closed; False where there is no room for it."""
        with self._lock:
            for gone in [each for each in self._idle if is_readable(each)]:
                self._idle.remove(gone)
                gone.close()
            if self._listener is not listener or len(self._idle) >= MAX_CONNECTIONS:
                return False
            self._idle.append(line)
            self.has_connected = True
            return True

    def take(self) -> "Delivery | None":
        """Return a connection that waits for a command; None where there is none now."""
        with self._lock:
            while self._idle:
                line = self._idle.popleft()
                if not is_readable(line):
                    self._busy.add(line)
                    return Delivery(line, release=self._release)
                line.close()
        return None

    def _release(self, line: socket.socket) -> None:
        with self._lock:
            self._busy.discard(line)
            self._seen_at = time.monotonic()
        line.close()


class Delivery:
    """One connection, good for one command."""

    def __init__(self, line: socket.socket, *, release: Callable[[socket.socket], None]) -> None:
        self._line = line
        self._release = release

    def run(self, script: Script, *, is_over: Callable[[], bool]) -> Ran | None:
        """Run a script to its end; None, and it is killed, once `is_over` says so. Raises LostAgentError."""
        try:
            self._line.settimeout(SEND_S)
            self._line.sendall(script.as_line())
            answer = self._read(is_over)
            return None if answer is None else read_answer(answer)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise LostAgentError(str(error)) from error
        finally:
            self._release(self._line)

    def _read(self, is_over: Callable[[], bool]) -> bytes | None:
        received = bytearray()
        while not received.endswith(b"\n"):
            if is_over():
                return None
            if not is_readable(self._line, wait_s=LOOK_S):
                continue
            data = self._line.recv(1 << 20)
            if not data or len(received) > MAX_ANSWER:
                raise LostAgentError("the agent has closed the connection")
            received += data
        return bytes(received)


def read_answer(line: bytes) -> Ran:
    """Read what an agent answers; raises ValueError, LookupError or TypeError for what is none."""
    found: Any = json.loads(line)
    return Ran(
        code=int(found["code"]),
        stdout=base64.b64decode(found["stdout"], validate=True),
        stderr=base64.b64decode(found["stderr"], validate=True),
    )


def is_readable(line: socket.socket, *, wait_s: float = 0.0) -> bool:
    """Tell whether a connection has data, or has ended, within so many real seconds.

    One that waits for a command has none: the agent is asked first.
    """
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return bool(poll.poll(wait_s * 1000))
