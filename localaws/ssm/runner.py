"""The thread of one command in one instance: delivered, run, and how it ends."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from localaws.clock import Clock, tick_pause_s
from localaws.ec2.agent import Delivery, LostAgentError, Ran, Script
from localaws.ssm import states
from localaws.ssm.output import FOLDER
from localaws.ssm.spec import Order
from localaws.ssm.states import State, may_step

logger = logging.getLogger(__name__)

NOT_RUN, KILLED = -1, 137
"""Response codes of a command that has not ended by itself: not begun, and killed by the agent."""
ORCHESTRATION = "/var/lib/amazon/ssm/{instance}/document/orchestration/{command}"


BEGINNING = State(status=states.PENDING)


class Node(Protocol):
    """The instance, as the runner sees it."""

    id: str

    def take_agent(self) -> Delivery | None:
        """Return a connection to its agent; None where there is none now."""
        ...

    @property
    def is_gone(self) -> bool:
        """Whether it has been terminated."""
        ...


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of a command in one instance."""

    state: State = BEGINNING
    code: int = NOT_RUN
    ran: Ran | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Turns:
    """In how many instances a command runs at a time, and that it begins in no more after some errors."""

    def __init__(self, *, at_a_time: int, errors: int) -> None:
        self._lock = threading.Lock()
        self._free = at_a_time
        self._errors_left = errors

    def take(self) -> bool:
        """Take a turn; False where all are taken."""
        with self._lock:
            if self._free < 1:
                return False
            self._free -= 1
            return True

    def give_back(self, *, is_error: bool) -> None:
        """Let the next one begin."""
        with self._lock:
            self._free += 1
            self._errors_left -= is_error

    @property
    def is_ended(self) -> bool:
        """Whether there were more errors than may be."""
        with self._lock:
            return self._errors_left < 0


class Runner:
    """`start` it once; `cancel` and `abort` it whenever. Thread-safe."""

    def __init__(
        self,
        *,
        command_id: str,
        order: Order,
        node: Node,
        turns: Turns,
        clock: Clock,
        put: Callable[[Ran], None],
    ) -> None:
        self._command_id = command_id
        self._order = order
        self._node = node
        self._turns = turns
        self._clock = clock
        self._put = put
        self._lock = threading.Lock()
        self._record = Record()
        self._is_cancelled = False
        self._is_aborted = threading.Event()
        name = f"ssm-{node.id}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def record(self) -> Record:
        """What is known of it now."""
        with self._lock:
            return self._record

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask it to end."""
        self._is_cancelled = True
        self._enter(State(status=states.CANCELLING))

    def abort(self) -> None:
        """End it, because localaws ends."""
        self._is_aborted.set()

    def join(self, *, timeout_s: float) -> None:
        """Wait for its end, so many real seconds at most."""
        self._thread.join(timeout=timeout_s)

    def _enter(self, state: State, *, code: int = NOT_RUN, ran: Ran | None = None) -> None:
        now = self._clock.now()
        with self._lock:
            if not may_step(self._record.state.status, state.status):
                return
            found = replace(self._record, state=state, code=code, ran=ran)
            if state.status == states.IN_PROGRESS:
                found = replace(found, started_at=now)
            if state.is_over and found.started_at is not None:
                found = replace(found, ended_at=now)
            self._record = found

    def _run(self) -> None:
        is_begun = False
        try:
            is_begun = self._wait(self._turns.take, until_s=None)
            if is_begun and not self._turns.is_ended:
                self._deliver()
            else:
                details = "" if self._is_cancelled else states.TERMINATED
                self._enter(State(status=states.CANCELLED, details=details))
        except Exception:  # the thread's boundary: a defect of ours must show
            logger.exception("command %s failed inside localaws", self._command_id)
            self._enter(State(status=states.FAILED))
        finally:
            if is_begun:
                is_error = self.record.state.status in (states.FAILED, states.TIMED_OUT)
                self._turns.give_back(is_error=is_error)

    def _is_over(self, until_s: float | None) -> bool:
        is_late = until_s is not None and self._clock.monotonic() >= until_s
        return self._is_cancelled or self._is_aborted.is_set() or is_late

    def _wait(self, look: Callable[[], bool], *, until_s: float | None) -> bool:
        """Look again and again; False where the command is over before that succeeds."""
        while not self._is_over(until_s):
            if look():
                return True
            self._is_aborted.wait(tick_pause_s(self._clock))
        return False

    def _deliver(self) -> None:
        """Wait for the agent, and run the command."""
        found: list[Delivery] = []

        def look() -> bool:
            delivery = self._node.take_agent()
            found.extend([] if delivery is None else [delivery])
            return bool(found) or self._node.is_gone

        self._wait(look, until_s=self._clock.monotonic() + self._order.timeout_s)
        if found:
            self._carry_out(found[0])
        elif self._is_cancelled:
            self._enter(State(status=states.CANCELLED))
        elif self._node.is_gone:
            self._enter(State(status=states.FAILED, details=states.UNDELIVERABLE))
        else:
            self._enter(State(status=states.TIMED_OUT, details=states.DELIVERY_TIMED_OUT))

    def _carry_out(self, delivery: Delivery) -> None:
        self._enter(State(status=states.IN_PROGRESS))
        until_s = self._clock.monotonic() + self._order.execution_s
        try:
            ran = delivery.run(self._make_script(), is_over=lambda: self._is_over(until_s))
        except LostAgentError:  # AWS hears nothing more of it, and waits
            self._wait(lambda: False, until_s=until_s)
            ran, code = None, NOT_RUN
        else:
            code = KILLED if ran is None else ran.code
        if ran is not None:
            self._put(ran)
            is_done = ran.code == 0
            self._enter(State(status=states.SUCCESS if is_done else states.FAILED), code=code, ran=ran)
        elif self._is_cancelled:
            self._enter(State(status=states.CANCELLED), code=code)
        else:
            self._enter(State(status=states.TIMED_OUT, details=states.EXECUTION_TIMED_OUT), code=code)

    def _make_script(self) -> Script:
        folder = ORCHESTRATION.format(instance=self._node.id, command=self._command_id)
        return Script(text=self._order.script, cwd=self._order.cwd, folder=Path(folder, FOLDER))
