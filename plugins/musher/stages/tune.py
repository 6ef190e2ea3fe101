"""Stage: look for the learning rate and batch size that generalise best, before the real training is paid."""

import json
import logging
from typing import cast

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException

from musher import names
from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.operators.tuning import RunTuningJobOperator
from musher.payloads.training import SEARCH, TrainingPlan, build_training_job
from musher.payloads.tuning import (
    IN_JOB,
    KINDS,
    STRATEGIES,
    TuningPlan,
    build_tuning_job,
    read_search,
)
from musher.results import Request, StagedDataset, TrainingJobResult, TuningResult
from musher.stages.groups import optional_request, output_of, stage_group
from musher.stages.jobs import (
    Code,
    Result,
    find_chosen_weights,
    plan_one_instance,
    plan_ranges,
    training_channels,
    training_options,
    upload_code,
)
from musher.stages.outputs import TRIALS, load_outputs
from musher.stages.run import Run, current_run

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
    if trials is not None:
        return trials
    if search is None:
        raise AirflowSkipException("no trials were made")
    with fail_without_retry():
        settings = current_run().settings
        [found] = load_outputs(settings, output_uri=search["output_uri"], names=[TRIALS])
        return read_search(found, job=search)


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
