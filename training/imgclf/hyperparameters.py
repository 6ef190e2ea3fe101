"""Declare a hyper-parameter once: in the field that holds its value.

    learning_rate: float = hyperparameter(0.01, bounds=Bounds(above=0, most=1), help="Step size.")

The scripts' options, the trials' checks and a test of Airflow's form read what is declared here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, get_type_hints

Value = float | int | str | bool
T = TypeVar("T", bound=Value)

_KEY = "hyperparameter"
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The numbers that a value may be."""

    least: float | None = None
    """The smallest of them."""
    above: float | None = None
    """All of them are greater."""
    most: float | None = None
    """The greatest of them."""

    def __contains__(self, number: float) -> bool:
        """Return whether the number lies within; NaN and infinity never do."""
        return (
            math.isfinite(number)
            and (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
        )

    def __str__(self) -> str:
        """Return "from 1 to 1000", "above 0 and up to 1"."""
        low = f"from {self.least}" if self.least is not None else ""
        low = f"above {self.above}" if self.above is not None else low
        joint = "to" if self.least is not None else "and up to" if self.above is not None else "up to"
        return " ".join(filter(None, [low, f"{joint} {self.most}" if self.most is not None else ""]))


UNBOUNDED = Bounds()


@dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """What is known of one hyper-parameter beside its value."""

    name: str
    kind: type[Value]
    default: Value
    help: str
    bounds: Bounds
    choices: tuple[str, ...]
    is_tunable: bool
    """Whether trials may differ in it."""

    @property
    def wanted(self) -> str:
        """Return what a value must be, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.kind is bool:
            return "true or false"
        return f"{'a whole number' if self.kind is int else 'a number'} {self.bounds}".rstrip()

    def read(self, text: str) -> Value:
        """Return the value that a text stands for; raise ValueError saying what it must be."""
        return read(text, self.kind, bounds=self.bounds, choices=self.choices, wanted=self.wanted)


def read(text: str, kind: type[Value], *, bounds: Bounds, choices: Sequence[str] = (), wanted: str) -> Value:
    """Return the value of this kind that a text stands for; raise ValueError saying what is wanted."""
    try:
        value = _BOOLEANS[text.lower()] if kind is bool else kind(text)
        if choices and value not in choices:
            raise ValueError(value)
        if kind in (int, float) and float(value) not in bounds:
            raise ValueError(value)
    except (ValueError, KeyError, OverflowError):
        raise ValueError(f"{text!r} must be {wanted}") from None
    return value


def hyperparameter(
    default: T,
    *,
    help: str,
    bounds: Bounds = UNBOUNDED,
    choices: tuple[str, ...] = (),
    is_tunable: bool = True,
) -> T:
    """Return a dataclass field of this default that carries bounds, choices and help."""
    declared = {"help": help, "bounds": bounds, "choices": choices, "is_tunable": is_tunable}
    return field(default=default, metadata={_KEY: declared})


def hyperparameters(owner: type[Any]) -> dict[str, Hyperparameter]:
    """Return the hyper-parameters that a dataclass's fields declare, by name."""
    kinds = get_type_hints(owner)
    return {
        item.name: Hyperparameter(
            name=item.name, kind=kinds[item.name], default=item.default, **item.metadata[_KEY]
        )
        for item in fields(owner)
        if _KEY in item.metadata and item.default is not MISSING
    }
