"""Where the services of localaws say what happened: `context.metrics`.

Requests on the hot paths leave a note and go on; the notes are counted by the thread that ticks, and by
whoever reads a metric.
"""

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import Protocol

from localaws.clock import Clock
from localaws.cloudwatch.spec import MINUTE_S, MetricKey
from localaws.cloudwatch.store import MetricStore

Value = tuple[MetricKey, float, str]
"""One value of one metric, and its unit."""


class Event(Protocol):
    """Something that happened in an account and region, and counts in some metrics."""

    @property
    def account_id(self) -> str:
        """Whose it is."""
        ...

    @property
    def region(self) -> str:
        """Where it happened."""
        ...

    def values(self) -> Iterable[Value]:
        """Return what it adds to which metrics, and in which unit."""
        ...


class Metrics:
    """The metrics of one localaws. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._epoch_s = clock.now().timestamp() - clock.monotonic()
        self._stores: defaultdict[tuple[str, str], MetricStore] = defaultdict(MetricStore)
        self._notes: deque[tuple[float, Event]] = deque()
        self._settle_lock = threading.Lock()

    def now_s(self) -> float:
        """Return the epoch seconds of the AWS clock."""
        return self._epoch_s + self._clock.monotonic()

    def report(self, event: Event, *, at_s: float | None = None) -> None:
        """Note an event of this moment, or of another; what it counts for is worked out later."""
        self._notes.append((self.now_s() if at_s is None else at_s, event))

    def settle(self) -> None:
        """Count what has been noted."""
        with self._settle_lock:
            counted: defaultdict[tuple[str, str, int], Counter[Value]] = defaultdict(Counter)
            for _ in range(len(self._notes)):
                at_s, event = self._notes.popleft()
                minute_s = int(at_s // MINUTE_S) * MINUTE_S
                counted[(event.account_id, event.region, minute_s)].update(event.values())
            for (account_id, region, minute_s), values in counted.items():
                self._stores[(account_id, region)].add_values(values, at_s=minute_s)

    def store(self, *, account_id: str, region: str) -> MetricStore:
        """Return the metrics of an account in a region, with all that has happened until now."""
        self.settle()
        return self._stores[(account_id, region)]
