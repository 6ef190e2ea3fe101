"""The metrics of one account in one region."""

import heapq
import threading
from collections.abc import Iterable, Mapping

from localaws.cloudwatch.series import Point, Series
from localaws.cloudwatch.spec import Filter, MetricKey
from localaws.cloudwatch.statistics import Aggregate, merged

MAX_METRICS = 10_000
"""Metrics that are kept; beyond it those with the oldest last values are forgotten."""
FORGOTTEN = 500
"""Metrics that are forgotten at a time: to find the oldest takes a look at all."""


class MetricStore:
    """Keep values by metric and unit. Thread-safe; times are epoch seconds of the AWS clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[MetricKey, dict[str | None, Series]] = {}

    def add_values(self, values: Mapping[tuple[MetricKey, float, str], int], *, at_s: float) -> None:
        """Count values of standard resolution in: metric, value and unit -> how often it came."""
        with self._lock:
            for (key, value, unit), count in values.items():
                self._find(key, unit).add_value(value, count=count, at_s=at_s)

    def add_value(self, key: MetricKey, value: float, *, unit: str, at_s: float) -> None:
        """Count one value of standard resolution in."""
        with self._lock:
            self._find(key, unit).add_value(value, at_s=at_s)

    def add(
        self,
        key: MetricKey,
        values: Aggregate,
        *,
        unit: str | None,
        at_s: float,
        is_high_resolution: bool = False,
    ) -> None:
        """Count values in."""
        with self._lock:
            self._find(key, unit).add(values, at_s=at_s, is_high_resolution=is_high_resolution)

    def add_zero(self, key: MetricKey, *, unit: str, minute_s: int) -> None:
        """Count a zero in for a minute in which nothing came."""
        with self._lock:
            series = self._find(key, unit)
            if not series.has_minute(minute_s):
                series.add_value(0.0, at_s=minute_s)

    def _find(self, key: MetricKey, unit: str | None) -> Series:
        units = self._series.get(key)
        if units is None:
            if len(self._series) >= MAX_METRICS:
                for oldest in heapq.nsmallest(FORGOTTEN, self._series, key=self._latest_s):
                    del self._series[oldest]
            units = self._series[key] = {}
        if unit not in units:
            units[unit] = Series()
        return units[unit]

    def _latest_s(self, key: MetricKey) -> int:
        return max(series.latest_s for series in self._series[key].values())

    def read(
        self, key: MetricKey, *, start_s: int, end_s: int, period_s: int, unit: str | None = None
    ) -> list[Point]:
        """Return the periods with values, in the order of time, for each unit or for the one asked for."""
        with self._lock:
            units = self._series.get(key, {})
            return sorted(
                (
                    Point(start_s=begin, values=values, unit=known)
                    for known, series in units.items()
                    if unit is None or unit == known
                    for begin, values in series.read(start_s=start_s, end_s=end_s, period_s=period_s)
                ),
                key=lambda point: point.start_s,
            )

    def read_whole(
        self, key: MetricKey, *, start_s: int, end_s: int, period_s: int, unit: str | None = None
    ) -> dict[int, Aggregate]:
        """Return one aggregate for each period with values, all units in one where none is asked for."""
        found: dict[int, list[Aggregate]] = {}
        for point in self.read(key, start_s=start_s, end_s=end_s, period_s=period_s, unit=unit):
            found.setdefault(point.start_s, []).append(point.values)
        return {start: parts[0] if len(parts) == 1 else merged(parts) for start, parts in found.items()}

    def list(self, wanted: Filter, *, active_since_s: int = 0) -> list[MetricKey]:
        """Return the metrics that a filter fits and that have a value since a time, in a stable order."""
        with self._lock:
            keys: Iterable[MetricKey] = (
                key for key in self._series if wanted.fits(key) and self._latest_s(key) >= active_since_s
            )
            return sorted(keys, key=lambda key: (key.namespace, key.name, key.dimensions))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._series.clear()
