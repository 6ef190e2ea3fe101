"""Stage: train on one or more instances, with the best values that were found."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow.sdk import task, task_group

from musher import names
from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.payloads.training import TrainingPlan, build_training_job
from musher.stages.jobs import (
    Code,
    Result,
    chosen_weights,
    make_plan,
    training_channels,
    training_options,
    upload_code,
)
from musher.stages.run import Run, current_run


@task_group
def train(dataset: Any, features: Any, tuning: Any) -> Any:
    """Train on a staged data set; return the job's name, artifacts, times and metrics.

    `features` and `tuning` may be None: these stages are skipped where a run does without them.
    """
    return RunTrainingJobOperator(
        task_id="run_job",
        config=plan_job(dataset, features, tuning),
        execution_timeout=timedelta(hours=26),
    ).output


@task(multiple_outputs=False, trigger_rule="none_failed")
def plan_job(
    dataset: dict[str, Any], features: dict[str, Any] | None, tuning: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the CreateTrainingJob request."""
    with fail_without_retry(dataset=dataset):
        run = current_run()
        plan = choose_plan(run, dataset=dataset, features=features, tuning=tuning, code=upload_code(run))
        return build_training_job(run.settings, plan=plan)


def choose_plan(
    run: Run, *, dataset: Result, features: Result | None, tuning: Result | None, code: Code
) -> TrainingPlan:
    """Return the plan of a job with checkpoints, in which the best trial's values replace the Params'."""
    weights = chosen_weights(run)
    plan = make_plan(
        run,
        job_name=names.training_job(run.settings, slug=run.slug),
        code=code,
        channels=training_channels(
            dataset, features=features, weights=weights, with_images=bool(run.params["finetune_epochs"])
        ),
        hyperparameters={
            **training_options(run, weights),
            **(tuning["best"]["hyperparameters"] if tuning else {}),
        },
    )
    return replace(plan, instance_count=run.params["instance_count"], keeps_checkpoints=True)
