"""Send each request when it is due, whatever became of those before it.

"Coordinated omission" (Gil Tene) is what a closed loop does: it waits for a slow answer before it sends the
next request, and so never measures what the requests in between would have met. Here every request is due at
a moment that was drawn beforehand; its latency counts from that moment, also where the generator was late.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from musher.errors import TrafficError
from musher.traffic.recorder import TIMEOUT, UNFINISHED, Recorder

MAX_GRACE_S = 2.0
"""Seconds that requests in flight have after a stop from outside; Airflow kills a task 5 s after SIGTERM."""

Exchange = Callable[[], Awaitable[str | None]]
"""Send one request and read its answer; None, or the failure in one word. What it raises is one, too."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a load test holds at most."""

    max_in_flight: int = 1000
    """Requests that wait for an answer at once; those due beyond it are dropped and counted."""
    timeout_s: float = 60.0
    """Seconds from sending to the end of the answer; SageMaker's own limit is 60."""

    def __post_init__(self) -> None:
        """Refuse bounds that let nothing through, or for ever."""
        if not 1 <= self.max_in_flight <= 100_000:
            raise TrafficError(f"max_in_flight is {self.max_in_flight}. Set it from 1 to 100000.")
        if not 0 < self.timeout_s <= 900:
            raise TrafficError(f"timeout_s is {self.timeout_s}. Set it above 0, to 900 at most.")


class Driver:
    """Run one load test in the event loop that calls it."""

    def __init__(self, exchange: Exchange, *, recorder: Recorder, bounds: Bounds) -> None:
        self._exchange = exchange
        self._recorder = recorder
        self._bounds = bounds
        self._flying: set[asyncio.Task[None]] = set()
        self._started = 0.0

    async def run(self, arrivals: Iterable[float], *, stop: asyncio.Event) -> float:
        """Send all requests, or those due before `stop` is set; return the seconds until the last answer.

        It ends by itself: the arrivals do, and no request is waited for longer than its time limit.
        """
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        sending = asyncio.ensure_future(self._send_all(arrivals))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await self._land(stopping)
        finally:
            sending.cancel()
            stopping.cancel()
        await asyncio.gather(sending, stopping, return_exceptions=True)
        await self._give_up()
        if not sending.cancelled():
            sending.result()
        return loop.time() - self._started

    async def _send_all(self, arrivals: Iterable[float]) -> None:
        loop = asyncio.get_running_loop()
        for offset_s in arrivals:
            wait_s = self._started + offset_s - loop.time()
            await asyncio.sleep(max(0.0, wait_s))  # also when late: answers must be read meanwhile
            self._send(offset_s)

    def _send(self, offset_s: float) -> None:
        if len(self._flying) >= self._bounds.max_in_flight:
            self._recorder.drop(offset_s)
            return
        late_s = asyncio.get_running_loop().time() - self._started - offset_s
        task = asyncio.ensure_future(self._follow(offset_s, late_s))
        self._flying.add(task)
        task.add_done_callback(self._flying.discard)
        self._recorder.send(offset_s, late_s=late_s, in_flight=len(self._flying))

    async def _follow(self, offset_s: float, late_s: float) -> None:
        loop = asyncio.get_running_loop()
        failure: str | None = UNFINISHED
        try:
            async with asyncio.timeout(self._bounds.timeout_s):
                failure = await self._exchange()
        except TimeoutError:
            failure = TIMEOUT
        except Exception as error:  # noqa: BLE001  # whatever it was: it is counted, by its name
            failure = type(error).__name__
        finally:
            latency_s = loop.time() - self._started - offset_s
            self._recorder.finish(
                offset_s, latency_s=latency_s, service_s=latency_s - late_s, failure=failure
            )

    async def _land(self, stopping: "asyncio.Task[Literal[True]]") -> None:
        """Wait until no request is in flight, or a stop comes."""
        if self._flying:
            landing = asyncio.ensure_future(asyncio.wait(self._flying))
            ends: set[asyncio.Future[Any]] = {landing, stopping}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            landing.cancel()
            await asyncio.gather(landing, return_exceptions=True)

    async def _give_up(self) -> None:
        """Give requests in flight a little time, then cancel what is left."""
        if self._flying:
            await asyncio.wait(self._flying, timeout=min(MAX_GRACE_S, self._bounds.timeout_s))
        left = set(self._flying)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
