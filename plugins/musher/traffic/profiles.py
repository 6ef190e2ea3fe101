"""How many requests a second are meant to arrive, over time. Pure.

A profile knows its length in seconds and its rate at each moment; `arrivals.draw_arrivals` draws from it.
"""

import math
from dataclasses import dataclass, fields
from typing import Any, Protocol

from musher.errors import TrafficError
from musher.traffic.kinds import CONSTANT, KINDS

MAX_DURATION_S = 30 * 86_400.0
MAX_RATE = 1_000_000.0
"""Requests a second: far above what one process sends, so that a slip of the finger is caught."""


class Profile(Protocol):
    """A length and a rate over time."""

    @property
    def duration_s(self) -> float:
        """Return how long requests arrive."""
        ...

    def rate_at(self, offset_s: float) -> float:
        """Return requests per second at a moment after the start."""
        ...


@dataclass(frozen=True, kw_only=True)
class Constant:
    """The same rate all the time."""

    rate: float
    duration_s: float

    def __post_init__(self) -> None:
        """Refuse what is no rate or no length."""
        check_duration(self.duration_s)
        check_rate("rate", self.rate)

    def rate_at(self, offset_s: float) -> float:
        """Return the rate."""
        return self.rate


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """A rate that changes evenly from one to another."""

    rate: float
    peak_rate: float
    duration_s: float

    def __post_init__(self) -> None:
        """Refuse what is no rate or no length."""
        check_duration(self.duration_s)
        check_rate("rate", self.rate)
        check_rate("peak_rate", self.peak_rate)

    def rate_at(self, offset_s: float) -> float:
        """Return the rate on the line between both."""
        return self.rate + (self.peak_rate - self.rate) * offset_s / self.duration_s


@dataclass(frozen=True, kw_only=True)
class Spike:
    """A constant rate with a higher one for a while."""

    rate: float
    peak_rate: float
    peak_at_s: float
    peak_for_s: float
    duration_s: float

    def __post_init__(self) -> None:
        """Refuse a peak that does not lie within the length."""
        check_duration(self.duration_s)
        check_rate("rate", self.rate)
        check_rate("peak_rate", self.peak_rate)
        if not (self.peak_at_s >= 0 and self.peak_for_s > 0):
            raise TrafficError(
                f"The peak lasts {self.peak_for_s} s from {self.peak_at_s} s. Give it a begin of 0 or more "
                "and a length above 0."
            )
        if self.peak_at_s + self.peak_for_s > self.duration_s:
            raise TrafficError(
                f"The peak ends at {self.peak_at_s + self.peak_for_s} s, after the load test's "
                f"{self.duration_s} s. Let it end before."
            )

    def rate_at(self, offset_s: float) -> float:
        """Return the peak's rate within the peak, else the other."""
        is_peak = self.peak_at_s <= offset_s < self.peak_at_s + self.peak_for_s
        return self.peak_rate if is_peak else self.rate


@dataclass(frozen=True, kw_only=True)
class Diurnal:
    """A wave: lowest at the start, highest half a period later."""

    rate: float
    peak_rate: float
    duration_s: float
    period_s: float = 86_400.0

    def __post_init__(self) -> None:
        """Refuse what is no rate or no length."""
        check_duration(self.duration_s)
        check_rate("rate", self.rate)
        check_rate("peak_rate", self.peak_rate)
        if not 0 < self.period_s < math.inf:
            raise TrafficError(f"period_s is {self.period_s}. Set it to the seconds of one wave.")

    def rate_at(self, offset_s: float) -> float:
        """Return the rate on a cosine between both."""
        share = (1 - math.cos(2 * math.pi * offset_s / self.period_s)) / 2
        return self.rate + (self.peak_rate - self.rate) * share


def make_profile(kind: str, *, rate: float, peak_rate: float, duration_s: float) -> Profile:
    """Return a profile of a kind: a spike fills the second of three thirds, a wave the whole length."""
    if kind == CONSTANT:
        return Constant(rate=rate, duration_s=duration_s)
    if kind == "ramp":
        return Ramp(rate=rate, peak_rate=peak_rate, duration_s=duration_s)
    if kind == "diurnal":
        return Diurnal(rate=rate, peak_rate=peak_rate, duration_s=duration_s, period_s=duration_s)
    if kind == "spike":
        third_s = duration_s / 3
        return Spike(
            rate=rate, peak_rate=peak_rate, peak_at_s=third_s, peak_for_s=third_s, duration_s=duration_s
        )
    raise TrafficError(f"The shape of the load is {kind!r}. Choose one of {', '.join(KINDS)}.")


def check_duration(duration_s: float) -> None:
    """Raise TrafficError unless a length can be waited for."""
    if not 0 < duration_s <= MAX_DURATION_S:
        raise TrafficError(f"duration_s is {duration_s}. Set it above 0, to {MAX_DURATION_S:.0f} at most.")


def check_rate(name: str, rate: float) -> None:
    """Raise TrafficError unless a rate is one."""
    if not 0 <= rate <= MAX_RATE:
        raise TrafficError(f"{name} is {rate} requests per second. Set it from 0 to {MAX_RATE:.0f}.")


def describe(profile: Any) -> dict[str, Any]:
    """Return a profile or trace as the JSON result shows it: its kind and numbers, not its requests."""
    numbers = {field.name: getattr(profile, field.name) for field in fields(profile)}
    scalars = {name: value for name, value in numbers.items() if isinstance(value, int | float)}
    return {"kind": type(profile).__name__.lower(), "duration_s": profile.duration_s, **scalars}
