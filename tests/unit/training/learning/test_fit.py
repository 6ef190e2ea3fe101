"""The training loop: one result for a seed, early stopping, weights for rare classes, no step after a NaN."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from imgclf.distributed import World
from imgclf.errors import DivergedError
from imgclf.learning.evaluation import evaluate, predict_split
from imgclf.learning.fit import run_fit
from imgclf.learning.recipe import Recipe
from imgclf.learning.state import Fit, FitResult

SOLO = World(rank=0, size=1, local_rank=0, host="localhost", device=torch.device("cpu"))
RECIPE = Recipe(learning_rate=0.01, batch_size=16, epochs=4, seed=3)


MakePoints = Callable[..., Any]
Run = Callable[..., tuple[nn.Module, FitResult]]


@pytest.fixture
def run(make_points: MakePoints) -> Run:
    """Return a fit of a linear model to the points: run(recipe, option=...) -> model and result."""

    def start(recipe: Recipe = RECIPE, **options: Any) -> tuple[nn.Module, FitResult]:
        torch.manual_seed(recipe.seed)
        model = nn.Linear(5, 3)
        inputs = {"train": make_points(images=90, seed=1), "valid": make_points(images=30, seed=2)}
        return model, run_fit(
            Fit(model=model, inputs=inputs, recipe=recipe, world=SOLO, classes=3, **options)
        )

    return start


def test_the_model_ends_with_the_best_epochs_weights(run: Run, make_points: MakePoints) -> None:
    model, result = run(replace(RECIPE, epochs=6, learning_rate=3.0, schedule="none"))
    losses = [entry["valid_loss"] for entry in result.history]
    assert result.best["valid_loss"] == min(losses) == losses[result.best_epoch - 1]
    found = evaluate(model, make_points(images=30, seed=2), SOLO)
    assert found.loss == pytest.approx(min(losses), rel=1e-6)


def test_a_seed_gives_the_same_weights_each_time(run: Run) -> None:
    first, second, other = (run(replace(RECIPE, seed=seed))[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["weight"], other["weight"])


def test_a_batch_computed_in_parts_gives_the_same_weights(run: Run) -> None:
    whole, parts = (run(replace(RECIPE, micro_batch_size=size))[0].state_dict() for size in (16, 3))
    assert torch.allclose(whole["weight"], parts["weight"], atol=1e-6)


def test_patience_ends_a_fit_that_gets_no_better(run: Run) -> None:
    _, result = run(replace(RECIPE, epochs=200, learning_rate=0.5, schedule="none", patience=3))
    assert result.stopped_early
    assert len(result.history) == result.best_epoch + 3


def test_balanced_weights_let_a_rare_class_count(make_points: MakePoints) -> None:
    labels = [0] * 30 + [1] * 30 + [2]
    valid = make_points(images=90, seed=2)
    recall = []
    for kind in ("none", "balanced"):
        torch.manual_seed(0)
        model = nn.Linear(5, 3)
        inputs = {"train": make_points(images=610, seed=1, labels=labels), "valid": valid}
        recipe = replace(RECIPE, class_weights=kind)
        run_fit(Fit(model=model, inputs=inputs, recipe=recipe, world=SOLO, classes=3))
        found = predict_split(model, valid, SOLO, classes=3)
        rare = found.logits[found.labels == 2].argmax(1)
        recall.append(float((rare == 2).float().mean()))
    assert recall[1] > recall[0] + 0.2


def test_a_loss_that_is_no_number_ends_the_fit_at_its_step(make_points: MakePoints) -> None:
    inputs = {"train": make_points(images=90, seed=1), "valid": make_points(images=30, seed=2)}
    inputs["train"].values[:] = torch.inf
    with pytest.raises(DivergedError, match="the loss is nan at step 1 of epoch 1: lower"):
        run_fit(Fit(model=nn.Linear(5, 3), inputs=inputs, recipe=RECIPE, world=SOLO, classes=3))


def test_a_last_step_that_breaks_the_weights_is_seen_by_the_validation(make_points: MakePoints) -> None:
    """Its own loss was computed before it."""
    inputs = {"train": make_points(images=90, seed=1), "valid": make_points(images=30, seed=2)}
    recipe = replace(RECIPE, batch_size=90, epochs=1, learning_rate=1e38)
    model = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 3))
    with pytest.raises(
        DivergedError, match=r"validation loss is (nan|inf) after epoch 1: lower learning_rate"
    ):
        run_fit(Fit(model=model, inputs=inputs, recipe=recipe, world=SOLO, classes=3))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_lower_precision_learns_as_well(run: Run, precision: str) -> None:
    _, result = run(replace(RECIPE, precision=precision, epochs=20))
    assert result.best["valid_accuracy"] > 0.8


def test_label_smoothing_raises_the_training_loss(run: Run) -> None:
    plain, smooth = (run(replace(RECIPE, epochs=20, label_smoothing=s))[1] for s in (0.0, 0.2))
    assert smooth.history[-1]["train_loss"] > plain.history[-1]["train_loss"] + 0.1


def test_a_fit_on_one_process_does_not_import_torchs_compiler(run: Run) -> None:
    """It takes 1.3 s of each job's start."""
    code = (
        "import sys, torch; from torch import nn; from imgclf.learning.optimizer import AdamW;"
        "m = nn.Linear(2, 2);"
        "o = AdamW(m.named_parameters(), weight_decay=0.0); m(torch.ones(1, 2)).sum().backward();"
        "o.step(learning_rate=0.1); o.zero_grad(); import imgclf.learning.fit;"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": "training"}).returncode
        == 0
    )
