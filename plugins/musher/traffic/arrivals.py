"""Draw the moments at which requests are due, from a profile and a seed alone. Pure.

No answer can move them: this is what makes a load test an open loop. They are drawn as they are needed, which
gives the same ones as drawing all of them first, and takes no memory.
"""

import random
from collections.abc import Iterator
from itertools import count
from typing import Literal

from musher.errors import TrafficError
from musher.traffic.profiles import Profile
from musher.traffic.traces import ArrivalsTrace

SLICE_S = 0.1
"""Seconds for which a changing rate is taken as even: that of the middle."""

ROUNDING = 1e-9
"""Share of a request below which a sum of slices counts as reached no sooner than the next one's begin."""

Spacing = Literal["even", "poisson"]


def draw_arrivals(
    load: Profile | ArrivalsTrace, *, spacing: Spacing = "even", seed: int = 0
) -> Iterator[float]:
    """Yield seconds after the start, in order.

    `even` spaces them as the rate says; `poisson` as independent users do, with the rate as its mean. A trace
    of arrivals has moments of its own, so nothing is drawn.
    """
    if isinstance(load, ArrivalsTrace):
        return iter(load.offsets_s)
    return _arrivals(load, _dues(spacing, seed))


def _dues(spacing: Spacing, seed: int) -> Iterator[float]:
    """Yield after how many expected requests each one is due: 0, 1, 2, ... or a Poisson process of rate 1."""
    if spacing == "even":
        return map(float, count())
    if spacing == "poisson":
        return _poisson(random.Random(seed))  # noqa: S311 - a load test, no secret
    raise TrafficError(f"spacing is {spacing!r}. Set it to even or poisson.")


def _poisson(chance: random.Random) -> Iterator[float]:
    due = 0.0
    while True:
        due += chance.expovariate(1.0)
        yield due


def _arrivals(profile: Profile, dues: Iterator[float]) -> Iterator[float]:
    due = next(dues)
    expected = 0.0
    for start_s, length_s in _slices(profile.duration_s):
        rate = profile.rate_at(start_s + length_s / 2)
        reached = expected + rate * length_s
        while due < reached - ROUNDING:
            yield start_s + max(0.0, due - expected) / rate
            due = next(dues)
        expected = reached


def _slices(duration_s: float) -> Iterator[tuple[float, float]]:
    """Yield begin and length of each slice; sums of floats would drift, products do not."""
    for number in count():
        start_s = number * SLICE_S
        length_s = min(SLICE_S, duration_s - start_s)
        if length_s <= ROUNDING:
            return
        yield start_s, length_s
