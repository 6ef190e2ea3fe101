"""Wait for AWS in the triggerer, or in the worker: the same code, which blocks neither.

A new wait is a waiter in waiters/*.json and a subclass that names it: see docs/operators.md.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

from airflow.triggers.base import BaseTrigger, TriggerEvent
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from musher import clock
from musher.hooks.refusals import is_missing, read_refusal
from musher.hooks.waits import look_async, name_subject

logger = logging.getLogger(__name__)

SUCCESS, FAILURE, TIMEOUT, REFUSED, PAUSED = "success", "failure", "timeout", "refused", "paused"
"""How a wait ends: in a state of success or of failure, past its deadline, by an error of AWS's API that no
retry cures, or, where nothing was waited for but time, by its passing."""

SETTLE_S = 20.0
"""So long AWS may not find what was made a moment ago: each of its answers may come from another copy."""

MAX_FAILED_LOOKS = 30
MAX_DELAY_S = 60.0
"""A look that fails in passing is repeated after twice the time, up to this, so often in a row: that makes
about half an hour. Then the error fails the try, and the next one goes on waiting."""


@dataclass(frozen=True, kw_only=True)
class WaitEnd:
    """How a wait ended, and what its operator gave it to carry."""

    outcome: str
    message: str = ""
    carried: dict[str, Any] = field(default_factory=dict)


def make_event(end: WaitEnd) -> TriggerEvent:
    """Return the event that brings the end to the operator."""
    return TriggerEvent(asdict(end))  # type: ignore[no-untyped-call]  # Airflow's is untyped


class Looks(Protocol):
    """How a wait looks at its resource, and when."""

    async def look(self) -> bool | dict[str, Any]:
        """Return True for success, False for a failure state, else the answer; raise AWS's errors."""
        ...

    async def rest(self, delay_s: float, *, until: float) -> None:
        """Wait until there may be news: for `delay_s`, or longer, but not past `until` (since 1970)."""
        ...


class OwnLooks:
    """Look by the waiter's call, every `delay_s`."""

    def __init__(self, waiter: Any, arguments: dict[str, Any]) -> None:
        """Take an asynchronous waiter, and the arguments of its call."""
        self._waiter = waiter
        self._arguments = arguments

    async def look(self) -> bool | dict[str, Any]:
        """Ask AWS."""
        return await look_async(self._waiter, self._arguments)

    async def rest(self, delay_s: float, *, until: float) -> None:
        """Let `delay_s` pass."""
        await clock.sleep(delay_s)


class WaitTrigger(BaseTrigger):
    """Look at one resource until its waiter ends or the deadline is past; then fire one event, a WaitEnd.

    All state is in the arguments, so a triggerer that takes over goes on with the same deadline.
    """

    aws_hook_class: ClassVar[type[Any]]
    waiter: ClassVar[str]
    """The name of the wait in the hook's waiters/*.json."""

    def __init__(
        self,
        *,
        arguments: dict[str, Any],
        connection: dict[str, Any],
        delay_s: float,
        deadline: float,
        carried: dict[str, Any] | None = None,
    ) -> None:
        """Take the describe call's arguments, the hook's, and what the event brings back to the operator.

        `delay_s` lies between two looks; `deadline` is in seconds since 1970.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is untyped
        self.arguments = arguments
        self.connection = connection
        self.delay_s = delay_s
        self.deadline = deadline
        self.carried = dict(carried or {})
        self._warned: set[str] = set()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and the arguments that make this trigger again."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        names = ("arguments", "connection", "delay_s", "deadline", "carried")
        return path, {name: getattr(self, name) for name in names}

    @cached_property
    def hook(self) -> Any:
        """Return the hook; its asynchronous client is made anew by each user."""
        return self.aws_hook_class(**self.connection)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait; fire the event."""
        async with AsyncExitStack() as stack:
            end = await self._wait(await self.open_looks(stack))
            await self.log_last(end)
        yield make_event(end)

    async def open_looks(self, stack: AsyncExitStack) -> Looks:
        """Return how this wait looks; what it opens for that is closed with the stack."""
        client = await stack.enter_async_context(await self.hook.get_async_conn())
        waiter = self.hook.get_waiter(self.waiter, deferrable=True, client=client)
        return OwnLooks(waiter, self.arguments)

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log what is new in an answer that does not end the wait; nothing unless a subclass says so."""

    async def find_end(self) -> str:
        """Return why a wait fails that its data would go on with; nothing unless a subclass says so."""
        return ""

    async def log_last(self, end: WaitEnd) -> None:
        """Log what came with the end; nothing unless a subclass says so."""

    async def _wait(self, looks: Looks) -> WaitEnd:
        failed_looks, settled_at = 0, clock.now() + SETTLE_S
        while True:
            try:
                answer = await looks.look()
            except (ClientError, WaiterError, BotoCoreError) as error:
                is_new = is_missing(error) and clock.now() < settled_at
                if (refusal := read_refusal(error)) and not is_new:
                    return self._end(REFUSED, str(refusal))
                failed_looks += 1
                self._count_failed_look(error, failed_looks)
            else:
                if isinstance(answer, bool):
                    return self._end(SUCCESS if answer else FAILURE)
                # A throttled look, which the waiter's data takes for an answer, is repeated ever later, too.
                failed_looks = failed_looks + 1 if "Error" in answer else 0
                await self._log_progress(answer)
                if reason := await self.find_end():
                    return self._end(FAILURE, reason)
            delay_s = max(self.delay_s, min(self.delay_s * 2**failed_looks, MAX_DELAY_S))
            if clock.now() + delay_s > self.deadline:
                return self._end(TIMEOUT, f"{name_subject(self.arguments)} did not get there in time")
            await looks.rest(delay_s, until=self.deadline)

    def _end(self, outcome: str, message: str = "") -> WaitEnd:
        return WaitEnd(outcome=outcome, message=message, carried=self.carried)

    def _count_failed_look(self, error: Exception, failed_looks: int) -> None:
        """Log the error; raise it where too many looks in a row have failed."""
        if failed_looks > MAX_FAILED_LOOKS:
            raise error
        self._warn_once(f"look failed, looking again: {error}")

    async def _log_progress(self, answer: dict[str, Any]) -> None:
        """Log progress; where that fails, the wait goes on, as it is worth more than its log."""
        if "Error" in answer:
            return
        try:
            await self.log_progress(answer)
        except (ClientError, BotoCoreError) as error:
            self._warn_once(f"cannot show progress: {error}")

    def _warn_once(self, message: str) -> None:
        """Log a warning that this wait has not logged yet: looks go on for hours, seconds apart."""
        if message not in self._warned:
            self._warned.add(message)
            logger.warning("%s: %s", name_subject(self.arguments), message)


class PauseTrigger(BaseTrigger):
    """Let time pass; fire a WaitEnd with the outcome PAUSED."""

    def __init__(self, *, until: float, carried: dict[str, Any]) -> None:
        """Take the end in seconds since 1970, and what the event brings back to the operator."""
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is untyped
        self.until = until
        self.carried = carried

    @property
    def deadline(self) -> float:
        """Return when the pause ends at the latest, as of a wait."""
        return self.until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and the arguments that make this trigger again."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"until": self.until, "carried": self.carried}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep; fire the event."""
        await clock.sleep(max(0.0, self.until - clock.now()))
        yield make_event(WaitEnd(outcome=PAUSED, carried=self.carried))
