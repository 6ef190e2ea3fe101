"""Turn what a load test has stored into three charts, and rows that compare it with its prediction."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 420, 180
"""Of a chart's area, in SVG units."""

MAX_LABELS = 6
NONE = "-"

Points = list[tuple[float, float]]


def draw_load(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the report shows of a load test: charts, rows of figures, errors and warnings."""
    measured = record["measured"]
    return {
        "target": record["target"],
        "began_at": record["began_at"],
        "measured": measured,
        "histogram": draw_histogram(record["bins"]),
        "charts": [chart for chart in (draw_rates(record), draw_instances(record)) if chart],
        "rows": compare(record),
        "reason": record["predicted"]["reason"],
        "errors": {
            **measured["errors"],
            **({"never sent": measured["dropped"]} if measured["dropped"] else {}),
        },
    }


def draw_histogram(bins: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return a bar for each bin of latencies, and labels of its axis; None where nothing was answered."""
    if not bins:
        return None
    highest, width = max(item["count"] for item in bins), WIDTH / len(bins)
    bars = [
        {
            "x": round(place * width, 1),
            "y": round(HEIGHT * (1 - item["count"] / highest), 1),
            "width": round(max(1.0, width - 1), 1),
            "height": round(HEIGHT * item["count"] / highest, 1),
            "title": f"{as_ms(item['from_ms'])} to {as_ms(item['to_ms'])}: {item['count']:,}",
        }
        for place, item in enumerate(bins)
        if item["count"]
    ]
    step = -(-len(bins) // MAX_LABELS)
    labels = [
        {"x": round(place * width, 1), "text": as_ms(bins[place]["from_ms"])}
        for place in range(0, len(bins), step)
    ]
    return {"bars": bars, "labels": labels, "top": f"{highest:,}", "width": WIDTH, "height": HEIGHT}


def draw_rates(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chart of the requests that were due, answered and failed in a second, over time."""
    measured = record["measured"]
    windows, window_s = measured["windows"], measured["window_s"]
    length_s = length_of(record)
    series = {
        "due": [(item["at_s"], item["per_s"]) for item in record["due"]],
        "answered": [_rate(row, row["succeeded"], window_s, length_s) for row in windows],
        "failed": [_rate(row, row["failed"] + row["dropped"], window_s, length_s) for row in windows],
    }
    if not measured["failed"] + measured["dropped"]:
        del series["failed"]
    top = max((value for points in series.values() for _, value in points), default=0) or 1.0
    return _chart("Requests a second", series, top=top, length_s=length_s)


def _rate(row: Mapping[str, Any], count: int, window_s: float, length_s: float) -> tuple[float, float]:
    """Return the middle of a window and its count a second; the last window may be shorter."""
    lasts_s = min(window_s, length_s - row["start_s"])
    return row["start_s"] + lasts_s / 2, count / lasts_s if lasts_s > 0 else 0.0


def draw_instances(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a chart of the instances that served, those wanted, and those predicted; None where unknown."""
    seen, foretold = record["instances"], record["predicted"]["instances"]
    if not seen:
        return None
    series = {
        "wanted": as_steps([(point["at_s"], point["desired"]) for point in seen]),
        "serving": as_steps([(point["at_s"], point["current"]) for point in seen]),
        "predicted": as_steps([(point["at_s"], point["current"]) for point in foretold]),
    }
    top = max(value for points in series.values() for _, value in points) + 1
    length_s = max(length_of(record), seen[-1]["at_s"])
    return _chart(
        "Instances", {name: found for name, found in series.items() if found}, top=top, length_s=length_s
    )


def as_steps(points: Sequence[tuple[float, float]]) -> Points:
    """Return points between which a line keeps its height until the next."""
    steps: Points = list(points[:1])
    for (_, before), (at_s, value) in pairwise(points):
        steps += [(at_s, before), (at_s, value)]
    return steps


def length_of(record: Mapping[str, Any]) -> float:
    """Return the seconds for which requests were due."""
    measured = record["measured"]
    planned = float(measured["profile"]["duration_s"])
    return planned if measured["is_complete"] else max(1.0, min(planned, measured["took_s"]))


def _chart(
    title: str, series: Mapping[str, Sequence[tuple[float, float]]], *, top: float, length_s: float
) -> dict[str, Any]:
    lines = [
        {
            "name": name,
            "points": [
                (round(WIDTH * min(1.0, at_s / length_s), 1), round(HEIGHT * (1 - value / top), 1))
                for at_s, value in points
            ],
        }
        for name, points in series.items()
    ]
    labels = [{"x": round(WIDTH * part / 4, 1), "text": f"{length_s * part / 4:.3g} s"} for part in range(5)]
    return {
        "title": title,
        "top": f"{top:.3g}",
        "lines": lines,
        "labels": labels,
        "names": list(series),
        "width": WIDTH,
        "height": HEIGHT,
    }


def compare(record: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return rows of a figure's name, what was measured, and what the simulator predicts."""
    latency, predicted = record["measured"]["latency"], record["predicted"]
    shown = (("Median", "p50_ms"), ("95th percentile", "p95_ms"), ("99th percentile", "p99_ms"))
    rows = [(label, as_ms(latency[key]), as_ms(predicted[key])) for label, key in shown]
    rows += [("Slowest", as_ms(latency["max_ms"]), NONE)]
    if seen := record["instances"]:
        most = predicted["highest"]
        highest = max(point["current"] for point in seen)
        rows += [("Most instances", str(highest), NONE if most is None else str(most))]
    return rows


def as_ms(value: float | None) -> str:
    """Return milliseconds as a person reads them, at three digits."""
    if value is None:
        return NONE
    if value >= 1000:
        return f"{value / 1000:.3g} s"
    return f"{value:.3g} ms" if value < 100 else f"{value:.0f} ms"
