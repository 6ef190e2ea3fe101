"""What a server counts, as Prometheus reads it.

By hand: prometheus_client takes 0.1 s to import and 10 MB, which a server's start would pay for.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
IMAGES = (1.0, 2.0, 4.0, 8.0, 16.0)


class Histogram:
    """Count values by upper bounds; one thread observes, another may read."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """Take the bounds, rising."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str) -> Iterator[str]:
        """Give the metric's lines."""
        counts, total = list(self._counts), 0
        yield f"# TYPE {name} histogram"
        for bound, count in zip((*self._bounds, "+Inf"), counts, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._sum}"
        yield f"{name}_count {total}"


class Metrics:
    """All that a server counts since its start."""

    def __init__(self) -> None:
        """Begin at nought."""
        self.answers: Counter[tuple[str, int]] = Counter()
        """By route and status."""
        self.invocations = Histogram(SECONDS)
        """Seconds from an invocation's headers to its answer."""
        self.batches = Histogram(IMAGES)
        """Images of each forward pass."""
        self.predictions = Histogram(SECONDS)
        """Seconds of each forward pass."""

    def render(self, gauges: Mapping[str, float]) -> bytes:
        """Return the page: the counts, and the gauges by name."""
        lines = ["# TYPE imgclf_requests_total counter"]
        for (route, status), count in sorted(self.answers.items()):
            lines.append(f'imgclf_requests_total{{route="{route}",status="{status}"}} {count}')
        lines += self.invocations.lines("imgclf_invocation_seconds")
        lines += self.batches.lines("imgclf_batch_images")
        lines += self.predictions.lines("imgclf_predict_seconds")
        for name, value in {**gauges, "process_resident_memory_bytes": resident_bytes()}.items():
            lines += [f"# TYPE {name} gauge", f"{name} {value}"]
        return "\n".join([*lines, ""]).encode()


def resident_bytes() -> int:
    """Return the bytes of memory that this process holds (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
