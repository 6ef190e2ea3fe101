"""Choose the next hyper-parameters: Random and Grid. Neither repeats a combination."""

import random
from collections.abc import Iterable, Mapping
from typing import Protocol

from localaws.sagemaker.tuning.ranges import Space

Values = Mapping[str, str]

REDRAWS = 100
"""Draws of a combination that has been tried, before what is left of a finite space is listed."""
LISTED_SPACE = 100_000
"""Combinations up to which a space is listed."""


class Strategy(Protocol):
    """Proposes combinations, and hears how they did. Used from one thread."""

    def propose(self) -> dict[str, str] | None:
        """Return a combination that has not been tried, or None when there is none left."""
        ...

    def reserve(self, values: Values) -> None:
        """Hear that a combination is run that was not proposed: it must not be proposed while it runs."""
        ...

    def observe(self, values: Values, objective: float | None) -> None:
        """Hear the objective of a combination, which need not be one of the proposed; None: it has none."""
        ...


class Tried:
    """Remember combinations, and find one that is new."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._seen: set[tuple[str, ...]] = set()

    def add(self, values: Values) -> bool:
        """Remember a combination; return whether it is new."""
        key = tuple(values[item.name] for item in self._space.ranges)
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new

    def draw(self, rng: random.Random) -> dict[str, str] | None:
        """Draw a new combination, or None when all have been tried."""
        for _ in range(REDRAWS):
            values = self._space.sample(rng)
            if self.add(values):
                return values
        if self._space.combinations > LISTED_SPACE:
            return self._space.sample(rng)
        left = [values for values in self._space.grid() if tuple(values.values()) not in self._seen]
        if not left:
            return None
        chosen = rng.choice(left)
        self.add(chosen)
        return chosen


class RandomStrategy:
    """Draw combinations evenly on each range's scale; the same seed draws the same, whatever comes of it."""

    def __init__(self, space: Space, *, seed: int | None) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - a sampler, no secret
        self._tried = Tried(space)

    def propose(self) -> dict[str, str] | None:
        """Draw a new combination."""
        return self._tried.draw(self._rng)

    def reserve(self, values: Values) -> None:
        """Remember the combination, so that it is not drawn."""
        self._tried.add(values)

    def observe(self, values: Values, objective: float | None) -> None:
        """Remember the combination too."""
        self._tried.add(values)


class GridStrategy:
    """Give every combination once, in order."""

    def __init__(self, space: Space) -> None:
        self._left = space.grid()

    def propose(self) -> dict[str, str] | None:
        """Return the next combination."""
        return next(self._left, None)

    def reserve(self, values: Values) -> None:
        """Do nothing: a grid has no parents, and proposes all that it runs."""

    def observe(self, values: Values, objective: float | None) -> None:
        """Learn nothing: a grid does not depend on results."""


def observe_all(strategy: Strategy, past: Iterable[tuple[Values, float]]) -> None:
    """Tell a strategy of earlier trials."""
    for values, objective in past:
        strategy.observe(values, objective)
