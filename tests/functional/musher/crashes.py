"""A task that ends between a call's effect and whatever would have remembered it, and the tries after it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import botocore
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import TaskDeferred
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from localaws.faults.client import FaultClient
from musher.hooks.connection import forget_hooks
from musher.retry_policy import AwsRetryPolicy
from tests.unit.musher.operators.fakes import FakeTask

TRIES = 3
"""A task's retries (TASK_DEFAULTS), and the first try."""

KILLED, LOST = "killed", "answer lost"
CRASHES = (KILLED, LOST)
"""The task's process ends when AWS has answered; or the answer never comes, and botocore asks again."""


class KilledError(BaseException):
    """Stand for SIGKILL: nothing that catches errors catches this."""


class Crash:
    """What becomes of a task's calls: how many of each took place, and which one is the last of its try."""

    def __init__(self, faults: FaultClient) -> None:
        self.faults = faults
        self.answered: Counter[str] = Counter()
        self._last: str | None = None

    def after(self, *, how: str, service: str, action: str) -> None:
        """Let the next call of an operation be the last of its try, or its answer get lost."""
        if how == KILLED:
            self._last = action
        else:
            self.faults.put({"kind": "reset_after_effect", "service": service, "action": action, "nth": 1})

    def count(self, action: str) -> int:
        """Return how many calls of an operation took place, those included whose answer was lost."""
        lost = [event for event in self.faults.fired() if event["action"] == action]
        return self.answered[action] + sum(event["outcome"] == "reset after the answer 200" for event in lost)

    def happened(self, *, how: str, action: str) -> bool:
        """Return whether the crash that was asked for took place: else a test of it would prove nothing."""
        if how == KILLED:
            return self._last is None
        return action in {event["action"] for event in self.faults.fired()}

    def _take(self, *, model: Any, http_response: Any, **_: Any) -> None:
        if http_response.status_code >= 300:
            return
        self.answered[model.name] += 1
        if model.name == self._last:
            self._last = None
            raise KilledError(model.name)

    def _prepare(self, session: Session) -> None:
        session.register("after-call", self._take)

    @contextmanager
    def watching(self) -> Generator["Crash", None, None]:
        """Watch the calls of all clients that are made in the block; the process has none from before."""
        botocore.register_initializer(self._prepare)
        forget_hooks()
        try:
            yield self
        finally:
            botocore.unregister_initializer(self._prepare)
            forget_hooks()


def run_tries(run: Callable[[Any], Any]) -> Any:
    """Try a task as Airflow does, until one try ends well or defers; return its result.

    `run` is given the context of a try. An error by which Airflow would not try again fails the test.
    """
    task, policy = FakeTask(), AwsRetryPolicy()
    context = task.context()
    for number in range(1, TRIES + 1):
        try:
            return run(context)
        except TaskDeferred as wait:
            return wait.trigger
        except KilledError:
            context = task.retry()
        except (ClientError, BotoCoreError) as error:
            if policy.evaluate(error, number, TRIES - 1).action is RetryAction.FAIL:
                raise
            context = task.retry()
    raise AssertionError(f"no try of {TRIES} ended well")


def cancel_deferred(trigger: Any) -> None:
    """Do what the triggerer does when a person cancels a deferred task."""
    asyncio.run(trigger.on_kill())
