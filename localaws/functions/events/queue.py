"""Asynchronous invocations: a bounded queue in memory, with Lambda's retries.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from localaws.clock import Clock
from localaws.functions.errors import ServiceError, ThrottledError
from localaws.functions.invocations import Invocation, Result

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 10_000
"""Events that may wait; more are refused with TooManyRequestsException."""
WORKERS = 10
"""Events that run at once; Lambda's own number grows with the load."""
RETRY_DELAYS_S = (60.0, 120.0)
"""AWS seconds before the first and the second retry after an error of the function."""
THROTTLE_DELAY_S = 1.0
"""AWS seconds before the first retry after a throttle or a failure of Lambda itself; doubled each time."""
THROTTLE_DELAY_MAX_S = 300.0
SUCCESS, EXHAUSTED, TOO_OLD, ZERO = (
    "Success",
    "RetriesExhausted",
    "EventAgeExceeded",
    "ZeroReservedConcurrency",
)
"""How an event ends, in the words of the records that destinations get."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What became of an event: how often it ran, and the last result, if it ran at all."""

    condition: str
    attempts: int
    result: Result | None

    def describe(self, *, max_age_s: float) -> str:
        """Say it for the log."""
        if self.condition == EXHAUSTED:
            return f"its {self.attempts} attempts failed"
        if self.condition == TOO_OLD:
            return f"it is older than {max_age_s:.0f} s"
        return "the function has no concurrency at all" if self.condition == ZERO else "it succeeded"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One queued event. `max_age_s` is in AWS seconds; `ended` is called once, where it was not dropped."""

    function_name: str
    invocation: Invocation
    run: Callable[[], Awaitable[Result]]
    ended: Callable[[Ending], Awaitable[None]]
    max_retries: int = 2
    max_age_s: float = 21_600.0


class EventQueue:
    """Run events in the background. Used from the event loop only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = asyncio.Semaphore(WORKERS)

    def put(self, event: Event) -> None:
        """Accept one event. Raises ThrottledError where the queue is full."""
        if len(self._tasks) >= QUEUE_LIMIT:
            raise ThrottledError("CallerRateLimitExceeded")
        task = asyncio.get_running_loop().create_task(self._process(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _process(self, event: Event) -> None:
        """Run the event until it has an end, and say which."""
        try:
            ending = await self._run_to_end(event)
            if ending.condition != SUCCESS:
                self._log(event, ending.describe(max_age_s=event.max_age_s))
            await event.ended(ending)
        except Exception as error:  # noqa: BLE001 - whatever it is, the queue lives on
            self._log(event, f"{type(error).__name__}: {error}")

    async def _run_to_end(self, event: Event) -> Ending:
        """Run the event until it succeeds, is out of retries, or is too old."""
        started, attempts, throttles = self._clock.monotonic(), 0, 0
        result: Result | None = None
        while True:
            try:
                async with self._workers:
                    result = await event.run()
            except (ThrottledError, ServiceError) as error:
                if isinstance(error, ThrottledError) and error.is_final:
                    return Ending(condition=ZERO, attempts=0, result=None)
                delay_s = min(THROTTLE_DELAY_S * 2**throttles, THROTTLE_DELAY_MAX_S)
                throttles += 1
            else:
                attempts += 1
                if result.outcome.error is None:
                    return Ending(condition=SUCCESS, attempts=attempts, result=result)
                if attempts > min(event.max_retries, len(RETRY_DELAYS_S)):
                    return Ending(condition=EXHAUSTED, attempts=attempts, result=result)
                delay_s = RETRY_DELAYS_S[attempts - 1]
            if self._clock.monotonic() - started + delay_s > event.max_age_s:
                return Ending(condition=TOO_OLD, attempts=attempts, result=result)
            await asyncio.sleep(self._clock.real_seconds(delay_s))

    def _log(self, event: Event, reason: str) -> None:
        request_id = event.invocation.request_id
        logger.warning("event %s for %s is dropped: %s", request_id, event.function_name, reason)

    async def close(self) -> None:
        """Drop what is left."""
        if self._tasks:
            logger.warning("%s events are dropped: localaws is stopping", len(self._tasks))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
