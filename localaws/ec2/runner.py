"""The thread of one instance that is switched on: pending, running, and how it ends."""

import enum
import logging
import threading
from typing import Protocol

from localaws.clock import Clock, tick_pause_s
from localaws.ec2 import wording
from localaws.ec2.wording import Reason
from localaws.errors import ChildStartError

logger = logging.getLogger(__name__)

PENDING_S = 5.0
"""AWS seconds until an instance runs."""
HALTED, REBOOTING = 100, 101
"""Exit codes of `children/instance_init.py`."""


class Order(enum.IntEnum):
    """What is to become of an instance; a higher one wins."""

    REBOOT = 1
    HIBERNATE = 2
    STOP = 3
    TERMINATE = 4
    ABORT = 5


class Machine(Protocol):
    """The instance, as the runner sees it."""

    id: str
    is_impaired: bool

    @property
    def shuts_down_for_good(self) -> bool:
        """Whether a shutdown from inside terminates it."""
        ...

    def enter(self, state: str, reason: Reason | None = None) -> bool:
        """Go to a state, with its StateReason; False where that cannot be any more."""
        ...

    def is_broken(self) -> bool:
        """Tell whether a rule lets it not boot this time."""
        ...

    def is_taken_away(self, ran_s: float) -> bool:
        """Tell whether a Spot Instance, which has run so many AWS seconds, is to end now."""
        ...

    def say(self, line: str) -> None:
        """Write a line to the console."""
        ...


class Hardware(Protocol):
    """What the runner switches on and off."""

    def switch_on(self) -> None:
        """Boot; raises OSError or ChildStartError where that fails."""
        ...

    def wait(self, *, timeout_s: float) -> int | None:
        """Wait for its end, at most so many real seconds; return the first program's exit code."""
        ...

    def press_power(self) -> None:
        """Ask it to shut down; returns at once, and does nothing where it is off."""
        ...

    def hibernate(self) -> None:
        """Let nothing of it run until it is switched on again, and keep its memory."""
        ...

    def switch_off(self) -> None:
        """Shut it down: nothing of it runs afterwards."""
        ...


class Runner:
    """Switch an instance on by `start`, and off by `ask`."""

    def __init__(self, *, machine: Machine, hardware: Hardware, clock: Clock) -> None:
        self._machine = machine
        self._hardware = hardware
        self._clock = clock
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._order: Order | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name=f"ec2-{machine.id}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, *, timeout_s: float) -> None:
        """Wait for its end, so many real seconds at most."""
        self._thread.join(timeout=timeout_s)

    def ask(self, order: Order) -> bool:
        """Give an order; False where the runner has ended, and takes none."""
        with self._lock:
            if self._is_over:
                return False
            self._order = max(order, self._order or order)
            self._asked.set()
            if order is not Order.HIBERNATE:
                self._hardware.press_power()  # before the next boot can begin, which it is not meant for
            return True

    def _run(self) -> None:
        try:
            self._clock.wait(self._asked, PENDING_S)
            self._live()
        except Exception:  # the thread's boundary: a defect of ours must show
            logger.exception("%s failed inside localaws", self._machine.id)
            self._machine.is_impaired = True
        finally:
            self._finish()

    def _live(self) -> None:
        """Be on, again after each reboot, until an order ends it."""
        if self._order in (None, Order.REBOOT):
            self._machine.enter("running")
        while self._take_turn():
            self._be_on()
            if self._order is not Order.HIBERNATE:
                self._hardware.switch_off()

    def _take_turn(self) -> bool:
        """Tell whether it is to be on; an order to reboot is carried out by that."""
        with self._lock:
            if self._order not in (None, Order.REBOOT):
                return False
            self._order = None
            self._asked.clear()
            return True

    def _be_on(self) -> None:
        """Boot, and go on until an order comes, from outside or from inside."""
        self._machine.is_impaired = False
        if self._machine.is_broken():
            self._break_down("a fault rule lets the instance not boot")
            return
        try:
            self._hardware.switch_on()
        except (ChildStartError, OSError) as error:
            self._break_down(f"the instance did not boot: {error}")
            return
        began_s = self._clock.monotonic()
        while self._order is None:
            code = self._hardware.wait(timeout_s=tick_pause_s(self._clock))
            if code is not None and self._order is None:
                self._take_exit(code)
            elif self._machine.is_taken_away(self._clock.monotonic() - began_s):
                self._machine.enter("shutting-down", wording.SPOT_TERMINATION)
                self.ask(Order.TERMINATE)

    def _take_exit(self, code: int) -> None:
        if code == REBOOTING:
            self.ask(Order.REBOOT)
        elif code == HALTED:
            is_final = self._machine.shuts_down_for_good
            self._machine.enter("shutting-down" if is_final else "stopping", wording.INSTANCE_SHUTDOWN)
            self.ask(Order.TERMINATE if is_final else Order.STOP)
        else:
            self._break_down(f"the first program of the instance ended ({code})")

    def _break_down(self, reason: str) -> None:
        """Be impaired until somebody gives an order, as on AWS."""
        logger.warning("%s: %s", self._machine.id, reason)
        self._machine.say(f"localaws: {reason}")
        self._machine.is_impaired = True
        self._asked.wait()

    def _finish(self) -> None:
        with self._lock:
            is_kept = self._order is Order.HIBERNATE and not self._machine.is_impaired
            self._is_over = is_kept  # what comes later must find it switched off
        if is_kept:
            self._hardware.hibernate()
        else:
            self._hardware.switch_off()
        with self._lock:
            self._is_over = True
            order = self._order
        if order in (Order.STOP, Order.HIBERNATE):
            self._machine.enter("stopped")
        elif order is Order.TERMINATE:
            self._machine.enter("terminated")
