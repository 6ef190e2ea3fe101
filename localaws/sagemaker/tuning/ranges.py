"""The space that a tuning job searches. Pure.

Every range maps the unit interval to the text of a hyper-parameter, on the range's own scale; so a strategy
needs to know nothing of scales (https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html).
"""

import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

AUTO_LOGARITHMIC_RATIO = 100.0
"""From this MaxValue / MinValue on, ScalingType Auto searches a logarithmic scale (AWS names no number)."""

WARPS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "Linear": (lambda x: x, lambda y: y),
    "Logarithmic": (math.log, math.exp),
    "ReverseLogarithmic": (lambda x: -math.log1p(-x), lambda y: -math.expm1(-y)),
}
"""ScalingType: the map to the scale on which values are spread evenly, and the way back."""


class Range(Protocol):
    """One hyper-parameter that is tuned."""

    @property
    def name(self) -> str:
        """The hyper-parameter's name."""
        ...

    @property
    def combinations(self) -> float:
        """How many values there are; infinite for a continuous range."""
        ...

    def from_unit(self, unit: float) -> str:
        """Return the value at a place in [0, 1]."""
        ...

    def to_unit(self, text: str) -> float | None:
        """Return the place of a value, or None where the range does not hold it."""
        ...


@dataclass(frozen=True, kw_only=True)
class ContinuousRange:
    """Real numbers between two bounds (both inclusive)."""

    name: str
    low: float
    high: float
    scale: str = "Linear"

    @property
    def combinations(self) -> float:
        """Infinite."""
        return math.inf

    def from_unit(self, unit: float) -> str:
        """Return the number at a place, in the shortest text that gives it back."""
        warp, unwarp = WARPS[self.scale]
        value = unwarp(warp(self.low) + unit * (warp(self.high) - warp(self.low)))
        return repr(min(max(value, self.low), self.high))

    def to_unit(self, text: str) -> float | None:
        """Return the place of a number, or None outside the bounds."""
        value = parse_number(text)
        if value is None or not self.low <= value <= self.high:
            return None
        warp, _ = WARPS[self.scale]
        return (warp(value) - warp(self.low)) / (warp(self.high) - warp(self.low))


@dataclass(frozen=True, kw_only=True)
class IntegerRange:
    """Whole numbers between two bounds (both inclusive); each owns half a step to either side."""

    name: str
    low: int
    high: int
    scale: str = "Linear"

    @property
    def combinations(self) -> float:
        """How many numbers there are."""
        return float(self.high - self.low + 1)

    def from_unit(self, unit: float) -> str:
        """Return the whole number at a place."""
        warp, unwarp = WARPS[self.scale]
        first, last = warp(self.low - 0.5), warp(self.high + 0.5)
        return str(min(max(round(unwarp(first + unit * (last - first))), self.low), self.high))

    def to_unit(self, text: str) -> float | None:
        """Return the place of a whole number, or None outside the bounds."""
        value = parse_number(text)
        if value is None or value != round(value) or not self.low <= value <= self.high:
            return None
        warp, _ = WARPS[self.scale]
        first, last = warp(self.low - 0.5), warp(self.high + 0.5)
        return (warp(value) - first) / (last - first)


@dataclass(frozen=True, kw_only=True)
class CategoricalRange:
    """A few texts, handed on as they were given: the SageMaker SDK gives JSON, so `"64"` keeps its quotes."""

    name: str
    values: tuple[str, ...]

    @property
    def combinations(self) -> float:
        """How many values there are."""
        return float(len(self.values))

    def from_unit(self, unit: float) -> str:
        """Return the value at a place; all are equally wide."""
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]

    def to_unit(self, text: str) -> float | None:
        """Return the place of a value, or None for one that is not in the list."""
        if text not in self.values:
            return None
        return (self.values.index(text) + 0.5) / len(self.values)


@dataclass(frozen=True, kw_only=True)
class Space:
    """All ranges of a tuning job."""

    ranges: tuple[Range, ...]

    @classmethod
    def from_request(cls, ranges: Mapping[str, Sequence[Mapping[str, Any]]]) -> "Space":
        """Read ParameterRanges that have been checked."""
        found: list[Range] = []
        for item in ranges.get("ContinuousParameterRanges") or ():
            low, high = float(item["MinValue"]), float(item["MaxValue"])
            found.append(
                ContinuousRange(name=item["Name"], low=low, high=high, scale=_scale(item, low=low, high=high))
            )
        for item in ranges.get("IntegerParameterRanges") or ():
            low, high = int(item["MinValue"]), int(item["MaxValue"])
            found.append(
                IntegerRange(name=item["Name"], low=low, high=high, scale=_scale(item, low=low, high=high))
            )
        found += [
            CategoricalRange(name=item["Name"], values=tuple(dict.fromkeys(item["Values"])))
            for item in ranges.get("CategoricalParameterRanges") or ()
        ]
        return cls(ranges=tuple(found))

    @property
    def names(self) -> frozenset[str]:
        """The tuned hyper-parameters' names."""
        return frozenset(item.name for item in self.ranges)

    @property
    def combinations(self) -> float:
        """How many different combinations there are."""
        return math.prod(item.combinations for item in self.ranges)

    def sample(self, rng: random.Random) -> dict[str, str]:
        """Draw one combination."""
        return {item.name: item.from_unit(rng.random()) for item in self.ranges}

    def grid(self) -> Iterator[dict[str, str]]:
        """Give every combination of a finite space, the last range turning fastest."""
        for values in itertools.product(*(_all_values(item) for item in self.ranges)):
            yield {item.name: value for item, value in zip(self.ranges, values, strict=True)}

    def restrict(self, values: Mapping[str, str]) -> dict[str, str] | None:
        """Return the tuned ones of `values`, or None where one is missing or out of its range."""
        chosen = {name: values[name] for name in (item.name for item in self.ranges) if name in values}
        held = all(
            item.name in chosen and item.to_unit(chosen[item.name]) is not None for item in self.ranges
        )
        return chosen if held else None


def _all_values(item: Range) -> Sequence[str]:
    if isinstance(item, CategoricalRange):
        return item.values
    if isinstance(item, IntegerRange):
        return [str(value) for value in range(item.low, item.high + 1)]
    raise ValueError(f"{item.name} is continuous: it has no list of values")


def _scale(item: Mapping[str, Any], *, low: float, high: float) -> str:
    scale = item.get("ScalingType") or "Auto"
    if scale != "Auto":
        return str(scale)
    return "Logarithmic" if low > 0 and high / low >= AUTO_LOGARITHMIC_RATIO else "Linear"


def parse_number(text: str) -> float | None:
    """Return a finite number, or None for a text that is none; JSON's quotes around it are taken off."""
    try:
        value = float(text.strip('"'))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
