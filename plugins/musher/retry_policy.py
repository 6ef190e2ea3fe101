"""Decide by the error whether and when Airflow tries a task again, for all tasks of Musher's DAGs.

`fail_without_retry` does the same for Musher's own tasks, with a line for the user; this holds as well where
nothing of Musher's stands around the call, as in the provider's operators. Airflow asks it in the worker,
at the task's end: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html
"""

import random
from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy

THROTTLED_S = 60.0
NO_CAPACITY_S = 300.0
MAX_DELAY_S = 1800.0
"""The first delay where AWS is asked too often, or has no instance free; each further one is twice as long,
up to the last. botocore's own tries of the call come before, within seconds."""


class AwsRetryPolicy(RetryPolicy):
    """Fail at once by what AWS refuses; back off from a throttle and a shortage; else do as Airflow does.

    How often a task is tried at most stays the task's own `retries`.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Return the decision, with AWS's words and the remedy as its reason."""
        from musher.hooks.refusals import is_throttled, read_refusal, read_shortage

        if refusal := read_refusal(exception):
            return RetryDecision.fail(str(refusal))
        if shortage := read_shortage(exception):
            return RetryDecision.retry(_delay(NO_CAPACITY_S, try_number), shortage)
        if is_throttled(exception):
            return RetryDecision.retry(_delay(THROTTLED_S, try_number), str(exception))
        return RetryDecision.default()


def _delay(first_s: float, try_number: int) -> timedelta:
    """Return twice as much for each try, and a part of it by chance: tasks that met one throttle part."""
    longest_s = min(MAX_DELAY_S, first_s * 2 ** (max(1, try_number) - 1))
    return timedelta(seconds=longest_s * random.uniform(0.5, 1.0))  # noqa: S311  # no secret
