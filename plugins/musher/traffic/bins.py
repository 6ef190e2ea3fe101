"""Put a load test's latencies into few bins, to be drawn. Pure."""

import math
from typing import TypedDict

from hdrh.histogram import HdrHistogram

MAX_BINS = 32
SMALLEST_MS = 0.001


class Bin(TypedDict):
    """How many requests took so long."""

    from_ms: float
    to_ms: float
    count: int


def bin_latencies(encoded: str) -> list[Bin]:
    """Return bins of equal width on a logarithmic scale, from an HdrHistogram in base64; none where empty."""
    histogram = HdrHistogram.decode(encoded)
    if not histogram.get_total_count():
        return []
    low = max(SMALLEST_MS, histogram.get_min_value() / 1000)
    high = max(low * 1.1, histogram.get_max_value() / 1000)
    count = min(MAX_BINS, max(1, round(8 * math.log2(high / low))))
    edges = [low * (high / low) ** (number / count) for number in range(count + 1)]
    counts = [0] * count
    for item in histogram.get_recorded_iterator():
        counts[_place(item.value_iterated_to / 1000, low, high, count)] += item.count_at_value_iterated_to
    return [
        Bin(from_ms=round(edges[number], 3), to_ms=round(edges[number + 1], 3), count=counts[number])
        for number in range(count)
    ]


def _place(value_ms: float, low: float, high: float, count: int) -> int:
    share = math.log(max(value_ms, low) / low) / math.log(high / low)
    return min(count - 1, int(share * count))
