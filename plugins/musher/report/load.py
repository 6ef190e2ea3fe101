"""Turn what a load test has stored into a drawing over time, and rows that compare it with its prediction."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from musher.payloads.choices import CONCURRENCY, INVOCATIONS
from musher.report.axes import ticks_of_length, ticks_to
from musher.report.economy import length_of, list_figures, mean_instances
from musher.report.histogram import draw_histogram
from musher.report.words import NONE, as_ms

WIDTH, PANEL, GAP = 900, 120, 40
"""Of the drawing's area, of one of its panels, and between two, in SVG units."""

MOST_TIMES, MOST_VALUES = 8, 4
MAX_TARGET_SHARE = 3.0
"""A target so far above the load would make the load flat: it is told, not drawn."""

Points = list[tuple[float, float]]


def draw_load(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the report shows of a load test: drawings, rows of figures, errors and warnings."""
    measured = record["measured"]
    return {
        "target": record["target"],
        "began_at": record["began_at"],
        "measured": measured,
        "histogram": draw_histogram(record["bins"], measured["latency"]),
        "drawing": draw_over_time(record),
        "rows": compare(record),
        "figures": list_figures(record),
        "reason": record["predicted"]["reason"],
        "errors": {
            **measured["errors"],
            **({"never sent": measured["dropped"]} if measured["dropped"] else {}),
        },
    }


def draw_over_time(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return panels over one time axis: requests, latencies, instances; those that are known."""
    length_s = length_of(record)
    found = (find_rates(record), find_latencies(record), find_instances(record))
    panels = [
        _draw_panel(panel, length_s=length_s, y=number * (PANEL + GAP))
        for number, panel in enumerate(panel for panel in found if panel)
    ]
    return {
        "panels": panels,
        "ticks": [
            {"x": _x(moment, length_s), "text": text}
            for moment, text in ticks_of_length(length_s, most=MOST_TIMES)
        ],
        "width": WIDTH,
        "panel": PANEL,
        "height": len(panels) * (PANEL + GAP) - GAP,
        "note": describe_target(record),
    }


def find_rates(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the requests that were due, sent, answered and failed in a second, and the policy's target."""
    measured = record["measured"]
    windows, window_s, length_s = measured["windows"], measured["window_s"], length_of(record)
    counts = {
        "sent": [row["sent"] for row in windows],
        "answered": [row["succeeded"] for row in windows],
        "failed": [row["failed"] + row["dropped"] for row in windows],
    }
    if not measured["failed"] + measured["dropped"]:
        del counts["failed"]
    series = {"due": [(item["at_s"], item["per_s"]) for item in record["due"]]}
    for name, numbers in counts.items():
        series[name] = [
            _rate(row, count, window_s, length_s) for row, count in zip(windows, numbers, strict=True)
        ]
    if is_target_drawn(record):
        series["target"] = target_over_time(record)
    return {"title": "Requests a second", "series": {name: [points] for name, points in series.items()}}


def find_latencies(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the percentiles of each window, in pieces: none where nothing was answered in between."""
    windows, half_s = record["measured"]["windows"], record["measured"]["window_s"] / 2
    series = {name: split_at_gaps(windows, f"{name}_ms", half_s) for name in ("p50", "p99")}
    if not series["p50"]:
        return None
    return {"title": "Latency, milliseconds", "series": series}


def split_at_gaps(windows: Sequence[Mapping[str, Any]], key: str, half_s: float) -> list[Points]:
    """Return a figure of the windows as lines, a new one after each window that lacks it."""
    pieces: list[Points] = [[]]
    for row in windows:
        if row[key] is None:
            pieces.append([])
        else:
            pieces[-1].append((row["start_s"] + half_s, row[key]))
    return [piece for piece in pieces if piece]


def find_instances(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the instances that served, those wanted, and those predicted; None where unknown."""
    seen, foretold = record["instances"], record["predicted"]["instances"]
    if not seen:
        return None
    series = {
        "wanted": as_steps([(point["at_s"], point["desired"]) for point in seen]),
        "serving": as_steps([(point["at_s"], point["current"]) for point in seen]),
        "predicted": as_steps([(point["at_s"], point["current"]) for point in foretold]),
    }
    known = {name: [points] for name, points in series.items() if points}
    return {"title": "Instances", "series": known, "is_whole": True}


def target_over_time(record: Mapping[str, Any]) -> Points:
    """Return the load in a second at which the policy aims with the instances that serve, if there is one."""
    scaling = record["scaling"]
    if not scaling or scaling["metric"] != INVOCATIONS:
        return []
    per_s = scaling["target"] / 60
    return as_steps([(point["at_s"], per_s * point["current"]) for point in record["instances"]])


def is_target_drawn(record: Mapping[str, Any]) -> bool:
    """Return whether the target is near enough to the load to be seen beside it."""
    points, due = target_over_time(record), [item["per_s"] for item in record["due"]]
    return bool(points and due) and min(value for _, value in points) <= MAX_TARGET_SHARE * max(due)


def describe_target(record: Mapping[str, Any]) -> str | None:
    """Return the policy's target in words; None where nothing scales."""
    scaling = record["scaling"]
    if not scaling:
        return None
    if scaling["metric"] != INVOCATIONS:
        is_count = scaling["metric"] == CONCURRENCY
        unit = "requests at once on each instance" if is_count else "of a metric of your own"
        return f"The policy's target is {scaling['target']:g} {unit}: no rate."
    text = f"The policy's target is {scaling['target']:g} requests a minute, {scaling['target'] / 60:.3g} a "
    text += "second, on each instance that serves"
    return f"{text}." if is_target_drawn(record) else f"{text}: above this drawing."


def _rate(row: Mapping[str, Any], count: int, window_s: float, length_s: float) -> tuple[float, float]:
    """Return the middle of a window and its count a second; the last window may be shorter."""
    lasts_s = min(window_s, length_s - row["start_s"])
    return row["start_s"] + lasts_s / 2, count / lasts_s if lasts_s > 0 else 0.0


def as_steps(points: Sequence[tuple[float, float]]) -> Points:
    """Return points between which a line keeps its height until the next."""
    steps: Points = list(points[:1])
    for (_, before), (at_s, value) in pairwise(points):
        steps += [(at_s, before), (at_s, value)]
    return steps


def _draw_panel(panel: Mapping[str, Any], *, length_s: float, y: float) -> dict[str, Any]:
    series = panel["series"]
    top = max((value for pieces in series.values() for piece in pieces for _, value in piece), default=0)
    ticks = ticks_to(top or 1.0, most=MOST_VALUES, is_whole=panel.get("is_whole", False))
    return {
        "title": panel["title"],
        "y": y,
        "ticks": [{"y": round(PANEL * (1 - tick / ticks[-1]), 1), "text": f"{tick:,g}"} for tick in ticks],
        "lines": [
            {
                "name": name,
                "title": f"{panel['title']}: {name}",
                "pieces": [_place(piece, length_s=length_s, top=ticks[-1]) for piece in pieces],
            }
            for name, pieces in series.items()
        ],
    }


def _place(points: Points, *, length_s: float, top: float) -> Points:
    """Return points in the drawing's units; a line that goes on after the last request was due ends there."""
    inside = [point for point in points if point[0] <= length_s]
    inside += [(length_s, value) for _, value in points[len(inside) : len(inside) + 1]]
    return [(_x(at_s, length_s), round(PANEL * (1 - value / top), 1)) for at_s, value in inside]


def _x(at_s: float, length_s: float) -> float:
    return round(WIDTH * min(1.0, at_s / length_s), 1)


def compare(record: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return rows of a figure's name, what was measured, and what the simulator predicts."""
    latency, predicted = record["measured"]["latency"], record["predicted"]
    shown = (("Median", "p50_ms"), ("95th percentile", "p95_ms"), ("99th percentile", "p99_ms"))
    rows = [(label, as_ms(latency[key]), as_ms(predicted[key])) for label, key in shown]
    rows += [("Slowest", as_ms(latency["max_ms"]), NONE)]
    if seen := record["instances"]:
        length_s, foretold = length_of(record), predicted["instances"]
        most = predicted["highest"]
        rows += [
            ("Most instances", str(max(p["current"] for p in seen)), NONE if most is None else str(most)),
            ("Instances in the mean", _mean(seen, length_s), _mean(foretold, length_s)),
        ]
    return rows


def _mean(points: Sequence[Mapping[str, Any]], length_s: float) -> str:
    return f"{mean_instances(points, length_s=length_s):.2f}" if points else NONE
