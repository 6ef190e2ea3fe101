"""Plan the jobs of a run: what each reads, which options it gets, and on how many instances it runs."""

import json
from dataclasses import replace

from musher import names
from musher.hooks.weights import Weights
from musher.payloads.features import RANDOM, FeaturesKey, features_id
from musher.payloads.training import EMBED, SEARCH, TrainingPlan
from musher.payloads.tuning import KINDS, TuningPlan
from musher.results import StagedDataset, TrainingJobResult, TuningResult
from musher.stages.jobs import (
    Code,
    Result,
    find_chosen_weights,
    image_channels,
    needs_images,
    plan_one_instance,
    plan_ranges,
    training_channels,
    training_options,
)
from musher.stages.run import Run


def plan_embedding(run: Run, *, dataset: StagedDataset, code: Code, weights: Weights | None) -> TrainingPlan:
    """Return the plan of a job whose name stands for all that its features depend on."""
    key = FeaturesKey(
        data_hash=dataset["data_hash"],
        weights=RANDOM if weights is None else weights.version,
        architecture=run.params["architecture"],
        image_size=int(run.params["image_size"]),
        views=int(run.params["feature_views"]),
        seed=int(run.params["seed"]),
        code_hash=code.code_hash,
    )
    plan = plan_one_instance(
        run,
        job_name=names.embed_job(run.settings, features_id=features_id(key)),
        code=code,
        channels=image_channels(dataset, weights),
        hyperparameters={
            "architecture": key.architecture,
            "image_size": key.image_size,
            "views": key.views,
            "seed": key.seed,
            "init": "random" if weights is None else "pretrained",
            "max_bad_images": run.params["max_bad_images"],
        },
        program=EMBED,
    )
    return replace(plan, instance_count=run.params["instance_count"], is_compressed=False)


def plan_search(run: Run, *, dataset: Result, features: Result | None, code: Code) -> TrainingPlan:
    """Return the plan of the job that makes all trials on shared features.

    The ranges are a JSON string of JSON: the container decodes each hyper-parameter once.
    """
    weights = find_chosen_weights(run)
    channels = training_channels(dataset, features=features, weights=weights, with_images=False)
    ranges = json.dumps(plan_ranges(run, dataset=dataset), separators=(",", ":"))
    fixed = {name: value for name, value in training_options(run, weights).items() if name not in KINDS}
    options = {
        **fixed,
        "epochs": run.params["tuning_epochs"],
        "finetune_epochs": 0,
        "int8": False,
        "trials": run.params["tuning_trials"],
        "ranges": json.dumps(ranges),
    }
    return plan_one_instance(
        run,
        job_name=names.search_job(run.settings, slug=run.slug),
        code=code,
        channels=channels,
        hyperparameters=options,
        program=SEARCH,
    )


def plan_trials(run: Run, *, dataset: Result, features: Result | None, code: Code) -> TuningPlan:
    """Return the plan of a tuning job whose trials are short runs of train.py that save no model."""
    weights, epochs = find_chosen_weights(run), run.params["tuning_epochs"]
    trial = plan_one_instance(
        run,
        job_name=names.tuning_job(run.settings, slug=run.slug),
        code=code,
        channels=training_channels(dataset, features=features, weights=weights, with_images=False),
        hyperparameters={
            **training_options(run, weights),
            "epochs": epochs,
            "finetune_epochs": 0,
            "int8": False,
            "save_model": False,
        },
    )
    return TuningPlan(
        trial=trial,
        strategy=run.params["tuning_strategy"],
        ranges=plan_ranges(run, dataset=dataset),
        trials=run.params["tuning_trials"],
        parallel=run.params["tuning_parallel"],
        seed=run.params["seed"],
        max_epochs=epochs,
    )


def plan_training(
    run: Run,
    *,
    dataset: StagedDataset,
    features: TrainingJobResult | None,
    tuning: TuningResult | None,
    code: Code,
) -> TrainingPlan:
    """Return the plan of a job with checkpoints, in which the best trial's values replace the Params'."""
    weights = find_chosen_weights(run)
    plan = plan_one_instance(
        run,
        job_name=names.training_job(run.settings, slug=run.slug),
        code=code,
        channels=training_channels(
            dataset, features=features, weights=weights, with_images=needs_images(run.params)
        ),
        hyperparameters={
            **training_options(run, weights),
            **(tuning["best"]["hyperparameters"] if tuning else {}),
        },
    )
    return replace(plan, instance_count=run.params["instance_count"], keeps_checkpoints=True)
