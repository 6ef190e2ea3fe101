"""The rules of a recipe: learning rate by step, precision by device, weights by class."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from imgclf.errors import ConfigError
from imgclf.learning.recipe import Recipe, balanced_weights, resolve_precision

RECIPE = Recipe(learning_rate=0.1, batch_size=8, epochs=20, seed=1, warmup_share=0.1)
CPU = torch.device("cpu")


def rates(recipe: Recipe) -> list[float]:
    return [recipe.rate(step, steps_per_epoch=10) for step in range(200)]


@pytest.mark.parametrize("schedule", ["cosine", "step", "none"])
def test_the_learning_rate_rises_during_the_warm_up(schedule: str) -> None:
    found = rates(replace(RECIPE, schedule=schedule))
    assert found[0] == pytest.approx(0.1 / 20)
    assert found[19] == pytest.approx(0.1)
    assert found[:20] == sorted(found[:20])
    assert max(found) == pytest.approx(0.1)


def test_the_cosine_falls_to_almost_zero() -> None:
    found = rates(RECIPE)
    assert found[20:] == sorted(found[20:], reverse=True)
    assert found[109] == pytest.approx(0.05, rel=0.02)
    assert 0 < found[-1] < 1e-4


def test_steps_halve_the_learning_rate_every_five_epochs() -> None:
    found = rates(replace(RECIPE, schedule="step"))
    assert [found[epoch * 10] for epoch in (4, 5, 10, 15)] == pytest.approx([0.1, 0.05, 0.025, 0.0125])


def test_the_warm_up_is_a_tenth_of_the_fit_by_default() -> None:
    assert rates(Recipe(learning_rate=0.1, batch_size=8, epochs=20, seed=1)) == rates(RECIPE)


def test_a_fit_may_warm_up_throughout_or_not_at_all() -> None:
    rising = [0.1 * (step + 1) / 200 for step in range(200)]
    assert rates(replace(RECIPE, warmup_share=1.0)) == pytest.approx(rising)
    assert rates(replace(RECIPE, warmup_share=0.0))[0] == 0.1


def test_precision_follows_the_device() -> None:
    assert resolve_precision("auto", CPU) == "fp32"
    assert resolve_precision("bf16", CPU) == "bf16"
    with pytest.raises(ConfigError, match="precision 'fp16' needs a GPU"):
        resolve_precision("fp16", CPU)


def test_balanced_weights_give_each_class_the_same_sum() -> None:
    counts = torch.tensor([10, 30, 0, 60])
    weights = balanced_weights(counts)
    assert (weights * counts).tolist() == pytest.approx([100 / 3, 100 / 3, 0, 100 / 3])
    assert float((weights * counts).sum() / counts.sum()) == pytest.approx(1)
