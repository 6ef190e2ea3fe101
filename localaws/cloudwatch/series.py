"""The values of one metric over time. Not thread-safe: the store holds the lock.

A metric may have values of standard resolution, good for a minute, and of high resolution, good for a
second. Those of high resolution count in both, so that a period of a minute or more needs one look.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from localaws.cloudwatch.spec import MINUTE_S
from localaws.cloudwatch.statistics import Aggregate, merged

MINUTES_KEPT = 3 * 24 * 60
"""Minutes with values that a metric keeps: three days of AWS time (AWS itself keeps them for 15 days)."""
SECONDS_KEPT = 3 * 60 * 60
"""Seconds with values of high resolution that a metric keeps: three hours, as AWS."""
SLACK = 100
"""Periods beyond the limit that may gather before the oldest are dropped together."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """What came in one period."""

    start_s: int
    values: Aggregate
    unit: str | None = None

    def statistic(self, name: str) -> float | None:
        """Return a statistic of the period."""
        return self.values.statistic(name)


class Periods:
    """Aggregates of periods of one length, by the epoch second at which each begins."""

    def __init__(self, *, length_s: int, kept: int) -> None:
        self._length_s = length_s
        self._kept = kept
        self._aggregates: dict[int, Aggregate] = {}

    def at(self, second: int) -> Aggregate:
        """Return the aggregate of the period that a second lies in, made where it is missing."""
        start_s = second - second % self._length_s
        found = self._aggregates.get(start_s)
        if found is None:
            found = self._aggregates[start_s] = Aggregate()
            if len(self._aggregates) > self._kept + SLACK:
                self._drop_oldest()
        return found

    def _drop_oldest(self) -> None:
        for start_s in sorted(self._aggregates)[: -self._kept]:
            del self._aggregates[start_s]

    def __contains__(self, start_s: int) -> bool:
        return start_s in self._aggregates

    def between(self, start_s: int, end_s: int) -> Iterator[tuple[int, Aggregate]]:
        """Give the periods that begin in a range, in the order of time."""
        first = start_s + -start_s % self._length_s
        if (end_s - first) // self._length_s < len(self._aggregates):
            known = (second for second in range(first, end_s, self._length_s) if second in self._aggregates)
        else:
            known = (second for second in sorted(self._aggregates) if start_s <= second < end_s)
        for second in known:
            yield second, self._aggregates[second]


class Series:
    """The periods of one metric in one unit."""

    def __init__(self) -> None:
        self._minutes = Periods(length_s=MINUTE_S, kept=MINUTES_KEPT)
        self._seconds = Periods(length_s=1, kept=SECONDS_KEPT)
        self.latest_s = 0

    def add_value(self, value: float, *, at_s: float, count: float = 1.0) -> None:
        """Count a value of standard resolution in, which came `count` times."""
        second = int(at_s)
        self.latest_s = max(self.latest_s, second)
        self._minutes.at(second).add(value, count)

    def add(self, values: Aggregate, *, at_s: float, is_high_resolution: bool) -> None:
        """Count values in at a time of the AWS clock."""
        second = int(at_s)
        self.latest_s = max(self.latest_s, second)
        self._minutes.at(second).merge(values)
        if is_high_resolution:
            self._seconds.at(second).merge(values)

    def has_minute(self, start_s: int) -> bool:
        """Tell whether a minute has any value."""
        return start_s in self._minutes

    def read(self, *, start_s: int, end_s: int, period_s: int) -> list[tuple[int, Aggregate]]:
        """Return the periods with values from `start_s` until before `end_s`, in the order of time.

        Periods are counted from `start_s`. One of less than a minute sees values of high resolution only.
        """
        kept = self._minutes if period_s >= MINUTE_S else self._seconds
        found: dict[int, list[Aggregate]] = {}
        for second, aggregate in kept.between(start_s, end_s):
            found.setdefault(second - (second - start_s) % period_s, []).append(aggregate)
        return [(begin, merged(parts)) for begin, parts in found.items()]
