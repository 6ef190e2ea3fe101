"""Child processes: each in a process group of its own, heard, bounded, and reaped whatever happens."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from localaws.errors import ChildStartError

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


class Child:
    """One running process group. Its output goes, line by line, to `on_line` and to `tail`."""

    def __init__(self, *, name: str, process: subprocess.Popen[str], on_line: LineHandler | None) -> None:
        self.name = name
        self.pid = process.pid
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._process = process
        self._on_line = on_line
        self._pump = threading.Thread(target=self._read_lines, name=f"log-{name}", daemon=True)
        if process.stdout is not None:
            self._pump.start()

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
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

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    def wait(self, *, timeout_s: float) -> int | None:
        """Wait for the end, at most `timeout_s` real seconds; return the exit code, or None if it runs on."""
        try:
            return self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group; a group that is gone is fine."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def join_output(self) -> None:
        """Hand on the output of an ended child (bounded: a grandchild may hold the pipe open)."""
        if self._process.stdout is not None:
            self._pump.join(timeout=PUMP_JOIN_S)

    def close(self) -> None:
        """Kill what the group left behind, and hand on its last output."""
        self.signal(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=STOP_GRACE_S)
        self.join_output()


class Supervisor:
    """Start and reap every child of localaws. Thread-safe.

    `scratch` is a folder that is removed at the end, whether this process closes the supervisor or is killed.
    """

    def __init__(self, *, scratch: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        self._closed = False
        reaper = PROGRAMS / "reaper.py"
        self._reaper = subprocess.Popen(
            [sys.executable, "-S", "-E", str(reaper), *([str(scratch)] if scratch else [])],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start(
        self,
        *,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        on_line: LineHandler | None = None,
        output: int | None = None,
    ) -> Child:
        """Start `argv` as the leader of a new process group, with stderr joined to stdout.

        Its output goes to `on_line` and the child's tail, or to the file descriptor `output` where one is
        given (the caller then reads and closes it). Raises ChildStartError where the program cannot be
        started, or localaws is stopping.
        """
        with self._lock:
            if self._closed:
                raise ChildStartError(f"{name} was not started: localaws is stopping")
            process = self._spawn(name=name, argv=argv, env=env, cwd=cwd, output=output)
            child = Child(name=name, process=process, on_line=on_line)
            self._children[child.pid] = child
            self._tell_reaper(f"+{child.pid}")
        logger.info("started %s (pid %s)", name, child.pid)
        return child

    def _spawn(
        self, *, name: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path, output: int | None
    ) -> "subprocess.Popen[str]":
        try:
            return subprocess.Popen(
                list(argv),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if output is None else output,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                bufsize=1,
                start_new_session=True,
            )
        except OSError as error:
            raise ChildStartError(f"{name} could not be started: {argv[0]}: {error}") from error

    def _tell_reaper(self, line: str) -> None:
        assert self._reaper.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._reaper.stdin.write(line + "\n")
            self._reaper.stdin.flush()

    def stop(self, child: Child, *, grace_s: float = STOP_GRACE_S) -> int | None:
        """Send SIGTERM, after `grace_s` real seconds SIGKILL, reap the group; return the exit code."""
        if child.poll() is None:
            child.signal(signal.SIGTERM)
            if child.wait(timeout_s=grace_s) is None:
                logger.warning(
                    "%s (pid %s) outlived SIGTERM by %s s: killing", child.name, child.pid, grace_s
                )
        return self.reap(child)

    def reap(self, child: Child) -> int | None:
        """Kill what is left of the group and forget it; return the leader's exit code."""
        child.close()
        with self._lock:
            if self._children.pop(child.pid, None) is not None:
                self._tell_reaper(f"-{child.pid}")
        return child.poll()

    def running(self) -> list[Child]:
        """Return the children that have not been reaped."""
        with self._lock:
            return list(self._children.values())

    def close(self, *, grace_s: float = 2.0) -> None:
        """Refuse new children, stop all (SIGTERM, then SIGKILL after `grace_s`), and end the reaper."""
        with self._lock:
            self._closed = True
        children = self.running()
        for child in children:
            child.signal(signal.SIGTERM)
        for child in children:
            child.wait(timeout_s=grace_s)
            self.reap(child)
        assert self._reaper.stdin is not None
        self._reaper.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it goes on removing a large folder by itself
            self._reaper.wait(timeout=STOP_GRACE_S)
