"""Turn a training history into the lines of two charts: loss and accuracy by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 420, 180
"""Of a chart's area, in SVG units."""

MAX_LABELS = 10
"""So many epochs at most have their number on the axis."""


def draw_curves(history: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each chart's title, top value, lines with their points, labels of the axis, best epoch's x."""
    epochs = history["epochs"]
    losses = {"training": "train_loss", "validation": "valid_loss"}
    top_loss = max(epoch[key] for epoch in epochs for key in losses.values()) or 1.0
    return [
        _chart(history, title="Loss", series=losses, top=top_loss),
        _chart(history, title="Accuracy", series={"validation": "valid_accuracy"}, top=1.0),
    ]


def _chart(
    history: Mapping[str, Any], *, title: str, series: Mapping[str, str], top: float
) -> dict[str, Any]:
    epochs = history["epochs"]
    lines = [
        {"name": name, "points": _points([epoch[key] for epoch in epochs], top=top)}
        for name, key in series.items()
    ]
    step = -(-len(epochs) // MAX_LABELS)
    return {
        "title": title,
        "top": f"{top:.3g}",
        "lines": lines,
        "labels": [{"x": _x(place, len(epochs)), "text": place + 1} for place in range(0, len(epochs), step)],
        "best_x": _x(best_place(history), len(epochs)),
        "width": WIDTH,
        "height": HEIGHT,
    }


def best_place(history: Mapping[str, Any]) -> int:
    """Return the place, from 0, of the epoch whose weights were kept; each phase counts its epochs from 1."""
    wanted = (history["best_phase"], history["best_epoch"])
    return [(epoch["phase"], epoch["epoch"]) for epoch in history["epochs"]].index(wanted)


def _points(values: Sequence[float], *, top: float) -> list[tuple[float, float]]:
    """Return (x, y) of each value, 0 at the bottom."""
    return [
        (_x(place, len(values)), round(HEIGHT * (1 - value / top), 1)) for place, value in enumerate(values)
    ]


def _x(place: int, count: int) -> float:
    return round(WIDTH * (place / (count - 1) if count > 1 else 0.5), 1)
