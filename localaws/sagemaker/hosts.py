"""The hosts of one job while it trains: N containers, watched together."""

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

from localaws.clock import Clock
from localaws.namespaces import View
from localaws.processes import Child, Supervisor

POLL_S = 0.02
"""Real seconds between two looks at the hosts."""
SIBLING_GRACE_S = 2.0
"""Real seconds that the other hosts get to end once one has failed."""
PORTS = range(20_000, 32_000)
"""Where rendezvous ports are taken from: below the range that Linux gives to outgoing connections."""


class End(Enum):
    """How the training of a job ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    OUT_OF_TIME = "out of time"
    INTERRUPTED = "interrupted"
    NEVER_TRAINED = "stopped before it trained"


@dataclass(frozen=True, kw_only=True)
class Result:
    """How it ended; `host` and `exit_code` are those of the host that failed."""

    end: End
    host: str = ""
    exit_code: int = 0
    tail: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class HostProcess:
    """What one host runs."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    """As the host sees it."""
    on_line: Callable[[str], None]
    view: View = field(default_factory=View)


class HostGroup:
    """All hosts of a job. `close` must be called, whatever happens."""

    def __init__(self, *, job_name: str, supervisor: Supervisor, clock: Clock) -> None:
        self._job_name = job_name
        self._supervisor = supervisor
        self._clock = clock
        self._children: dict[str, Child] = {}

    def start(self, hosts: Sequence[HostProcess]) -> None:
        """Start every host; raises ChildStartError, with `close` still to be called."""
        for host in hosts:
            self._children[host.name] = self._supervisor.start(
                name=f"{self._job_name}/{host.name}",
                argv=host.argv,
                env=host.env,
                cwd=host.cwd,
                on_line=host.on_line,
                view=host.view,
            )

    def pids(self) -> dict[str, int]:
        """Return the processes that run now, by host."""
        children = dict(self._children)
        return {name: child.pid for name, child in children.items() if child.poll() is None}

    def wait(
        self,
        *,
        stop: threading.Event,
        deadline: float,
        is_interrupted: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Wait until all hosts succeed, one fails, `stop` is set, or the clock's monotonic is `deadline`.

        `is_interrupted` is asked at each look, and once it says yes the instances are to be taken away.
        """
        while True:
            codes = {name: child.poll() for name, child in self._children.items()}
            failed = next((name for name, code in codes.items() if code), None)
            if stop.is_set():
                return Result(end=End.STOPPED)
            if failed is not None:
                return self._fail(failed, exit_code=codes[failed] or 0)
            if all(code == 0 for code in codes.values()):
                return Result(end=End.COMPLETED)
            if self._clock.monotonic() >= deadline:
                return Result(end=End.OUT_OF_TIME)
            if is_interrupted():
                return Result(end=End.INTERRUPTED)
            stop.wait(POLL_S)

    def _fail(self, name: str, *, exit_code: int) -> Result:
        child = self._children[name]
        child.join_output()
        tail = list(child.tail)
        self.terminate(grace_s=SIBLING_GRACE_S)
        return Result(end=End.FAILED, host=name, exit_code=exit_code, tail=tail)

    def terminate(self, *, grace_s: float) -> None:
        """Send SIGTERM to all, and SIGKILL to what is left after `grace_s` real seconds (all share them)."""
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        over = time.monotonic() + grace_s
        while time.monotonic() < over and any(child.poll() is None for child in self._children.values()):
            time.sleep(POLL_S)
        self.close()

    def close(self) -> None:
        """Kill and reap what is left, and hand on its last output."""
        for child in self._children.values():
            self._supervisor.reap(child)


def stream_name(*, job_name: str, host: str, now: datetime) -> str:
    """Return the CloudWatch log stream of a host, as AWS names it: `<job>/algo-1-<epoch seconds>`."""
    return f"{job_name}/{host}-{int(now.timestamp())}"


def free_port() -> int:
    """Return a TCP port that is free on loopback now, from a range that nothing else draws from by itself."""
    for _ in range(50):
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
