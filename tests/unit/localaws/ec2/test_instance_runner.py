"""The thread of an instance: which states it goes through, and what ends it."""

import queue
from collections.abc import Callable
from typing import Any

import pytest

from localaws.clock import ScaledClock
from localaws.ec2 import states, wording
from localaws.ec2.runner import HALTED, REBOOTING, Order, Runner
from localaws.errors import ChildStartError

END_S = 30.0


class Machine:
    """An instance that writes down what happens to it."""

    id = "i-1"

    def __init__(self) -> None:
        self.state = "pending"
        self.entered: list[Any] = []
        self.reason: Any = None
        self.is_impaired = False
        self.shuts_down_for_good = False
        self.said: list[str] = []
        self.taken_after_s: float | None = None
        self.breaks = False

    def enter(self, state: str, reason: Any = None) -> bool:
        """Note a state that may follow."""
        if not states.may_step(self.state, state):
            return False
        self.state = state
        self.entered.append(state)
        self.reason = reason or self.reason
        return True

    def is_broken(self) -> bool:
        """Tell whether it does not boot, which it is told once."""
        is_broken, self.breaks = self.breaks, False
        return is_broken

    def is_taken_away(self, ran_s: float) -> bool:
        """Tell whether its time is over."""
        return self.taken_after_s is not None and ran_s >= self.taken_after_s

    def say(self, line: str) -> None:
        """Note a line."""
        self.said.append(line)


class Hardware:
    """A computer whose ends a test has written down; without one it waits for its power button."""

    def __init__(self, *ends: int, failure: Exception | None = None) -> None:
        self.boots, self.is_on, self.is_frozen = 0, False, False
        self._ends = list(ends)
        self._failure = failure
        self._pressed: queue.Queue[int] = queue.Queue()

    def switch_on(self) -> None:
        """Boot, or fail."""
        self.boots += 1
        self._pressed = queue.Queue()
        if self._failure is not None:
            raise self._failure
        self.is_on = True

    def hibernate(self) -> None:
        """Stop, and keep all."""
        self.is_frozen = True

    def wait(self, *, timeout_s: float) -> int | None:
        """Return the next end."""
        if self._ends:
            return self._ends.pop(0)
        try:
            return self._pressed.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def press_power(self) -> None:
        """End."""
        self._pressed.put(0)

    def switch_off(self) -> None:
        """Note that it is off."""
        self.is_on = False


def start(machine: Machine, hardware: Hardware) -> Runner:
    """Start a runner on a clock so fast that no test waits for it."""
    runner = Runner(machine=machine, hardware=hardware, clock=ScaledClock(speed=1000))
    runner.start()
    return runner


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for the thread, a bounded time."""
    event = ScaledClock(speed=1)
    over = event.monotonic() + END_S
    while not is_so():
        assert event.monotonic() < over


@pytest.mark.parametrize(
    ("is_final", "last"), [(False, ["stopping", "stopped"]), (True, ["shutting-down", "terminated"])]
)
def test_a_shutdown_from_inside_does_what_the_instance_is_told(is_final: bool, last: list[str]) -> None:
    machine, hardware = Machine(), Hardware(HALTED)
    machine.shuts_down_for_good = is_final
    start(machine, hardware).join(timeout_s=END_S)
    assert machine.entered == ["running", *last]
    assert machine.reason == wording.INSTANCE_SHUTDOWN
    assert not hardware.is_on


def test_a_reboot_from_inside_boots_again_in_the_same_state() -> None:
    machine, hardware = Machine(), Hardware(REBOOTING, REBOOTING, HALTED)
    start(machine, hardware).join(timeout_s=END_S)
    assert hardware.boots == 3
    assert machine.entered == ["running", "stopping", "stopped"]


@pytest.mark.parametrize(
    ("order", "state", "last"),
    [(Order.STOP, "stopping", "stopped"), (Order.TERMINATE, "shutting-down", "terminated")],
)
def test_an_order_ends_it(order: Order, state: str, last: str) -> None:
    machine, hardware = Machine(), Hardware()
    runner = start(machine, hardware)
    wait_until(lambda: hardware.is_on)
    machine.enter(state)
    assert runner.ask(order)
    runner.join(timeout_s=END_S)
    assert machine.state == last
    assert not hardware.is_on
    assert not runner.ask(order)


def test_of_two_orders_the_greater_counts() -> None:
    machine, hardware = Machine(), Hardware()
    runner = start(machine, hardware)
    wait_until(lambda: hardware.is_on)
    machine.enter("shutting-down")
    for order in (Order.TERMINATE, Order.STOP, Order.REBOOT):
        runner.ask(order)
    runner.join(timeout_s=END_S)
    assert machine.state == "terminated"
    assert hardware.boots == 1


def test_an_instance_that_is_terminated_while_pending_never_boots() -> None:
    machine, hardware = Machine(), Hardware()
    runner = Runner(machine=machine, hardware=hardware, clock=ScaledClock(speed=1))
    machine.enter("shutting-down")
    runner.ask(Order.TERMINATE)
    runner.start()
    runner.join(timeout_s=END_S)
    assert machine.state == "terminated"
    assert hardware.boots == 0


@pytest.mark.parametrize("failure", [ChildStartError("no room"), OSError("no disk")])
def test_an_instance_that_does_not_boot_is_impaired_until_it_is_ended(failure: Exception) -> None:
    machine, hardware = Machine(), Hardware(failure=failure)
    runner = start(machine, hardware)
    wait_until(lambda: machine.is_impaired)
    assert machine.state == "running"
    assert str(failure) in machine.said[0]
    machine.enter("shutting-down")
    runner.ask(Order.TERMINATE)
    runner.join(timeout_s=END_S)
    assert machine.state == "terminated"


def test_an_instance_whose_first_program_ends_is_impaired_and_boots_when_it_is_rebooted() -> None:
    machine, hardware = Machine(), Hardware(1)
    runner = start(machine, hardware)
    wait_until(lambda: machine.is_impaired)
    runner.ask(Order.REBOOT)
    wait_until(lambda: hardware.boots == 2 and not machine.is_impaired)
    assert machine.state == "running"
    runner.ask(Order.ABORT)
    runner.join(timeout_s=END_S)
    assert machine.state == "running"
    assert not hardware.is_on


def test_a_defect_of_ours_shows_as_an_impaired_instance() -> None:
    machine, hardware = Machine(), Hardware(failure=ZeroDivisionError("of ours"))
    runner = start(machine, hardware)
    runner.join(timeout_s=END_S)
    assert machine.is_impaired
    assert machine.state == "running"
    assert not runner.ask(Order.TERMINATE)


def test_an_instance_that_hibernates_is_kept_and_takes_no_orders() -> None:
    machine, hardware = Machine(), Hardware()
    runner = start(machine, hardware)
    wait_until(lambda: hardware.is_on)
    machine.enter("stopping")
    assert runner.ask(Order.HIBERNATE)
    runner.join(timeout_s=END_S)
    assert (machine.state, hardware.is_on, hardware.is_frozen) == ("stopped", True, True)
    assert not runner.ask(Order.TERMINATE)


def test_an_instance_that_is_terminated_does_not_hibernate() -> None:
    machine, hardware = Machine(), Hardware()
    runner = start(machine, hardware)
    wait_until(lambda: hardware.is_on)
    machine.enter("shutting-down")
    runner.ask(Order.TERMINATE)
    runner.ask(Order.HIBERNATE)
    runner.join(timeout_s=END_S)
    assert (machine.state, hardware.is_on, hardware.is_frozen) == ("terminated", False, False)


def test_an_instance_that_a_rule_breaks_does_not_boot_before_it_is_rebooted() -> None:
    machine, hardware = Machine(), Hardware()
    machine.breaks = True
    runner = start(machine, hardware)
    wait_until(lambda: machine.is_impaired)
    assert (machine.state, hardware.boots) == ("running", 0)
    runner.ask(Order.REBOOT)
    wait_until(lambda: hardware.is_on and not machine.is_impaired)
    runner.ask(Order.ABORT)
    runner.join(timeout_s=END_S)


def test_a_spot_instance_ends_when_it_is_taken_away() -> None:
    machine, hardware = Machine(), Hardware()
    machine.taken_after_s = 10.0
    start(machine, hardware).join(timeout_s=END_S)
    assert machine.entered == ["running", "shutting-down", "terminated"]
    assert machine.reason == wording.SPOT_TERMINATION
