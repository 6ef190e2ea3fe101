"""A call of another service waits for the end of a function's creation."""

import threading
from typing import Any

import pytest

from localaws.functions import function as functions
from localaws.functions.function import LocalFunction


@pytest.fixture
def pending() -> Any:
    """A function that is being created."""
    made: Any = LocalFunction.__new__(LocalFunction)
    made.state = "Pending"
    return made


def test_a_call_goes_on_once_the_function_is_there(pending: Any) -> None:
    def become_active() -> None:
        pending.state = "Active"

    timer = threading.Timer(0.1, become_active)
    timer.start()
    pending._wait_until_deployed()
    timer.join()
    assert pending.state == "Active"


def test_the_wait_is_bounded(pending: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "DEPLOYMENT_S", 0.05)
    pending._wait_until_deployed()
    assert pending.state == "Pending"
