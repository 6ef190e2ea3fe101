"""Draw the trials of a search: ranges of hyper-parameters -> the values of each trial.

{"learning_rate": {"type": "continuous", "min": 0.001, "max": 0.1, "scale": "log"},
 "batch_size": {"type": "categorical", "values": [32, 64, 128]},
 "label_smoothing": {"type": "continuous", "min": 0, "max": 0.2, "steps": 3}}
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imgclf.errors import ConfigError
from imgclf.hyperparameters import hyperparameters
from imgclf.learning.recipe import Recipe

STRATEGIES = ("random", "grid")
TYPES = ("continuous", "integer", "categorical")
SCALES = ("linear", "log")
GRID_STEPS = 3
"""Points of a continuous range in a grid, where it does not say `steps`."""
MAX_TRIALS = 1000
REDRAWS = 100
"""Times that a trial equal to an earlier one is drawn again."""
DECLARED = hyperparameters(Recipe)
TUNABLE = {name for name, declared in DECLARED.items() if declared.is_tunable}
WORDS = {name: declared.choices for name, declared in DECLARED.items() if declared.choices}
INTEGERS = {name for name, declared in DECLARED.items() if declared.kind is int}

Value = float | int | str


@dataclass(frozen=True, kw_only=True)
class Range:
    """The values that one hyper-parameter may take."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    scale: str = "linear"
    steps: int = GRID_STEPS
    values: tuple[Value, ...] = ()

    def draw(self, rng: np.random.Generator) -> Value:
        """Return a value, drawn evenly along the scale."""
        if self.kind == "categorical":
            return self.values[int(rng.integers(len(self.values)))]
        return self._at(float(rng.random()))

    def points(self) -> list[Value]:
        """Return the range's values of a grid, each once."""
        if self.kind == "categorical":
            return list(self.values)
        shares = [step / max(1, self.steps - 1) for step in range(self.steps)]
        return list(dict.fromkeys(self._at(share) for share in shares))

    def _at(self, share: float) -> Value:
        """Return the value at this share (0..1) of the way from `low` to `high`."""
        low, high = (math.log(end) if self.scale == "log" else end for end in (self.low, self.high))
        value = low + share * (high - low)
        value = min(max(math.exp(value) if self.scale == "log" else value, self.low), self.high)
        return round(value) if self.kind == "integer" else value


def parse_ranges(text: str) -> list[Range]:
    """Read --ranges; raise ConfigError naming the hyper-parameter, what is wrong, and what is allowed."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"ranges {text!r} are no JSON ({error}): see search.py --help") from error
    if not isinstance(found, dict) or not found:
        raise ConfigError(f"ranges {text!r} must be a JSON object with at least one hyper-parameter")
    return [_parse_range(name, entry) for name, entry in sorted(found.items())]


def _parse_range(name: str, entry: Any) -> Range:
    """Read and check one range."""
    if name not in TUNABLE:
        raise ConfigError(f"ranges: {name!r} cannot be searched: use one of {', '.join(sorted(TUNABLE))}")
    kind = entry.get("type") if isinstance(entry, dict) else None
    if kind not in TYPES:
        raise ConfigError(f"ranges: {name} has type {kind!r}: use one of {', '.join(TYPES)}")
    return _parse_values(name, entry) if kind == "categorical" else _parse_interval(name, kind, entry)


def _parse_values(name: str, entry: Mapping[str, Any]) -> Range:
    """Read the values of a categorical range; numbers may come as text, as SageMaker has them."""
    values = entry.get("values")
    if not isinstance(values, list) or not values:
        raise ConfigError(f"ranges: {name} has values {values!r}: give a list of at least one")
    return Range(name=name, kind="categorical", values=tuple(_value(name, value) for value in values))


def _value(name: str, value: Any) -> Value:
    """Return a categorical value in the type of its hyper-parameter."""
    if name in WORDS:
        if value not in WORDS[name]:
            raise ConfigError(f"ranges: {name} has value {value!r}: use one of {', '.join(WORDS[name])}")
        return str(value)
    try:
        number = int(value) if name in INTEGERS else float(value)
        if not math.isfinite(number):
            raise ValueError(value)
        return number
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"ranges: {name} has value {value!r}: it must be a number") from None


def _parse_interval(name: str, kind: str, entry: Mapping[str, Any]) -> Range:
    """Read a continuous or integer range."""
    scale, steps = entry.get("scale", "linear"), entry.get("steps", GRID_STEPS)
    try:
        low, high = float(entry["min"]), float(entry["max"])
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"ranges: {name} needs numbers min and max, has {dict(entry)}") from None
    if name in WORDS or (name in INTEGERS) != (kind == "integer"):
        wanted = "categorical" if name in WORDS else "integer" if name in INTEGERS else "continuous"
        raise ConfigError(f"ranges: {name} has type {kind!r}: use {wanted!r}, or 'categorical'")
    if scale not in SCALES or not isinstance(steps, int) or steps < 1:
        raise ConfigError(
            f"ranges: {name} has scale {scale!r} and steps {steps!r}: use {' or '.join(SCALES)}, and 1 up"
        )
    if not (math.isfinite(low) and math.isfinite(high) and low <= high) or (scale == "log" and low <= 0):
        raise ConfigError(f"ranges: {name} goes from {low} to {high}: min up to max, above 0 for scale 'log'")
    return Range(name=name, kind=kind, low=low, high=high, scale=scale, steps=steps)


def draw_trials(ranges: Sequence[Range], *, strategy: str, trials: int, seed: int) -> list[dict[str, Value]]:
    """Return each trial's values: `trials` random ones, or every point of the grid.

    The same arguments give the same trials; the first n of a longer random search are those of a shorter.
    Raises ConfigError when the grid has more than `trials` points.
    """
    if strategy == "grid":
        points = [item.points() for item in ranges]
        count = math.prod(len(values) for values in points)
        if count > trials:
            raise ConfigError(f"the grid has {count} points, trials is {trials}: raise it or lower `steps`")
        return [dict(zip((item.name for item in ranges), p, strict=True)) for p in itertools.product(*points)]
    rng, drawn = np.random.default_rng([seed, 3]), list[dict[str, Value]]()
    for _ in range(trials):
        values = {item.name: item.draw(rng) for item in ranges}
        for _ in range(REDRAWS):
            if values not in drawn:
                break
            values = {item.name: item.draw(rng) for item in ranges}
        drawn.append(values)
    return drawn


def trial_recipe(base: Recipe, values: Mapping[str, Value], *, images: int) -> Recipe:
    """Return the recipe of one trial; raise ConfigError for values that no fit can use."""
    for name, value in values.items():
        try:
            DECLARED[name].read(str(value))
        except ValueError:
            raise ConfigError(f"{name} {value} must be {DECLARED[name].wanted}: mend its range") from None
    recipe = replace(base, **values)  # type: ignore[arg-type]
    if recipe.batch_size > images:
        raise ConfigError(
            f"batch_size {recipe.batch_size} must be from 1 to the {images} training images: mend its range"
        )
    return recipe
