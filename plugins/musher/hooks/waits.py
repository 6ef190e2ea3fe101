"""Wait on AWS within a bound.

Which states end a wait is data (waiters/*.json); how often to look is a setting.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError
from botocore.waiter import Waiter

logger = logging.getLogger(__name__)

WAITERS = Path(__file__).parents[1] / "waiters"

STILL_WAITING = "Max attempts exceeded"
TERMINAL_FAILURE = "Waiter encountered a terminal failure state"

ONE_LOOK = {"MaxAttempts": 1}
"""What makes a botocore waiter ask once, so that the time between two looks is ours."""


def wait_until(
    waiter: Waiter,
    *,
    arguments: dict[str, str],
    delay_s: float,
    timeout_s: float | None = None,
    on_response: Callable[[dict[str, Any]], None] | None = None,
) -> bool:
    """Poll until `waiter` succeeds (True) or meets one of its failure states (False).

    `timeout_s` defaults to what the waiter's data say; past it, TimeoutError is raised. `on_response` gets
    each answer that did not end the wait. AWS errors that the waiter does not list raise WaiterError.
    """
    limit_s = waiter.config.delay * waiter.config.max_attempts if timeout_s is None else timeout_s
    deadline = time.monotonic() + limit_s
    while (response := _look(waiter, arguments)) is not True:
        if response is False:
            return False
        if on_response:
            on_response(response)
        if time.monotonic() + delay_s > deadline:
            raise TimeoutError(f"{name_subject(arguments)} did not get there within {limit_s:.0f} s")
        time.sleep(delay_s)
    return True


def _look(waiter: Waiter, arguments: dict[str, str]) -> bool | dict[str, Any]:
    """Ask once: True for success, False for a failure state, else the answer."""
    try:
        waiter.wait(**arguments, WaiterConfig=ONE_LOOK)
    except WaiterError as error:
        return judge(error)
    return True


async def look_async(waiter: Any, arguments: dict[str, Any]) -> bool | dict[str, Any]:
    """Do the same with an asynchronous waiter."""
    try:
        await waiter.wait(**arguments, WaiterConfig=ONE_LOOK)
    except WaiterError as error:
        return judge(error)
    return True


def judge(error: WaiterError) -> bool | dict[str, Any]:
    """Return False where a waiter met a failure state, the answer where it goes on; raise any other error."""
    reason = str(error.kwargs["reason"])
    if reason.startswith(TERMINAL_FAILURE):
        return False
    if not reason.startswith(STILL_WAITING):
        raise error
    return dict(error.last_response)


def judge_answer(waiter: Any, answer: dict[str, Any]) -> bool | dict[str, Any]:
    """Judge an answer that another call has brought, as a look would judge its own.

    A list's summary has the status under the same name as the description.
    """
    for acceptor in waiter.config.acceptors:
        if acceptor.state != "retry" and acceptor.matcher_func(answer):
            return bool(acceptor.state == "success")
    return answer


def name_subject(arguments: dict[str, Any]) -> str:
    """Return what is waited for: `EndpointName e`."""
    return " ".join(f"{name} {value}" for name, value in arguments.items())


class StatusLog:
    """Log a resource's status once per change."""

    def __init__(self, *, subject: str) -> None:
        """Name the resource that the lines are about."""
        self.subject = subject
        self.last = ""

    def show(self, status: str, detail: str = "") -> None:
        """Log `status` and its detail if either is new."""
        line = f"{status} - {detail}" if detail else status
        if line != self.last:
            logger.info("%s: %s", self.subject, line)
            self.last = line
