"""Stage: train on one or more instances."""

import json
from datetime import timedelta
from typing import Any

from airflow.sdk import task, task_group

from musher import names
from musher.errors import PayloadError
from musher.hooks.connection import s3_hook
from musher.hooks.objects import upload_once
from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.packaging import pack_source
from musher.payloads.training import TrainingPlan, build_training_job
from musher.settings import Settings
from musher.stages.run import Run, current_run

HYPERPARAMETERS = (
    "architecture",
    "image_size",
    "epochs",
    "batch_size",
    "learning_rate",
    "freeze_backbone",
    "seed",
)
"""The Params that train.py takes as options of the same name."""

CHANNELS = ("train", "valid", "test", "manifest")


@task_group
def train(dataset: Any) -> Any:
    """Train on a staged data set; return the job's name, artefacts, times and metrics."""
    return RunTrainingJobOperator(
        task_id="run_job", config=plan_job(dataset), execution_timeout=timedelta(hours=26)
    ).output


@task(multiple_outputs=False)
def plan_job(dataset: dict[str, Any]) -> dict[str, Any]:
    """Upload the training code, named by its hash; return the CreateTrainingJob request."""
    with fail_without_retry():
        run = current_run()
        archive = pack_source(folder=run.settings.training_dir)
        key = names.source_key(run.settings, code_hash=archive.code_hash)
        source_uri = upload_once(s3_hook(run.settings), run.settings, key=key, data=archive.body)
        return build_training_job(run.settings, plan=choose_plan(run, dataset=dataset, source_uri=source_uri))


def choose_plan(run: Run, *, dataset: dict[str, Any], source_uri: str) -> TrainingPlan:
    """Return the plan that the run's Params, its data set and its code make."""
    return TrainingPlan(
        job_name=names.training_job(run.settings, slug=run.slug),
        source_uri=source_uri,
        channels={channel: dataset[f"{channel}_uri"] for channel in CHANNELS},
        hyperparameters={name: run.params[name] for name in HYPERPARAMETERS},
        instance_type=run.params["instance_type"],
        instance_count=run.params["instance_count"],
        max_runtime_s=run.params["max_runtime_s"],
        metric_definitions=load_metric_definitions(run.settings),
        tags=run.tags,
    )


def load_metric_definitions(settings: Settings) -> list[dict[str, str]]:
    """Return the names and patterns of the metrics that train.py prints."""
    path = settings.training_dir / "metric_definitions.json"
    try:
        definitions: list[dict[str, str]] = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise PayloadError(
            f"{path} cannot be read: {error}. Point MUSHER_TRAINING_DIR at training/."
        ) from error
    return definitions
