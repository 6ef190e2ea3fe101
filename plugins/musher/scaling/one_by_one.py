"""Follow each request of a small load through the instances that serve in its second. Pure.

Formulas take every minute for a steady state. Where a minute has a dozen requests it is none: chance alone
fills an instance for a while, and empties it again. So few are quicker followed than estimated.
"""

import heapq
from collections import deque

import numpy as np
from numpy.typing import NDArray

from musher.scaling.instances import Instance
from musher.scaling.latencies import Latencies, Played
from musher.scaling.queueing import Floats

MAX_STEPS = 50_000
"""Looks at an instance up to which requests are followed: a fraction of a second."""
SEED = 0


class Queue:
    """One instance: what it works on, and what waits there. Moments are seconds of the trace."""

    def __init__(self, *, slots: int) -> None:
        self._free_s = [0.0] * slots
        self._starts_s: deque[float] = deque()
        self._ends_s: list[float] = []

    def outstanding(self, now_s: float) -> int:
        """Return the requests that have not been answered."""
        while self._ends_s and self._ends_s[0] <= now_s:
            heapq.heappop(self._ends_s)
        return len(self._ends_s)

    def take(self, now_s: float, *, service_s: float, room: int) -> float | None:
        """Return the seconds until a request's answer; None where no room is left for it to wait."""
        while self._starts_s and self._starts_s[0] <= now_s:
            self._starts_s.popleft()
        start_s = max(now_s, self._free_s[0])
        if start_s > now_s:
            if len(self._starts_s) >= room:
                return None
            self._starts_s.append(start_s)
        heapq.heapreplace(self._free_s, start_s + service_s)
        heapq.heappush(self._ends_s, start_s + service_s)
        return start_s + service_s - now_s


def is_small(played: Played, *, is_pooled: bool) -> bool:
    """Return whether a load's requests can be followed; a shared queue takes a look at each instance."""
    looks = played.arrivals * played.in_service if is_pooled else played.arrivals
    return float(looks.sum()) <= MAX_STEPS


def follow_requests(played: Played, *, instance: Instance, is_pooled: bool, timeout_s: float) -> Latencies:
    """Return the latencies of all requests, which come at random moments of their seconds."""
    chance = np.random.default_rng(SEED)
    moments_s = draw_moments(played.arrivals, chance)
    if not len(moments_s):
        return Latencies(p50_ms=0, p95_ms=0, p99_ms=0, throttled_share=0, timed_out_share=0)
    services_s = chance.choice(instance.service.quantiles_s, len(moments_s)).tolist()
    counts = played.in_service[moments_s.astype(np.int64)].tolist()
    chosen = (chance.random(len(moments_s)) * counts).astype(np.int64).tolist()
    queues: list[Queue] = []
    took_s = []
    for now_s, service_s, count, number in zip(moments_s.tolist(), services_s, counts, chosen, strict=True):
        resize(queues, count=count, slots=instance.slots)
        queue = min(queues, key=lambda one: one.outstanding(now_s)) if is_pooled else queues[number]
        took_s.append(queue.take(now_s, service_s=service_s, room=instance.room))
    return summarize(took_s, timeout_s=timeout_s)


def draw_moments(arrivals: Floats, chance: np.random.Generator) -> Floats:
    """Return a moment for each request, in order; parts of requests add up to whole ones."""
    whole = np.diff(np.floor(np.cumsum(arrivals) + 1e-6), prepend=0.0).astype(np.int64)
    seconds = np.repeat(np.arange(len(whole), dtype=np.float64), whole)
    return np.sort(seconds + chance.random(len(seconds)))


def resize(queues: list[Queue], *, count: int, slots: int) -> None:
    """Give the newest instances up, or add empty ones; what waits on the former is answered there."""
    del queues[count:]
    queues.extend(Queue(slots=slots) for _ in range(count - len(queues)))


def summarize(took_s: list[float | None], *, timeout_s: float) -> Latencies:
    """Return percentiles of those that were answered, and the shares of all that were not."""
    answered: NDArray[np.float64] = np.array([one for one in took_s if one is not None])
    p50_s, p95_s, p99_s = np.percentile(answered, [50, 95, 99]) if len(answered) else (0.0, 0.0, 0.0)
    return Latencies(
        p50_ms=float(p50_s) * 1000,
        p95_ms=float(p95_s) * 1000,
        p99_ms=float(p99_s) * 1000,
        throttled_share=1 - len(answered) / len(took_s),
        timed_out_share=float(np.count_nonzero(answered > timeout_s)) / len(took_s),
    )
