"""What one wait knows of its job: from the list that all waits share, or by a look of its own."""

import asyncio
import logging
from typing import Any, Protocol

from musher import clock
from musher.hooks.waits import judge_answer, look_async, name_subject
from musher.triggers.polling.job_listing import Summary
from musher.triggers.polling.shared_client import SharedClient
from musher.triggers.polling.token_bucket import TokenBucket

logger = logging.getLogger(__name__)


class Shared(Protocol):
    """What all waits for one kind of job have in common."""

    logs: SharedClient
    describes: TokenBucket

    @property
    def is_crowded(self) -> bool:
        """Return whether the list is read for the waits."""
        ...

    async def looking(self) -> tuple[Any, Any]:
        """Return the client, and the waiter that it looks by."""
        ...


class JobWatch:
    """Look at a job, and rest until there is reason to look again.

    Where few wait, a look describes the job, and a rest is the time between two looks. In a crowd, a rest
    lasts until the list shows a change, and a look reads what it showed; the job is described only where the
    list does not know it, and where a wait begins.
    """

    __slots__ = (
        "_is_told_to_look",
        "_is_unread",
        "_is_unsure",
        "_news",
        "_shared",
        "_warning",
        "arguments",
        "summary",
        "wants_list",
    )

    def __init__(self, shared: Shared, *, arguments: dict[str, Any]) -> None:
        """Take the describe call's arguments."""
        self.arguments = arguments
        self.summary: Summary | None = None
        """What the list showed last; None before."""
        self.wants_list = False
        """Whether nothing is known of the job before the list has been read."""
        self._shared = shared
        self._news = asyncio.Event()
        self._is_unread = False
        self._is_told_to_look = False
        self._is_unsure = True
        self._warning = ""

    @property
    def is_in_crowd(self) -> bool:
        """Return whether many wait."""
        return self._shared.is_crowded

    @property
    def name(self) -> str:
        """Return the job's name."""
        return str(next(iter(self.arguments.values())))

    async def client(self) -> Any:
        """Return the client that all waits share."""
        return (await self._shared.looking())[0]

    async def logs(self) -> Any:
        """Return the logs' client that all waits share."""
        return await self._shared.logs.get()

    def may_describe(self) -> bool:
        """Return whether a description fits into the rate now, and count it."""
        return not self.is_in_crowd or self._shared.describes.try_take()

    async def look(self) -> bool | dict[str, Any]:
        """Return True for success, False for a failure state, else what is known; raise AWS's errors."""
        await self._await_turn()
        if self._warning:
            logger.warning("%s: %s", name_subject(self.arguments), self._warning)
            self._warning = ""
        _, waiter = await self._shared.looking()
        if self._is_unread and self.summary is not None:
            self._is_unread = self._is_told_to_look = self._is_unsure = False
            return judge_answer(waiter, self.summary)
        self._is_unsure = True  # until there is an answer
        answer = await look_async(waiter, self.arguments)
        self._is_unsure = isinstance(answer, dict) and "Error" in answer
        self._is_told_to_look = False
        return answer

    async def _await_turn(self) -> None:
        """In a crowd, wait until the list shows the job, or for leave to describe it."""
        describes = self._shared.describes
        while self.is_in_crowd and not self._is_unread:
            if self._is_told_to_look:
                await describes.take()
                return
            if describes.try_take():
                return
            self.wants_list = True
            await self._wait_for_news()
        self.wants_list = False

    async def rest(self, delay_s: float, *, until: float) -> None:
        """Let `delay_s` pass; in a crowd, wait for news of the job, `until` (seconds since 1970) at most."""
        if self._is_unsure or not self.is_in_crowd:
            await clock.sleep(delay_s)
        elif not (self._is_unread or self._is_told_to_look):
            try:
                async with asyncio.timeout(max(0.0, until - clock.now())):
                    await self._wait_for_news()
            except TimeoutError:
                return

    async def _wait_for_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def take(self, summary: Summary) -> None:
        """Take what the list shows of the job; wake the wait where that is news."""
        if summary != self.summary or self.wants_list:
            self.summary, self._is_unread = summary, True
            self.wake()

    def tell_to_look(self, *, warning: str = "") -> None:
        """Let the wait describe its job: the list does not know it, or cannot be read."""
        self._is_told_to_look, self._warning = True, warning
        self.wake()

    def wake(self) -> None:
        """End the rest."""
        self.wants_list = False
        self._news.set()
