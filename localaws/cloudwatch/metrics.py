"""Where the services of localaws say what happened: `context.metrics`.

Requests on the hot paths leave a note and go on; the notes are counted by the thread that ticks, and by
whoever reads a metric.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from localaws.clock import Clock
from localaws.cloudwatch.spec import MetricKey
from localaws.cloudwatch.store import MetricStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """One value of one metric."""

    key: MetricKey
    value: float
    unit: str


class Event(Protocol):
    """Something that happened in an account and region, and counts in some metrics."""

    account_id: str
    region: str

    def values(self) -> Iterable[Value]:
        """Return what it adds to which metrics."""
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
            for _ in range(len(self._notes)):
                at_s, event = self._notes.popleft()
                store = self._stores[(event.account_id, event.region)]
                for item in event.values():
                    store.add_value(item.key, item.value, unit=item.unit, at_s=at_s)

    def store(self, *, account_id: str, region: str) -> MetricStore:
        """Return the metrics of an account in a region, with all that has happened until now."""
        self.settle()
        return self._stores[(account_id, region)]
