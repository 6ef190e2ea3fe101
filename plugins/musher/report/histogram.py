"""Draw the latencies of a load test as bars on a logarithmic scale, with its percentiles."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from musher.report.axes import ticks_of_logarithm, ticks_to
from musher.report.words import as_ms

WIDTH, HEIGHT = 560, 260
"""Of the area, in SVG units."""

EDGE = 90
"""Room for a label to the right of the area."""

ROW = 13
"""Height of the line that each percentile's label has to itself, above the area."""

MOST_TICKS, MOST_COUNTS = 7, 4
PERCENTILES = ("p50", "p95", "p99")


def draw_histogram(
    bins: Sequence[Mapping[str, Any]], latency: Mapping[str, float | None]
) -> dict[str, Any] | None:
    """Return bars, marks of percentiles and both axes' labels; None where nothing was answered."""
    if not bins:
        return None
    counts = ticks_to(max(item["count"] for item in bins), most=MOST_COUNTS, is_whole=True)
    low, high = bins[0]["from_ms"], bins[-1]["to_ms"]
    return {
        "bars": [_bar(item, low=low, high=high, top=counts[-1]) for item in bins if item["count"]],
        "marks": [
            _mark(name, value, low=low, high=high, y=-ROW * (len(PERCENTILES) - number) + 3)
            for number, name in enumerate(PERCENTILES)
            if (value := latency[f"{name}_ms"]) is not None
        ],
        "labels": [
            {"x": _x(value, low, high), "text": as_ms(value)}
            for value in ticks_of_logarithm(low, high, most=MOST_TICKS)
        ],
        "counts": [
            {"y": round(HEIGHT * (1 - count / counts[-1]), 1), "text": f"{count:,g}"} for count in counts
        ],
        "width": WIDTH,
        "height": HEIGHT,
        "edge": EDGE,
        "above": ROW * len(PERCENTILES) + 22,
    }


def _bar(item: Mapping[str, Any], *, low: float, high: float, top: float) -> dict[str, Any]:
    x, end = _x(item["from_ms"], low, high), _x(item["to_ms"], low, high)
    height = round(HEIGHT * item["count"] / top, 1)
    return {
        "x": x,
        "y": round(HEIGHT - height, 1),
        "width": round(max(1.0, end - x - 1), 1),
        "height": height,
        "title": f"{as_ms(item['from_ms'])} to {as_ms(item['to_ms'])}: {item['count']:,}",
    }


def _mark(name: str, value: float, *, low: float, high: float, y: int) -> dict[str, Any]:
    """Return a percentile's line and its label, right of it: there the lines that follow begin lower."""
    return {"name": name, "x": _x(value, low, high), "y": y, "text": f"{name} {as_ms(value)}"}


def _x(value: float, low: float, high: float) -> float:
    share = math.log(max(value, low) / low) / math.log(high / low)
    return round(WIDTH * min(1.0, share), 1)
