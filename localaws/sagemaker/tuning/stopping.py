"""Decide by its intermediate objectives whether a training job is worth going on with."""

import statistics
from collections.abc import Sequence
from typing import Protocol

from localaws.sagemaker.tuning.spec import Objective


class Stopper(Protocol):
    """Follows training jobs, numbered in the order of their start. Used from one thread."""

    def begin(self, number: int) -> None:
        """Hear that a training job starts."""
        ...

    def report(self, number: int, values: Sequence[float]) -> bool:
        """Hear all values of a training job up to now, at each new one; return whether to stop it."""
        ...

    def end(self, number: int, values: Sequence[float], *, completed: bool) -> None:
        """Hear that a training job has ended; `completed`: by itself, on the instances it began on."""
        ...


class NeverStop:
    """Let every training job run to its end."""

    def begin(self, number: int) -> None:
        """Note nothing."""

    def report(self, number: int, values: Sequence[float]) -> bool:
        """Go on."""
        return False

    def end(self, number: int, values: Sequence[float], *, completed: bool) -> None:
        """Note nothing."""


class MedianRule:
    """TrainingJobEarlyStoppingType Auto.

    A training job is stopped where its objective is worse than the median of the running averages that the
    completed training jobs had up to the same epoch
    (https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html).
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._completed: list[list[float]] = []

    def begin(self, number: int) -> None:
        """Note nothing."""

    def report(self, number: int, values: Sequence[float]) -> bool:
        """Compare the latest value with those that have come as far."""
        epochs = len(values)
        averages = [statistics.fmean(past[:epochs]) for past in self._completed if len(past) >= epochs]
        return bool(averages) and self._objective.is_better(statistics.median(averages), values[-1])

    def end(self, number: int, values: Sequence[float], *, completed: bool) -> None:
        """Keep the values of a training job that completed."""
        if completed and values:
            self._completed.append(list(values))
