"""Stage: look for the learning rate and batch size that generalise best, before the real training is paid."""

import logging
from typing import cast

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException

from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.operators.tuning import RunTuningJobOperator
from musher.results import Request, StagedDataset, TrainingJobResult, TuningResult
from musher.stages.groups import optional_request, output_of, stage_group
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@stage_group()
def tune(dataset: StagedDataset, features: TrainingJobResult | None) -> TuningResult:
    """Make trials; return them with the best one. No job runs where tuning_strategy is none.

    `features` may be None: its job is skipped where images are trained on.
    """
    search = RunTrainingJobOperator(task_id="run_search", config=request_search(dataset, features))
    trials = RunTuningJobOperator(task_id="run_trials", config=request_trials(dataset, features))
    gathered = gather_trials(output_of(search, TrainingJobResult), output_of(trials, TuningResult))
    return cast(TuningResult, gathered)


@optional_request(trigger_rule="none_failed")
def request_search(dataset: StagedDataset, features: TrainingJobResult | None) -> Request | None:
    """Return the CreateTrainingJob request of the one job that makes all trials, or None: then none runs."""
    from musher.payloads.training import build_training_job  # requests are no business of the DAG's parse
    from musher.payloads.tuning import IN_JOB
    from musher.stages.job_plans import plan_search
    from musher.stages.jobs import upload_code

    run = current_run()
    if run.params["tuning_strategy"] != IN_JOB:
        logger.info("tuning_strategy is %s: no one job makes the trials", run.params["tuning_strategy"])
        return None
    with fail_without_retry(dataset=dataset):
        plan = plan_search(run, dataset=dataset, features=features, code=upload_code(run))
        return build_training_job(run.settings, plan=plan)


@optional_request(trigger_rule="none_failed")
def request_trials(dataset: StagedDataset, features: TrainingJobResult | None) -> Request | None:
    """Return the CreateHyperParameterTuningJob request, or None: then no tuning job runs."""
    from musher.payloads.tuning import STRATEGIES, build_tuning_job
    from musher.stages.job_plans import plan_trials
    from musher.stages.jobs import upload_code

    run = current_run()
    if run.params["tuning_strategy"] not in STRATEGIES:
        logger.info("tuning_strategy is %s: no tuning job makes trials", run.params["tuning_strategy"])
        return None
    with fail_without_retry(dataset=dataset):
        plan = plan_trials(run, dataset=dataset, features=features, code=upload_code(run))
        return build_tuning_job(run.settings, plan=plan)


@task(multiple_outputs=False, trigger_rule="none_failed_min_one_success")
def gather_trials(search: TrainingJobResult | None, trials: TuningResult | None) -> TuningResult:
    """Return the trials of whichever job made them, and the best one with its values.

    The other job's result is None: its task was skipped.
    """
    from musher.payloads.tuning import read_search
    from musher.stages.outputs import TRIALS, load_outputs

    if trials is not None:
        return trials
    if search is None:
        raise AirflowSkipException("no trials were made")
    with fail_without_retry():
        settings = current_run().settings
        [found] = load_outputs(settings, output_uri=search["output_uri"], names=[TRIALS])
        return read_search(found, job=search)
