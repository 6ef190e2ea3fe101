"""Child processes: each heard, bounded, and gone with all that it started, whatever happens.

Children are started by a process of ours (`children/keeper.py`), which gives each a PID namespace of its own
where there can be one, and whose own guard for each child kills what is left when the child's program ends,
when it is asked to, and when localaws ends.
"""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from localaws.errors import ChildStartError
from localaws.namespaces import View

logger = logging.getLogger(__name__)

PROGRAMS = Path(__file__).with_name("children")
"""Where the programs of other processes lie."""

LineHandler = Callable[[str], None]
TAIL_LINES = 40
"""Log lines kept in memory for failure reasons."""
STOP_GRACE_S = 10.0
"""Real seconds between SIGTERM and SIGKILL where the caller gives none."""
PUMP_JOIN_S = 2.0
"""Real seconds to wait for the last output of a child that has ended."""
LINE_CHARACTERS = 262_144
"""Characters of one line; a longer one is cut into several (PutLogEvents has a limit of 256 KiB)."""
START_S = 30.0
"""Real seconds in which a program must have been started, on however busy a machine."""
KILLED = -int(signal.SIGKILL)


class Child:
    """A program and all that it starts. Its output goes, line by line, to `on_line` and to `tail`."""

    def __init__(
        self, *, name: str, control: socket.socket, output: TextIO | None, on_line: LineHandler | None
    ) -> None:
        self.name = name
        self.pid = 0
        """The program's process, as this machine sees it."""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._control = control
        self._received = b""
        self._lock = threading.Lock()
        self._code: int | None = None
        self._output = output
        self._on_line = on_line
        self._pump = threading.Thread(target=self._read_lines, name=f"log-{name}", daemon=True)

    def begin(self, request: Mapping[str, object]) -> None:
        """Say what to start, and wait until it runs; raises ChildStartError where it could not be started."""
        said: str | None = ""
        with contextlib.suppress(OSError):
            self._control.settimeout(START_S)
            self._control.sendall(json.dumps(request).encode() + b"\n")
            self._control.settimeout(0)
            self._wait_readable(START_S)
            said = self._next_line()
        if said is None or not said.startswith("+"):
            reason = (said or "").removeprefix("!") or "the process that starts children does not answer"
            raise ChildStartError(f"{self.name} could not be started: {reason}")
        self.pid = int(said)
        if self._output is not None:
            self._pump.start()

    def _next_line(self) -> str | None:
        """Return the next line of the guard, None where it is still to come, "" where none will come."""
        while b"\n" not in self._received:
            try:
                data = self._control.recv(4096)
            except BlockingIOError:
                return None
            except OSError:
                return ""
            if not data:
                return ""
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line.decode(errors="replace")

    def _read_lines(self) -> None:
        assert self._output is not None
        with self._output as output:
            while line := output.readline(LINE_CHARACTERS):
                text = line.rstrip("\r\n")
                self.tail.append(text)
                if self._on_line is not None:
                    self._hand_on(self._on_line, text)

    def _hand_on(self, on_line: LineHandler, text: str) -> None:
        """Give a line to the handler; what the handler raises must not close the child's output."""
        try:
            on_line(text)
        except Exception:  # the thread's boundary
            logger.exception("a line of %s was not handled: %s", self.name, text)

    def fileno(self) -> int:
        """Return a file descriptor that becomes readable when the child ends; valid until it is reaped."""
        return self._control.fileno()

    def poll(self) -> int | None:
        """Return the program's exit code, negative for a signal, or None while it runs.

        Once there is a code, nothing that the program started runs any more.
        """
        with self._lock:
            if self._code is None and (said := self._next_line()) is not None:
                self._code = int(said or KILLED)
            return self._code

    def wait(self, *, timeout_s: float) -> int | None:
        """Wait for the end, at most `timeout_s` real seconds; return the exit code, or None if it runs on."""
        over = time.monotonic() + timeout_s
        while (code := self.poll()) is None and (left_s := over - time.monotonic()) > 0:
            self._wait_readable(left_s)
        return code

    def _wait_readable(self, timeout_s: float) -> None:
        poll = select.poll()
        with contextlib.suppress(ValueError, OSError):  # reaped meanwhile, by another thread
            poll.register(self._control, select.POLLIN)
            poll.poll(timeout_s * 1000)

    def terminate(self) -> None:
        """Send SIGTERM to the program and its process group; one that has ended is fine."""
        self._order(b"T")

    def freeze(self) -> None:
        """Send SIGUSR1 to the program, which stops what it has started; `thaw` lets that go on."""
        self._order(b"Z")

    def thaw(self) -> None:
        """Send SIGUSR2 to the program."""
        self._order(b"C")

    def kill(self) -> None:
        """Kill the program and all that it started; returns at once."""
        self._order(b"K")

    def _order(self, order: bytes) -> None:
        with contextlib.suppress(OSError):
            self._control.send(order)

    def join_output(self) -> None:
        """Hand on the output of a child that has ended."""
        if self._pump.ident is not None:
            self._pump.join(timeout=PUMP_JOIN_S)

    def close(self) -> None:
        """Kill what is left, wait for its end, and hand on its last output."""
        self.kill()
        self.wait(timeout_s=STOP_GRACE_S)
        self.join_output()
        if self._pump.ident is None and self._output is not None:
            self._output.close()
        self._control.close()


@contextlib.contextmanager
def open_output(given: int | None) -> Generator[tuple[TextIO | None, int], None, None]:
    """Give what a child writes to: `given`, or a pipe, which is closed here at the end, and its lines."""
    if given is not None:
        yield None, given
        return
    reading, writing = os.pipe()
    try:
        yield os.fdopen(reading, encoding="utf-8", errors="replace"), writing
    finally:
        os.close(writing)


class Supervisor:
    """Start and reap every child of localaws. Thread-safe.

    `scratch` is a folder that is removed at the end, whether this process closes the supervisor or is killed.
    """

    def __init__(self, *, scratch: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._closed = False
        self._refusal: str | None = None
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._keeper = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(PROGRAMS / "keeper.py"),
                    *([str(scratch)] if scratch else []),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def refusal(self) -> str:
        """Why children get no namespaces here, so that a View does nothing; empty where they get them."""
        with self._lock:
            if self._refusal is None:
                with self._socket.makefile("r", encoding="utf-8") as answers:
                    self._refusal = answers.readline().strip()
        return self._refusal

    def start(
        self,
        *,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        on_line: LineHandler | None = None,
        output: int | None = None,
        view: View | None = None,
    ) -> Child:
        """Start `argv` as the leader of a new process group, with stderr joined to stdout.

        Its output goes to `on_line` and the child's tail, or to the file descriptor `output` where one is
        given (the caller then reads and closes it). `cwd` is as the child sees it, by its `view`. Raises
        ChildStartError where the program cannot be started, or localaws is stopping.
        """
        view = view or View(is_container=False)
        request = {"argv": list(argv), "env": dict(env), "cwd": str(cwd)} | view.as_request()
        control, theirs = socket.socketpair()
        with open_output(output) as (lines, writing):
            child = Child(name=name, control=control, output=lines, on_line=on_line)
            self._begin(child, request, theirs=theirs, writing=writing)
        logger.info("started %s (pid %s)", name, child.pid)
        return child

    def _begin(
        self, child: Child, request: Mapping[str, object], *, theirs: socket.socket, writing: int
    ) -> None:
        """Hand the ends of a child to the keeper, and start its program; leave nothing where that fails."""
        try:
            with theirs:
                self._hand_over(theirs.fileno(), writing, name=child.name)
            child.begin(request)
            self._register(child)
        except BaseException:
            child.close()
            raise

    def _hand_over(self, *fds: int, name: str) -> None:
        with self._lock:
            self._check_open(name)
            with contextlib.suppress(OSError):  # where the keeper is gone, nobody answers
                socket.send_fds(self._socket, [b"+"], fds)

    def _register(self, child: Child) -> None:
        with self._lock:
            self._check_open(child.name)
            self._children.add(child)

    def _check_open(self, name: str) -> None:
        if self._closed:
            raise ChildStartError(f"{name} was not started: localaws is stopping")

    def stop(self, child: Child, *, grace_s: float = STOP_GRACE_S) -> int | None:
        """Send SIGTERM, after `grace_s` real seconds kill all of it, and reap it; return the exit code."""
        if child.poll() is None:
            child.terminate()
            if child.wait(timeout_s=grace_s) is None:
                logger.warning(
                    "%s (pid %s) outlived SIGTERM by %s s: killing", child.name, child.pid, grace_s
                )
        return self.reap(child)

    def reap(self, child: Child) -> int | None:
        """Kill what is left of a child and forget it; return the program's exit code."""
        child.close()
        with self._lock:
            self._children.discard(child)
        return child.poll()

    def running(self) -> list[Child]:
        """Return the children that have not been reaped."""
        with self._lock:
            return list(self._children)

    def close(self, *, grace_s: float = 2.0) -> None:
        """Refuse new children, stop all (SIGTERM, then SIGKILL: `grace_s` is for all), and end the keeper."""
        with self._lock:
            self._closed = True
        children = self.running()
        for child in children:
            child.terminate()
        over = time.monotonic() + grace_s
        for child in children:
            child.wait(timeout_s=max(over - time.monotonic(), 0))
            self.reap(child)
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it goes on removing a large folder by itself
            self._keeper.wait(timeout=STOP_GRACE_S)
