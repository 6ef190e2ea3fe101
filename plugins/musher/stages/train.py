"""Stage: train on one or more instances, with the best values that were found."""

from airflow.sdk import task

from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.results import Request, StagedDataset, TrainingJobResult, TuningResult
from musher.stages.groups import output_of, stage_group
from musher.stages.run import current_run


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
    from musher.payloads.training import build_training_job  # requests are no business of the DAG's parse
    from musher.stages.job_plans import plan_training
    from musher.stages.jobs import upload_code

    with fail_without_retry(dataset=dataset):
        run = current_run()
        plan = plan_training(run, dataset=dataset, features=features, tuning=tuning, code=upload_code(run))
        return build_training_job(run.settings, plan=plan)
