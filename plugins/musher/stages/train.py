"""Stage: train on one or more instances, with the best values that were found."""

from dataclasses import replace

from airflow.sdk import task

from musher import names
from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.payloads.training import TrainingPlan, build_training_job
from musher.results import Request, StagedDataset, TrainingJobResult, TuningResult
from musher.stages.groups import output_of, stage_group
from musher.stages.jobs import (
    Code,
    find_chosen_weights,
    needs_images,
    plan_one_instance,
    training_channels,
    training_options,
    upload_code,
)
from musher.stages.run import Run, current_run


@stage_group()
def train(
    dataset: StagedDataset, features: TrainingJobResult | None, tuning: TuningResult | None
) -> TrainingJobResult:
    """Train on a staged data set; return the job's name, artifacts, times and metrics.

    `features` and `tuning` may be None: these jobs are skipped where a run does without them.
    """
    operator = RunTrainingJobOperator(task_id="run_job", config=request_job(dataset, features, tuning))
    return output_of(operator, TrainingJobResult)


@task(multiple_outputs=False, trigger_rule="none_failed")
def request_job(
    dataset: StagedDataset, features: TrainingJobResult | None, tuning: TuningResult | None
) -> Request:
    """Return the CreateTrainingJob request."""
    with fail_without_retry(dataset=dataset):
        run = current_run()
        plan = plan_training(run, dataset=dataset, features=features, tuning=tuning, code=upload_code(run))
        return build_training_job(run.settings, plan=plan)


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
