"""What a server counts, as Prometheus reads it.

By hand: prometheus_client takes 0.1 s to import and 10 MB, which a server's start would pay for.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
IMAGES = (1.0, 2.0, 4.0, 8.0, 16.0)
OTHER = "other"
ROUTES = ("/invocations", "/metrics", "/ping", OTHER)
"""What answers are counted by; the last one is for all that is not served."""
STATUSES = 600
"""More than the largest status."""
PLACES = {route: number * STATUSES for number, route in enumerate(ROUTES)}
"""Where the answers of each route are counted, by status."""


def _own_cells(size: int) -> memoryview[float]:
    return memoryview(array("d", bytes(8 * size)))


class Histogram:
    """Count values by upper bounds; one thread observes, another may read."""

    def __init__(self, bounds: Sequence[float], cells: memoryview[float] | None = None) -> None:
        """Take the bounds, rising, and where to count: `size` numbers, the last one for the values' sum."""
        self._bounds = bounds
        self._cells = _own_cells(self.size(bounds)) if cells is None else cells

    @staticmethod
    def size(bounds: Sequence[float]) -> int:
        """Return how many numbers a histogram of these bounds has."""
        return len(bounds) + 2

    def observe(self, value: float) -> None:
        """Count one value."""
        self._cells[bisect_left(self._bounds, value)] += 1
        self._cells[-1] += value

    def lines(self, name: str) -> Iterator[str]:
        """Give the metric's lines."""
        *counts, of_all = self._cells
        total = 0
        yield f"# TYPE {name} histogram"
        for bound, count in zip((*self._bounds, "+Inf"), counts, strict=True):
            total += int(count)
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {of_all}"
        yield f"{name}_count {total}"


class Metrics:
    """What a server, or one process of it, counts since its start."""

    CELLS = len(ROUTES) * STATUSES + 2 * Histogram.size(SECONDS) + Histogram.size(IMAGES)
    """Numbers, in the memory that the processes share."""

    def __init__(self, cells: memoryview[float] | None = None) -> None:
        """Count from where the cells stand, or from nought in one's own memory."""
        cells = _own_cells(self.CELLS) if cells is None else cells
        answers, seconds = len(ROUTES) * STATUSES, Histogram.size(SECONDS)
        self._answers = cells[:answers]
        """By route and status."""
        self.invocations = Histogram(SECONDS, cells[answers : answers + seconds])
        """Seconds from an invocation's headers to its answer."""
        self.predictions = Histogram(SECONDS, cells[answers + seconds : answers + 2 * seconds])
        """Seconds of each forward pass."""
        self.batches = Histogram(IMAGES, cells[answers + 2 * seconds : self.CELLS])
        """Images of each forward pass."""

    def count(self, path: str, status: int) -> None:
        """Count an answer."""
        self._answers[PLACES.get(path, PLACES[OTHER]) + status] += 1

    def render(self, gauges: Mapping[str, float]) -> bytes:
        """Return the page: the counts, and the gauges by name."""
        lines = ["# TYPE imgclf_requests_total counter"]
        for place, count in enumerate(self._answers):
            if count:
                route, status = ROUTES[place // STATUSES], place % STATUSES
                lines.append(f'imgclf_requests_total{{route="{route}",status="{status}"}} {int(count)}')
        lines += self.invocations.lines("imgclf_invocation_seconds")
        lines += self.batches.lines("imgclf_batch_images")
        lines += self.predictions.lines("imgclf_predict_seconds")
        for name, value in gauges.items():
            lines += [f"# TYPE {name} gauge", f"{name} {value}"]
        return "\n".join([*lines, ""]).encode()
