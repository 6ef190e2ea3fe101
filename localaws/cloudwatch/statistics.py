"""What is kept of the values of one period, and the statistics of it. Pure.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

SIMPLE = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
MAX_VALUES = 500
"""Different values of a period that are kept as they are; of more, each is kept to 1 %."""
RATIO = math.log(1.01)
"""Logarithm of the step between two values that are kept where there are too many."""
PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{0,10})?|100)")


@dataclass(slots=True, kw_only=True)
class Aggregate:
    """The values of one period: count, sum and extremes are exact, percentiles good to 1 %."""

    count: float = 0.0
    total: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    is_coarse: bool = False
    is_whole: bool = True
    """Whether `values` holds everything: not where a client sent a StatisticSet, and percentiles are gone."""
    values: dict[float, float] = field(default_factory=dict)
    """How often each value came."""

    def add(self, value: float, count: float = 1.0) -> None:
        """Count a value in."""
        self.count += count
        self.total += value * count
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        self._keep(value, count)

    def add_set(self, *, count: float, total: float, minimum: float, maximum: float) -> None:
        """Count a StatisticSet in; only one of equal values can be taken apart again."""
        self.count += count
        self.total += total
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
        if minimum == maximum:
            self._keep(minimum, count)
        else:
            self.is_whole = False

    def merge(self, other: "Aggregate") -> None:
        """Count in all that another period holds."""
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.is_whole = self.is_whole and other.is_whole
        for value, count in other.values.items():
            self._keep(value, count)

    def _keep(self, value: float, count: float) -> None:
        kept = coarsen(value) if self.is_coarse else value
        self.values[kept] = self.values.get(kept, 0.0) + count
        if len(self.values) > MAX_VALUES and not self.is_coarse:
            self.is_coarse, exact, self.values = True, self.values, {}
            for known, times in exact.items():
                self._keep(known, times)

    def statistic(self, name: str) -> float | None:
        """Return a statistic, simple or a percentile; None where what is kept does not tell."""
        if not self.count:
            return None
        if name in SIMPLE:
            return self._simple()[name]
        share = parse_percentile(name)
        return None if share is None else self._percentile(share)

    def _simple(self) -> dict[str, float]:
        return {
            "SampleCount": self.count,
            "Sum": self.total,
            "Average": self.total / self.count,
            "Minimum": self.minimum,
            "Maximum": self.maximum,
        }

    def _percentile(self, share: float) -> float | None:
        """Return the smallest value that at least `share` of all are not above (nearest rank)."""
        if not self.is_whole:
            return None
        wanted, seen = share * self.count, 0.0
        for value in sorted(self.values):
            seen += self.values[value]
            if seen >= wanted - 1e-9:
                return min(max(value, self.minimum), self.maximum)
        return self.maximum


def coarsen(value: float) -> float:
    """Return the representative of the values within 1 % of this one."""
    if value == 0.0:
        return 0.0
    return math.copysign(math.exp(round(math.log(abs(value)) / RATIO) * RATIO), value)


def parse_percentile(name: str) -> float | None:
    """Return the share, from 0 to 1, that an extended statistic such as p99.9 names; None for others."""
    match = PERCENTILE.fullmatch(name)
    return float(match[1]) / 100 if match else None


def is_known(name: str) -> bool:
    """Tell whether a statistic can be computed here."""
    return name in SIMPLE or parse_percentile(name) is not None


def merged(parts: Iterable[Aggregate]) -> Aggregate:
    """Return all the parts as one."""
    whole = Aggregate()
    for part in parts:
        whole.merge(part)
    return whole
