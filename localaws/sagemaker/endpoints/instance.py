"""One instance of a variant: a serving process that is started, watched, restarted and stopped."""

import enum
import http.client
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from localaws.clock import Clock
from localaws.errors import LocalAwsError
from localaws.sagemaker.endpoints.wording import ping_failed

logger = logging.getLogger(__name__)

PING_TIMEOUT_S = 2.0
"""Real seconds for one GET /ping
(https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)."""
PING_INTERVAL_S = 10.0
"""AWS seconds between two pings of a healthy instance."""
PINGS_MISSED = 3
"""Pings in a row that a healthy instance may miss before its process is replaced."""
BACK_OFF_MAX_S = 60.0
"""Longest wait, in AWS seconds, before a crashed process is started again; the first restart is at once."""
PORT_RACES_MAX = 3
"""Times a first start is repeated because its port was taken meanwhile."""
STABLE_S = 60.0
"""AWS seconds after which a healthy instance's earlier crashes are forgotten."""


class Server(Protocol):
    """A running serving process."""

    port: int
    pid: int

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        ...

    def last_lines(self) -> Sequence[str]:
        """Return the last lines of its log."""
        ...

    def stop(self, *, grace_s: float) -> None:
        """Send SIGTERM, after `grace_s` real seconds SIGKILL, and reap."""
        ...


class State(enum.Enum):
    """What an instance is doing."""

    STARTING = enum.auto()
    HEALTHY = enum.auto()
    BACKING_OFF = enum.auto()
    FAILED = enum.auto()
    STOPPED = enum.auto()


def ping(port: int) -> bool:
    """Return whether GET /ping on this machine's `port` answers 200 in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PING_TIMEOUT_S)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Instance:
    """One instance. `step`, `retire` and `stop` belong to the endpoint's thread, `begin` to the loop."""

    def __init__(
        self,
        *,
        instance_id: str,
        variant: str,
        launch: Callable[[], Server],
        clock: Clock,
        startup_s: float,
        job: str = "",
        ping: Callable[[int], bool] = ping,
        real_now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = instance_id
        self.variant = variant
        self.state = State.STARTING
        self.failure: str | None = None
        self.restarts = 0
        self.outstanding = 0
        """The requests that it has promised to answer, and has not yet."""
        self._launch = launch
        self._clock = clock
        self._startup_s = startup_s
        self._job = job
        self._ping = ping
        self._real_now_s = real_now_s
        self._server: Server | None = None
        self._was_healthy = False
        self._crashes = 0
        self._missed = 0
        self._is_suspect = False
        self._is_retired = False
        self._door = threading.Lock()
        """Held to let a request in, or to let none in any more."""
        self._since = self._launched_s = 0.0
        self._next_s = 0.0

    @property
    def port(self) -> int:
        """The port of the process now."""
        return self._server.port if self._server is not None else 0

    @property
    def pid(self) -> int:
        """The id of the process now; 0 before the first."""
        return self._server.pid if self._server is not None else 0

    @property
    def is_healthy(self) -> bool:
        """Whether requests may go here."""
        return self.state is State.HEALTHY and not self._is_suspect and not self._is_retired

    def begin(self) -> bool:
        """Promise to stay until a request has its answer; return False where it is about to be stopped.

        Whoever has the promise says `end`.
        """
        with self._door:
            if self._is_retired:
                return False
            self.outstanding += 1
            return True

    def end(self) -> None:
        """Count the end of a request."""
        with self._door:
            self.outstanding -= 1

    def retire(self) -> None:
        """Let no request in any more; those that were let in are still to be waited for."""
        with self._door:
            self._is_retired = True

    def suspect(self) -> None:
        """Take it out of the traffic until it passes the next ping: it refused a connection."""
        self._is_suspect = True

    def start(self) -> None:
        """Start the process; raises LocalAwsError where that fails at once."""
        self._server = self._launch()
        self._launched_s = self._real_now_s()
        self._enter(State.STARTING)

    def step(self) -> None:
        """Look at the process once and do what is due. Blocks for one ping at most."""
        if self.state is State.STARTING:
            self._step_starting()
        elif self.state is State.HEALTHY:
            self._step_healthy()
        elif self.state is State.BACKING_OFF and self._clock.monotonic() >= self._next_s:
            self._restart()

    def stop(self, *, grace_s: float) -> None:
        """Stop the process; `grace_s` in real seconds."""
        self.state = State.STOPPED
        if self._server is not None:
            self._server.stop(grace_s=grace_s)

    def _enter(self, state: State) -> None:
        self.state = state
        self._since = self._clock.monotonic()

    def _step_starting(self) -> None:
        assert self._server is not None
        code = self._server.exit_code()
        if code is not None:
            self._give_up(f"the process ended with {describe_exit(code)}")
        elif self._ping(self._server.port):
            self._become_healthy()
        elif self._real_now_s() - self._launched_s > self._startup_s:
            self._give_up(f"GET /ping did not answer 200 within {self._startup_s:g} s")

    def _become_healthy(self) -> None:
        logger.info("instance %s of %s is healthy on port %s", self.id, self.variant, self.port)
        self._was_healthy = True
        self._is_suspect = False
        self._missed = 0
        self._next_s = self._clock.monotonic() + PING_INTERVAL_S
        self._enter(State.HEALTHY)

    def _step_healthy(self) -> None:
        assert self._server is not None
        code = self._server.exit_code()
        if code is not None:
            self._give_up(f"the process ended with {describe_exit(code)}")
        elif self._is_suspect or self._clock.monotonic() >= self._next_s:
            self._next_s = self._clock.monotonic() + PING_INTERVAL_S
            self._is_suspect = not self._ping(self._server.port)
            self._missed = self._missed + 1 if self._is_suspect else 0
            if self._missed >= PINGS_MISSED:
                self._give_up(f"GET /ping failed {self._missed} times in a row")

    def _give_up(self, cause: str) -> None:
        """End this process: for good if it never was healthy, else to start another after the back-off."""
        assert self._server is not None
        was_stable = self.state is State.HEALTHY and self._clock.monotonic() - self._since >= STABLE_S
        self.state = State.BACKING_OFF
        self._server.stop(grace_s=0)
        if self._lost_port_race():
            self._restart()
            return
        if not self._was_healthy:
            self.failure = ping_failed(
                variant=self.variant, cause=cause, last_lines=self._server.last_lines(), job=self._job
            )
            self._enter(State.FAILED)
            return
        self._crashes = 1 if was_stable else self._crashes + 1
        wait_s = back_off_s(self._crashes)
        logger.warning(
            "instance %s of %s: %s; starting it again in %g s", self.id, self.variant, cause, wait_s
        )
        self._next_s = self._clock.monotonic() + wait_s

    def _lost_port_race(self) -> bool:
        """Return whether another program took the free port before the first start got it."""
        assert self._server is not None
        return (
            not self._was_healthy
            and self.restarts < PORT_RACES_MAX
            and any("address already in use" in line.lower() for line in self._server.last_lines())
        )

    def _restart(self) -> None:
        self.restarts += 1
        try:
            self.start()
        except LocalAwsError as error:
            self._crashes += 1
            self._next_s = self._clock.monotonic() + back_off_s(self._crashes)
            logger.warning("instance %s of %s was not started again: %s", self.id, self.variant, error)


def back_off_s(crashes: int) -> float:
    """Return the AWS seconds to wait after the `crashes`-th crash in a row: 0, 1, 2, 4, ... 60."""
    return 0.0 if crashes <= 1 else min(2.0 ** (crashes - 2), BACK_OFF_MAX_S)


def describe_exit(code: int) -> str:
    """Return an exit code in words."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"
