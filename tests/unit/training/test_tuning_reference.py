"""The benchmark's torchvision loop, written in plain torch, trains a head exactly as the shared loop does."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks.tuning_reference import EVALUATION_BATCH, Batch, Order, Reference, learning_rate, train_trial
from imgclf.distributed import World
from imgclf.learning.fit import run_fit
from imgclf.learning.recipe import Recipe
from imgclf.learning.state import Fit

ALONE = World(rank=0, size=1, local_rank=0, host="localhost", device=torch.device("cpu"))


class PointsReference(Reference):
    """A reference whose features are given, not computed from photos."""

    def __init__(self, inputs: dict[str, Any], head: nn.Module) -> None:
        self.inputs, self._head = inputs, head.state_dict()
        self.order = Order(len(inputs["train"].values), seed=1)

    def batches(self, epoch: int, split: str) -> Iterator[Batch]:
        """Yield the points in the reference's order."""
        values = self.inputs[split].values
        labels = torch.from_numpy(self.inputs[split].split.labels)
        whole = torch.arange(len(values)).split(EVALUATION_BATCH)
        for step in self.order if split == "train" else (places.tolist() for places in whole):
            yield values[step], labels[step], torch.tensor(step)


@pytest.mark.parametrize(("rate", "batch_size"), [(0.002, 7), (0.1, 30)])
def test_the_reference_is_the_same_recipe(make_points: type, rate: float, batch_size: int) -> None:
    inputs = {"train": make_points(images=90, seed=1), "valid": make_points(images=30, seed=2)}
    torch.manual_seed(1)
    head = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    reference = PointsReference(inputs, head)
    trial = {"learning_rate": rate, "batch_size": batch_size}
    theirs = train_trial(reference, trial, epochs=3, source=reference.batches)
    recipe = Recipe(epochs=3, seed=1, **trial)
    ours = run_fit(Fit(model=copy.deepcopy(head), inputs=inputs, recipe=recipe, world=ALONE, classes=3))
    assert theirs["valid_loss"] == pytest.approx(ours.best["valid_loss"], abs=1e-6)
    assert len(theirs["answers"]) == 30


def test_the_learning_rate_is_the_recipes() -> None:
    recipe = Recipe(learning_rate=0.01, batch_size=8, epochs=5, seed=1)
    for step in range(60):
        expected = recipe.rate(step, steps_per_epoch=12)
        assert learning_rate(0.01, step=step, steps=60) == pytest.approx(expected, rel=1e-12)
