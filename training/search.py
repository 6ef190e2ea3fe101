"""Run all trials of a search inside one job, over features that are computed once.

    python search.py --data FOLDER --trials 10 --epochs 5 \
        --ranges '{"learning_rate": {"type": "continuous", "min": 0.001, "max": 0.1, "scale": "log"}}'

For a frozen backbone, where starting a job costs more than a trial. Each trial trains a head as train.py
does, from the same first weights. The features come from channel `features`, or are computed first.
Rank 0 writes trials.json into the output folder; the trial with the lowest validation loss per image wins.
"""

from __future__ import annotations

import copy
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from imgclf.artifacts import write_json
from imgclf.distributed import World, joined_world
from imgclf.errors import ConfigError, DivergedError
from imgclf.features.embedding import Pass, compute_inputs
from imgclf.images.inputs import Inputs, Variation
from imgclf.images.loading import load_dataset
from imgclf.jobs import check_batch_size, head_recipe, make_job_on_features, make_model, make_pixels
from imgclf.learning.fit import run_fit
from imgclf.learning.metrics import metric_line
from imgclf.learning.recipe import Recipe, resolve_precision
from imgclf.learning.state import Fit, FitResult
from imgclf.learning.trials import Value, draw_trials, trial_recipe
from imgclf.networks.models import preset_for
from imgclf.presets import Preset
from imgclf.process import leave, log_to_stdout, run_script
from imgclf.search_arguments import SearchConfig, parse_search_arguments

logger = logging.getLogger("search")

OBJECTIVE = "best:valid_loss"
SEARCHED_SPLITS = ("train", "valid")
"""The test split stays unseen: nothing is chosen by it."""


@dataclass(frozen=True, kw_only=True)
class TrialSetup:
    """What all trials share."""

    inputs: dict[str, Inputs]
    head: nn.Module
    """The head's first weights; each trial trains a copy."""
    preset: Preset
    classes: int
    facts: dict[str, Any]
    """What trials.json says of the features."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial that came to its end."""

    number: int
    values: dict[str, Value]
    recipe: Recipe
    head: nn.Module
    """Holds the weights of its best epoch."""
    result: FitResult

    @property
    def objective(self) -> float:
        """Return the lowest validation loss per image of its epochs."""
        return float(self.result.best["valid_loss"])


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found."""

    setup: TrialSetup
    best: Trial
    record: dict[str, Any]
    """The content of trials.json."""


def search(config: SearchConfig, world: World) -> SearchResult:
    """Run all trials and write trials.json; every process of the job runs this."""
    started = time.monotonic()
    drawn = draw_trials(
        config.ranges, strategy=config.strategy, trials=config.trials, seed=config.train.recipe.seed
    )
    setup = make_setup(config, world)
    images = setup.inputs["train"].split.total
    base = config.train.recipe
    base = replace(base, precision=resolve_precision(base.precision, world.device))
    recipes = [head_recipe(trial_recipe(base, values, images=images)) for values in drawn]
    for recipe in recipes:
        check_batch_size(recipe, images=images, world=world)
    prepared = time.monotonic()
    best, entries = run_trials(setup, drawn, recipes, world)
    seconds = {"features": prepared - started, "trials": time.monotonic() - prepared}
    record = {
        "objective": OBJECTIVE,
        "best": {
            "hyperparameters": best.values,
            "objective": best.objective,
            "valid_accuracy": best.result.best["valid_accuracy"],
            "trial": best.number,
        },
        "trials": entries,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "strategy": config.strategy,
        "features": setup.facts,
    }
    if world.is_main:
        write_json(config.train.output_dir / "trials.json", record)
        line = metric_line(
            best_valid_loss=best.objective, best_valid_accuracy=best.result.best["valid_accuracy"]
        )
        logger.info("best trial %s %s: %s", best.number, best.values, line)
    return SearchResult(setup=setup, best=best, record=record)


def make_setup(config: SearchConfig, world: World) -> TrialSetup:
    """Read the features, or compute them from the images of the splits that are searched on."""
    train = config.train
    if train.features is not None:
        job = make_job_on_features(train, world)
        facts = {"data_hash": job.data.data_hash, "backbone_hash": job.origin.sha256, "engine": job.engine}
        return TrialSetup(
            inputs=job.inputs,
            head=job.model.head,
            preset=job.preset,
            classes=len(job.data.classes),
            facts=facts,
        )
    data = load_dataset(train.channels, world, max_bad_images=train.max_bad_images)
    model, origin = make_model(train, len(data.classes), world)
    preset = preset_for(architecture=train.architecture, image_size=train.image_size)
    pixels = make_pixels(train, data, preset, world)
    searched = {name: pixels[name] for name in SEARCHED_SPLITS}
    inputs, engine = compute_inputs(
        Pass(
            backbone=model.backbone,
            preset=preset,
            pixels=searched,
            world=world,
            views=config.views,
            engine=config.engine,
        )
    )
    facts = {"data_hash": data.data_hash, "backbone_hash": origin.sha256, "engine": engine}
    return TrialSetup(
        inputs=dict(inputs), head=model.head, preset=preset, classes=len(data.classes), facts=facts
    )


def run_trials(
    setup: TrialSetup, drawn: Sequence[dict[str, Value]], recipes: Sequence[Recipe], world: World
) -> tuple[Trial, list[dict[str, Any]]]:
    """Run the trials one after the other; return the best, and the entries of trials.json.

    A trial whose loss is no number any more fails alone. Raises DivergedError when all of them do.
    """
    best: Trial | None = None
    entries: list[dict[str, Any]] = []
    for number, (values, recipe) in enumerate(zip(drawn, recipes, strict=True), start=1):
        started = time.monotonic()
        try:
            trial = run_trial(setup, number, values, recipe, world)
        except DivergedError as error:
            logger.warning("trial %s of %s, %s, failed: %s", number, len(drawn), values, error)
            entries.append(
                {"trial": number, "hyperparameters": values, "status": "Failed", "reason": str(error)}
            )
            continue
        entries.append(_entry(trial, seconds=time.monotonic() - started))
        logger.info("trial %s of %s: %s %s: %.6f", number, len(drawn), values, OBJECTIVE, trial.objective)
        if best is None or trial.objective < best.objective:
            best = trial
    if best is None:
        raise DivergedError(f"all {len(drawn)} trials failed, the last one: {entries[-1]['reason']}")
    return best, entries


def run_trial(
    setup: TrialSetup, number: int, values: dict[str, Value], recipe: Recipe, world: World
) -> Trial:
    """Train a copy of the head as train.py would."""

    def vary(epoch: int) -> Variation:
        total = setup.inputs["train"].split.total
        return Variation(setup.preset, total=total, seed=recipe.seed, epoch=epoch)

    head = copy.deepcopy(setup.head)
    result = run_fit(
        Fit(model=head, inputs=setup.inputs, recipe=recipe, world=world, classes=setup.classes, vary=vary)
    )
    return Trial(number=number, values=values, recipe=recipe, head=head, result=result)


def _entry(trial: Trial, *, seconds: float) -> dict[str, Any]:
    """Return a finished trial's entry of trials.json."""
    names = ("epoch", "train_loss", "valid_loss", "valid_accuracy")
    return {
        "trial": trial.number,
        "hyperparameters": trial.values,
        "status": "Completed",
        "objective": trial.objective,
        "valid_accuracy": trial.result.best["valid_accuracy"],
        "best_epoch": trial.result.best_epoch,
        "epochs": [{name: epoch[name] for name in names} for epoch in trial.result.history],
        "seconds": round(seconds, 3),
    }


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the job and return its exit code."""

    def work() -> None:
        config = parse_search_arguments(arguments, environ)
        if config.train.finetune_epochs:
            raise ConfigError("search.py trains heads only: leave out --finetune_epochs")
        with joined_world(environ, timeout_s=config.train.peer_timeout_s) as world:
            search(config, world)

    return run_script(work, environ)


if __name__ == "__main__":
    log_to_stdout()
    leave(main(sys.argv[1:], os.environ))
