"""What the turns of several servers say of each other."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.contestants import Turn

Found = Mapping[str, Sequence[Turn]]
"""The turns of each contestant, those of one round at the same place."""


def find_best(found: Found, names: Sequence[str]) -> str | None:
    """Return which of these gave most photos a second in its median turn; None where there are none."""
    known = [name for name in names if found.get(name)]
    return max(known, key=lambda name: median_rate(found[name])) if known else None


def median_rate(turns: Sequence[Turn]) -> float:
    """Return the photos a second of the turn in the middle."""
    return statistics.median(turn.rate for turn in turns)


def compare(found: Found, ours: str, others: Sequence[str]) -> float | None:
    """Return our rate over that of the best of the others: the median of the rounds' ratios.

    Both sides of a ratio are from the same round, so that they met about the same machine.
    """
    best = find_best(found, others)
    if best is None or not found.get(ours):
        return None
    pairs = zip(found[ours], found[best], strict=True)
    return statistics.median(one.rate / other.rate for one, other in pairs)


def compare_cpu(found: Found, ours: str, others: Sequence[str]) -> float | None:
    """Return by how much the best of the others takes more of the processor for a photo than we do.

    What a machine that others use changes least.
    """
    best = find_best(found, others)
    if best is None or not found.get(ours):
        return None
    pairs = zip(found[ours], found[best], strict=True)
    return statistics.median(other.cpu_ms / one.cpu_ms for one, other in pairs)


def rows_of(found: Found) -> list[tuple[str, str, str, str, str]]:
    """Return the table: name, photos a second (median, least, most), milliseconds of the processor."""
    return [
        (
            name,
            f"{median_rate(turns):.1f}",
            f"{min(turn.rate for turn in turns):.1f}",
            f"{max(turn.rate for turn in turns):.1f}",
            f"{statistics.median(turn.cpu_ms for turn in turns):.3f}",
        )
        for name, turns in found.items()
        if turns
    ]
