"""The states of an instance, their numbers, and the console."""

import pytest

from localaws.ec2 import states
from localaws.ec2.console import LIMIT, Console


def test_each_state_has_awss_number() -> None:
    assert set(states.CODES) == set(states.INSTANCE)
    assert [states.CODES[name] for name in ("pending", "running", "terminated")] == [0, 16, 48]


def test_a_terminated_instance_stays_so() -> None:
    assert not any(states.may_step("terminated", state) for state in states.CODES)


@pytest.mark.parametrize(
    "state", [state for state in states.CODES if state not in ("terminated", "shutting-down")]
)
def test_every_other_instance_may_be_terminated(state: str) -> None:
    assert states.may_step(state, "shutting-down")


def test_the_console_keeps_its_last_64_kilobytes() -> None:
    console = Console()
    for number in range(20_000):
        console.write(f"line {number}")
    kept = console.read()
    assert len(kept) == LIMIT
    assert kept.endswith(b"line 19998\r\nline 19999\r\n")


def test_the_console_takes_letters_that_are_no_utf_8() -> None:
    console = Console()
    console.write("\udcff")
    assert console.read() == b"?\r\n"
