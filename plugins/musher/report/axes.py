"""Round numbers for axes, so few that their labels never meet."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

NICE_STEPS_S = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(7200, 10_800, 21_600, 43_200, 86_400),
)
"""Steps of time that people count in."""


def find_step(top: float, *, most: int) -> float:
    """Return the smallest of 1, 2 and 5 by a power of ten that `top` holds at most `most` times."""
    rough = top / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step * most >= top * (1 - 1e-9))


def ticks_to(top: float, *, most: int, is_whole: bool = False) -> list[float]:
    """Return 0 and round numbers after it, the last of which is not below `top`, which is above 0."""
    step = find_step(top, most=most)
    step = max(1.0, step) if is_whole else step
    return [round(number * step, 10) for number in range(math.ceil(top / step - 1e-9) + 1)]


def find_time_step(length_s: float, *, most: int) -> float:
    """Return the smallest step of time of which there are at most `most` in a length."""
    for step in NICE_STEPS_S:
        if length_s <= step * most:
            return step
    return math.ceil(length_s / most / NICE_STEPS_S[-1]) * NICE_STEPS_S[-1]


def ticks_of_clock(begin_s: float, end_s: float, *, most: int) -> list[tuple[float, str]]:
    """Return the round moments (seconds since 1970) in a stretch of time, with their time of day in UTC."""
    step = find_time_step(end_s - begin_s, most=most)
    first = math.ceil(begin_s / step)
    moments = [number * step for number in range(first, math.floor(end_s / step) + 1)]
    return [(moment, as_clock(moment, has_seconds=step < 60)) for moment in moments]


def as_clock(moment_s: float, *, has_seconds: bool = True) -> str:
    """Return a time of day in UTC."""
    return datetime.fromtimestamp(moment_s, UTC).strftime("%H:%M:%S" if has_seconds else "%H:%M")


def as_length(seconds: float) -> str:
    """Return a length of time as people write it: `12 s`, `2:30 min`, `3 min`, `1:05 h`."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min" if rest else f"{minutes} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"


def ticks_of_length(length_s: float, *, most: int) -> list[tuple[float, str]]:
    """Return round moments from 0 to a length, with their labels."""
    step = find_time_step(length_s, most=most)
    return [
        (number * step, as_length(number * step)) for number in range(math.floor(length_s / step + 1e-9) + 1)
    ]


def ticks_of_logarithm(low: float, high: float, *, most: int) -> list[float]:
    """Return round numbers from `low` to `high` on a logarithmic scale: by 1, 2, 5, by tens or by more."""
    for factors, power in (((1, 2, 5), 1), ((1,), 1), ((1,), 2), ((1,), 3)):
        found = _powers(low, high, factors, power)
        if len(found) <= most:
            return found if len(found) > 1 else [low, high]
    return [low, high]


def _powers(low: float, high: float, factors: Sequence[int], power: int) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = [
        factor * 10.0**exponent for exponent in exponents if exponent % power == 0 for factor in factors
    ]
    return [number for number in numbers if low <= number <= high]
