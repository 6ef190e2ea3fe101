"""Ranges become trials: bounded, repeatable, refused with a reason."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from imgclf.errors import ConfigError
from imgclf.learning.recipe import Recipe
from imgclf.learning.trials import draw_trials, parse_ranges, trial_recipe

RATE = {"type": "continuous", "min": 0.001, "max": 0.1, "scale": "log"}
BATCH = {"type": "categorical", "values": [32, "64", 128]}
BASE = Recipe(learning_rate=0.01, batch_size=32, epochs=5, seed=1)


def draw(trials: int = 8, *, strategy: str = "random", seed: int = 1, **ranges: Any) -> list[dict[str, Any]]:
    return draw_trials(parse_ranges(json.dumps(ranges)), strategy=strategy, trials=trials, seed=seed)


def test_random_trials_lie_in_their_ranges_and_repeat_with_the_seed() -> None:
    trials = draw(50, learning_rate=RATE, batch_size=BATCH, patience={"type": "integer", "min": 0, "max": 3})
    assert trials == draw(
        50, learning_rate=RATE, batch_size=BATCH, patience={"type": "integer", "min": 0, "max": 3}
    )
    assert trials != draw(50, seed=2, learning_rate=RATE, batch_size=BATCH)
    assert all(0.001 <= trial["learning_rate"] <= 0.1 for trial in trials)
    assert {trial["batch_size"] for trial in trials} == {32, 64, 128}
    assert {trial["patience"] for trial in trials} == {0, 1, 2, 3}


def test_a_log_scale_draws_as_many_values_in_each_decade() -> None:
    small = sum(trial["learning_rate"] < 0.01 for trial in draw(400, learning_rate=RATE))
    assert 160 < small < 240


def test_the_first_trials_of_a_longer_search_are_those_of_a_shorter() -> None:
    assert draw(9, learning_rate=RATE)[:4] == draw(4, learning_rate=RATE)


def test_no_trial_is_drawn_twice_while_others_are_left() -> None:
    assert len({trial["batch_size"] for trial in draw(3, batch_size=BATCH)}) == 3
    assert len(draw(5, batch_size=BATCH)) == 5


def test_a_grid_has_every_combination_once() -> None:
    trials = draw(9, strategy="grid", learning_rate={**RATE, "steps": 3}, batch_size=BATCH)
    assert len(trials) == 9
    rates = sorted({trial["learning_rate"] for trial in trials})
    assert all(math.isclose(a, b) for a, b in zip(rates, [0.001, 0.01, 0.1], strict=True))


def test_a_grid_larger_than_the_number_of_trials_is_refused() -> None:
    with pytest.raises(ConfigError, match="the grid has 9 points, trials is 8: raise it or lower"):
        draw(8, strategy="grid", learning_rate=RATE, batch_size=BATCH)


@pytest.mark.parametrize(
    ("ranges", "reason"),
    [
        ("{", "are no JSON"),
        ("{}", "at least one hyper-parameter"),
        (
            '{"momentum": {"type": "continuous", "min": 0, "max": 1}}',
            "'momentum' cannot be searched: use",
        ),
        ('{"seed": {"type": "integer", "min": 0, "max": 1}}', "'seed' cannot be searched"),
        ('{"learning_rate": 3}', "learning_rate has type None: use one of continuous"),
        ('{"learning_rate": {"type": "continuous", "min": 0.1}}', "needs numbers min and max"),
        ('{"learning_rate": {"type": "continuous", "min": 0.1, "max": 0.01}}', "goes from 0.1 to 0.01"),
        (
            '{"learning_rate": {"type": "continuous", "min": 0, "max": 1, "scale": "log"}}',
            "above 0 for",
        ),
        ('{"learning_rate": {"type": "continuous", "min": 0, "max": 1, "scale": "cube"}}', "scale 'cube'"),
        ('{"batch_size": {"type": "continuous", "min": 8, "max": 64}}', "use 'integer', or 'categorical'"),
        ('{"batch_size": {"type": "categorical", "values": []}}', "at least one"),
        ('{"batch_size": {"type": "categorical", "values": ["many"]}}', "'many': it must be a number"),
        ('{"schedule": {"type": "categorical", "values": ["linear"]}}', "use one of cosine, step, none"),
    ],
)
def test_ranges_that_cannot_work_are_named(ranges: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_ranges(ranges)
    assert reason in str(refused.value)


def test_a_trial_changes_its_own_values_only() -> None:
    recipe = trial_recipe(BASE, {"learning_rate": 0.05, "batch_size": 16}, images=100)
    assert (recipe.learning_rate, recipe.batch_size, recipe.epochs, recipe.seed) == (0.05, 16, 5, 1)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"batch_size": 512}, "batch_size 512 must be from 1 to the 100 training images"),
        ({"learning_rate": 20.0}, "learning_rate 20.0 must be a number above 0 and up to 1"),
        ({"label_smoothing": 0.6}, "label_smoothing 0.6 must be a number from 0 to 0.5: mend its range"),
    ],
)
def test_a_trial_that_no_fit_can_use_is_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        trial_recipe(BASE, values, images=100)
