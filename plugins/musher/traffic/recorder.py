"""Count what a load test sees, in memory that does not grow with its requests.

Latencies go into HdrHistograms (three significant digits, a microsecond to an hour). Each window of time has
one of its own with two digits, which becomes three numbers as soon as its last request is answered.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram

MAX_WINDOWS = 600
"""Windows of a result: their length grows with the load test's."""

SHORTEST_US, LONGEST_US = 1, 3_600_000_000
DIGITS, WINDOW_DIGITS = 3, 2
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)

TIMEOUT, UNFINISHED = "timeout", "unfinished"
WAITING = frozenset({TIMEOUT, UNFINISHED})
"""Failures that took at least the time that was waited: leaving them out would flatter the percentiles."""


@dataclass(kw_only=True)
class Window:
    """A stretch of time: what was due in it."""

    sent: int = 0
    succeeded: int = 0
    failed: int = 0
    dropped: int = 0
    open: int = 0
    histogram: Any = field(default_factory=lambda: _histogram(WINDOW_DIGITS))
    numbers: dict[str, float | None] | None = None
    """Percentiles, once the histogram is given up."""

    def close(self) -> None:
        """Replace the histogram by its numbers."""
        self.numbers = summarize(self.histogram, (50.0, 99.0))
        self.histogram = None


@dataclass(kw_only=True)
class Recent:
    """What became of requests since the last look: sent, and ended, in this time."""

    sent: int = 0
    failed: int = 0
    """Or never sent."""
    histogram: Any = field(default_factory=lambda: _histogram(WINDOW_DIGITS))
    """Of the latencies, as `Recorder.latency` counts them."""

    @property
    def p99_ms(self) -> float | None:
        """Return the 99th percentile, None where nothing was answered."""
        return summarize(self.histogram, (99.0,))["p99_ms"]


class Recorder:
    """Take what becomes of each request."""

    def __init__(self, *, duration_s: float) -> None:
        self.window_s = max(1.0, duration_s / MAX_WINDOWS)
        self.latency = _histogram(DIGITS)
        """From the moment a request was due to the end of its answer."""
        self.service = _histogram(DIGITS)
        """From the moment a request was sent; successes only."""
        self.lateness = _histogram(DIGITS)
        """How late the generator itself sent."""
        self.errors: Counter[str] = Counter()
        self.sent = self.succeeded = self.dropped = self.max_in_flight = 0
        self._windows: dict[int, Window] = {}
        self._newest = 0
        self._recent = Recent()

    def take_recent(self) -> Recent:
        """Return what has happened since the last call."""
        taken, self._recent = self._recent, Recent()
        return taken

    def drop(self, offset_s: float) -> None:
        """Count a request that was due while too many were in flight; it was never sent."""
        self.dropped += 1
        self._window(offset_s).dropped += 1
        self._recent.failed += 1

    def send(self, offset_s: float, *, late_s: float, in_flight: int) -> None:
        """Count a request that is sent now."""
        self.sent += 1
        self._recent.sent += 1
        self.max_in_flight = max(self.max_in_flight, in_flight)
        _record(self.lateness, late_s)
        window = self._window(offset_s)
        window.sent += 1
        window.open += 1

    def finish(self, offset_s: float, *, latency_s: float, service_s: float, failure: str | None) -> None:
        """Count the end of a request that was sent."""
        window = self._window(offset_s)
        if failure is None:
            self.succeeded += 1
            window.succeeded += 1
            _record(self.service, service_s)
        else:
            self.errors[failure] += 1
            window.failed += 1
            self._recent.failed += 1
        if failure is None or failure in WAITING:
            _record(self.latency, latency_s)
            _record(window.histogram, latency_s)
            _record(self._recent.histogram, latency_s)
        window.open -= 1
        if not window.open and self._number(offset_s) < self._newest:
            window.close()

    def windows(self) -> list[dict[str, float | int | None]]:
        """Return each window's numbers, in order; windows in which nothing was due are left out."""
        return [_as_row(self._windows[number], number * self.window_s) for number in sorted(self._windows)]

    def _number(self, offset_s: float) -> int:
        return int(offset_s / self.window_s)

    def _window(self, offset_s: float) -> Window:
        number = self._number(offset_s)
        if number not in self._windows:
            self._windows[number] = Window()
            self._close_older(number)
        return self._windows[number]

    def _close_older(self, newest: int) -> None:
        """Close the window before, where all its answers have come already."""
        before = self._windows.get(self._newest)
        if before is not None and newest > self._newest and not before.open:
            before.close()
        self._newest = newest


def summarize(histogram: Any, percentiles: tuple[float, ...] = PERCENTILES) -> dict[str, float | None]:
    """Return percentiles and the maximum in milliseconds; None throughout where nothing was recorded."""
    is_empty = not histogram.get_total_count()
    numbers: dict[str, float | None] = {
        f"p{percentile:g}_ms": None if is_empty else histogram.get_value_at_percentile(percentile) / 1000
        for percentile in percentiles
    }
    numbers["max_ms"] = None if is_empty else histogram.get_max_value() / 1000
    return numbers


def mean_ms(histogram: Any) -> float | None:
    """Return the mean in milliseconds, None where nothing was recorded."""
    return histogram.get_mean_value() / 1000 if histogram.get_total_count() else None


def _as_row(window: Window, start_s: float) -> dict[str, float | int | None]:
    numbers = window.numbers if window.numbers is not None else summarize(window.histogram, (50.0, 99.0))
    counts = {name: getattr(window, name) for name in ("sent", "succeeded", "failed", "dropped")}
    return {"start_s": round(start_s, 3), **counts, **numbers}


def _histogram(digits: int) -> Any:
    return HdrHistogram(SHORTEST_US, LONGEST_US, digits)


def _record(histogram: Any, seconds: float) -> None:
    histogram.record_value(min(LONGEST_US, max(SHORTEST_US, round(seconds * 1e6))))
