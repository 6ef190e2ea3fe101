"""One poller for all waits of a process for one kind of job, in one account and region.

A few waits look for themselves. A crowd is told by the poller, which reads the list of jobs: of a thousand
jobs, one call shows which have changed. It begins with the first wait, ends with the last, and is cancelled
with none: it runs as a task of its own.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from botocore.exceptions import ClientError

from musher import clock
from musher.hooks.refusals import read_refusal
from musher.triggers.polling.job_listing import DESCRIBES_PER_S, JobListing, ListPage, Summary
from musher.triggers.polling.job_watch import JobWatch
from musher.triggers.polling.shared_client import SharedClient
from musher.triggers.polling.token_bucket import TokenBucket

logger = logging.getLogger(__name__)

FEW = 10
"""Up to so many waits look for themselves and follow their jobs' logs: at the default interval one call a
second, and some more for the logs, far below CloudWatch Logs' 25 a second. Half as many end a crowd."""

DESCRIBES_AT_ONCE = 10.0
"""In a crowd, before they are bound to DESCRIBES_PER_S."""

FEW_MISSING = 20
"""Up to so many jobs that are not among the live ones are described at once."""

PACE = (0.4, 0.6)
"""A list is begun so much of the interval after the one before, at random, so that triggerers do not ask
in step. The rest of the interval is for a list of several pages, and for Airflow, which takes a trigger's
event in turns of a second: so an end frees its task within one interval."""

SETTLE_S = 1.0
"""Before the first list: a triggerer that takes over a thousand waits makes them one by one."""

FULL_LOOK_S = 300.0
"""After this all live jobs are listed, and what is not among them is described: no wait hangs on a list that
does not know its job."""

MAX_FAILED_LISTS = 2
"""After so many in a row the waits look for themselves, at DESCRIBES_PER_S."""

MAX_PAUSE_S = 60.0
"""A list that fails is read again after twice the time, up to this."""


@dataclass(frozen=True, kw_only=True)
class JobSource:
    """Where a poller finds its jobs."""

    member: str
    """What AWS's members of the job begin with: `TrainingJob`."""
    open_client: Callable[[], Awaitable[Any]]
    open_logs: Callable[[], Awaitable[Any]]
    make_waiter: Callable[[Any], Any]
    """Return the waiter that judges a description, or a list's summary, for a client."""
    list_page: Callable[[Any], ListPage]
    """Return a client's List action."""


_pollers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, "JobPoller"]] = WeakKeyDictionary()


@asynccontextmanager
async def watch_job(
    key: Hashable, make_source: Callable[[], JobSource], *, arguments: dict[str, Any], delay_s: float
) -> AsyncGenerator[JobWatch, None]:
    """Watch a job together with all other waits of this event loop that give the same key.

    `arguments` are those of the describe call, `delay_s` the most seconds between two lists.
    """
    pollers = _pollers.setdefault(asyncio.get_running_loop(), {})
    poller = pollers.get(key)
    if poller is None:
        poller = pollers[key] = JobPoller(make_source())
    watch = poller.join(arguments=arguments, delay_s=delay_s)
    try:
        yield watch
    finally:
        if poller.leave(watch):
            del pollers[key]  # before anything is awaited: whoever comes now begins anew
            await poller.close()


class JobPoller:
    """Tell the waits of one kind of job what becomes of their jobs."""

    def __init__(self, source: JobSource) -> None:
        """Begin with no waits."""
        self.source = source
        self.logs = SharedClient(source.open_logs)
        self.describes = TokenBucket(per_s=DESCRIBES_PER_S, burst=DESCRIBES_AT_ONCE)
        self._client = SharedClient(source.open_client)
        self._waiter: tuple[Any, Any] = (None, None)
        self._listing = JobListing(member=source.member)
        self._watches: dict[str, list[JobWatch]] = {}
        self._count = 0
        self._delay_s = MAX_PAUSE_S
        self._task: asyncio.Task[None] | None = None
        self._failed_lists = 0
        self._full_look_at = 0.0

    @property
    def is_crowded(self) -> bool:
        """Return whether the list is read for the waits."""
        return self._task is not None

    async def looking(self) -> tuple[Any, Any]:
        """Return the client, and the waiter that it looks by."""
        client = await self._client.get()
        if self._waiter[0] is not client:
            self._waiter = (client, self.source.make_waiter(client))
        return self._waiter

    def join(self, *, arguments: dict[str, Any], delay_s: float) -> JobWatch:
        """Add a wait."""
        watch = JobWatch(self, arguments=arguments)
        self._watches.setdefault(watch.name, []).append(watch)
        self._count += 1
        self._delay_s = min(self._delay_s, delay_s)
        if self._count > FEW and self._task is None:
            logger.info("%d waits for %ss: their list is read for them", self._count, self.source.member)
            # Not in the context of the wait that came last: its task's log is not the poller's.
            self._task = asyncio.create_task(self._poll(), name="job poller", context=Context())
        return watch

    def leave(self, watch: JobWatch) -> bool:
        """Take a wait off; return whether it was the last one."""
        same = self._watches[watch.name]
        same.remove(watch)
        if not same:
            del self._watches[watch.name]
        self._count -= 1
        if self._count <= FEW // 2 and self._task is not None:
            self._task.cancel()
            self._task = None
            for other in self._all_watches():
                other.wake()
        return self._count == 0

    async def close(self) -> None:
        """Close the clients."""
        await self._client.close()
        await self.logs.close()

    async def _poll(self) -> None:
        """Read the list until there is no crowd any more."""
        self._full_look_at = 0.0
        pause_s = min(SETTLE_S, self._delay_s)
        while True:
            await clock.sleep(pause_s)
            begun = clock.now()
            try:
                await self._read_list()
            except Exception as error:  # noqa: BLE001 - a task's boundary: the waits must hear of whatever it is
                pause_s = self._note_failure(error)
            else:
                self._failed_lists = 0
                pace = random.uniform(*PACE)  # noqa: S311 - nothing is secret here
                taken_s = max(0.0, clock.now() - begun)  # the clock may have been put back meanwhile
                pause_s = max(0.0, self._delay_s * pace - taken_s)

    async def _read_list(self) -> None:
        client, _ = await self.looking()
        list_page, names = self.source.list_page(client), tuple(self._watches)
        is_due = not 0 <= clock.now() - self._full_look_at <= FULL_LOOK_S
        if is_due or any(watch.wants_list for watch in self._all_watches()):
            await self._look_fully(list_page, names)
            self._full_look_at = clock.now()
            return
        async for found in self._listing.read_changed(list_page, names=names):
            self._tell(found)

    async def _look_fully(self, list_page: ListPage, names: tuple[str, ...]) -> None:
        """Tell what the lists know of these jobs; let the waits look at those that they do not know."""
        missing = set(names)
        async for found in self._listing.read_live(list_page, names=names):
            self._tell(found)
            missing -= found.keys()
        if len(missing) > FEW_MISSING:
            async for found in self._listing.search(list_page, names=tuple(missing)):
                self._tell(found)
                missing -= found.keys()
        for name in missing:
            for watch in self._watches.get(name, ()):
                watch.tell_to_look()

    def _tell(self, found: dict[str, Summary]) -> None:
        """Give each wait what a page shows of its job."""
        for name in found.keys() & self._watches.keys():
            for watch in self._watches[name]:
                watch.take(found[name])

    def _note_failure(self, error: Exception) -> float:
        """Tell the waits, where it goes on; return the pause until the list is read again."""
        self._failed_lists += 1
        refusal = read_refusal(error) if isinstance(error, ClientError) else None
        logger.warning("the list of %ss cannot be read: %s", self.source.member, refusal or error)
        if refusal or self._failed_lists >= MAX_FAILED_LISTS:
            warning = f"looking by itself, as the list of jobs cannot be read: {refusal or error}"
            for watch in self._all_watches():
                watch.tell_to_look(warning=warning if self._failed_lists <= MAX_FAILED_LISTS else "")
        longer: float = min(self._delay_s * 2.0 ** min(self._failed_lists, 10), MAX_PAUSE_S)
        return max(self._delay_s, longer)

    def _all_watches(self) -> list[JobWatch]:
        return [watch for same in self._watches.values() for watch in same]
