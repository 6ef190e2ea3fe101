"""Stage: compute the features of a frozen backbone, once for all runs that need the same."""

import logging
from dataclasses import replace
from typing import cast

from airflow.sdk import XComArg

from musher import names
from musher.hooks.weights import Weights
from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.payloads.features import MARKER, RANDOM, FeaturesKey, features_id
from musher.payloads.training import EMBED, TrainingPlan, build_training_job
from musher.results import Preflight, Request, StagedDataset, TrainingJobResult
from musher.stages.groups import optional_request, output_of, stage_group
from musher.stages.jobs import Code, find_chosen_weights, image_channels, plan_one_instance, upload_code
from musher.stages.run import Run, current_run

logger = logging.getLogger(__name__)

REQUIREMENTS = "requirements-embed.txt"
"""The packages of this job alone: training reads features, and does without ONNX."""


@stage_group(display_name="embed, if the backbone is frozen")
def embed(dataset: StagedDataset, checked: Preflight) -> TrainingJobResult:
    """Compute a data set's features, or find them; return the job. No job runs unless the backbone is frozen.

    It is the first stage that pays, so it comes after `checked`, and the others come after it.
    """
    planned = request_features(dataset)
    cast(XComArg, checked) >> planned
    operator = RunTrainingJobOperator(task_id="run_job", config=planned, marker=MARKER)
    return output_of(operator, TrainingJobResult)


@optional_request()
def request_features(dataset: StagedDataset) -> Request | None:
    """Return the CreateTrainingJob request of the job that computes the features, or None: then none runs."""
    run = current_run()
    if not run.params["freeze_backbone"]:
        logger.info("freeze_backbone is off: no features are computed, training reads the images")
        return None
    with fail_without_retry(dataset=dataset):
        code, weights = upload_code(run, requirements=REQUIREMENTS), find_chosen_weights(run)
        plan = plan_embedding(run, dataset=dataset, code=code, weights=weights)
        return build_training_job(run.settings, plan=plan)


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
