"""Stage: hold the model against minimums, and against the live one on the same test images."""

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import task

from musher import names
from musher.hooks.connection import sagemaker_hook
from musher.operators.approval import AwaitApprovalOperator
from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.results import (
    ChampionSearch,
    Evaluation,
    RegisteredModel,
    Request,
    StagedDataset,
    TrainingJobResult,
    Verdict,
)
from musher.stages.groups import optional_request, output_of, stage_group
from musher.stages.run import current_run

if TYPE_CHECKING:
    pass


logger = logging.getLogger(__name__)

CHANNEL = "champion"
"""The channel in which evaluate.py finds the live model's archive."""


@stage_group(display_name="gate")
def gate(dataset: StagedDataset, evaluation: Evaluation, model: RegisteredModel) -> Verdict:
    """Approve the registry's version of the model, or refuse it and fail; with `approval` human, ask first.

    The live model is scored on the run's test split, by a job of its own where that is another one than it
    was trained with.
    """
    search: Any = find_champion(dataset, model)
    operator = RunTrainingJobOperator(task_id="run_job", config=request_score(dataset, search))
    verdict: Any = judge(evaluation, model, search, output_of(operator, TrainingJobResult))
    # Always deferred: a wait of days must not keep a worker.
    approval = AwaitApprovalOperator(task_id="await_approval", config=verdict, deferrable=True)
    return output_of(approval, Verdict)


@task(multiple_outputs=False)
def find_champion(dataset: StagedDataset, model: RegisteredModel) -> ChampionSearch:
    """Find the model that is live; none for a trial, and where nothing is live or its model is unknown."""
    from musher.stages.champion import read_champion  # what judges is no business of the DAG's parse

    with fail_without_retry(dataset=dataset, model=model):
        run = current_run()
        if not run.is_live:
            logger.info("a trial is held against the minimums alone")
            return ChampionSearch(found=None)
        found = read_champion(
            sagemaker_hook(run.settings), endpoint_name=run.endpoint_name, data_hash=dataset["data_hash"]
        )
        return ChampionSearch(found=found)


@optional_request()
def request_score(dataset: StagedDataset, search: ChampionSearch) -> Request | None:
    """Return the request of the job that scores the live model on the run's test split, or None.

    A live model of other classes is not scored: the job could only fail, and `judge` says what is wrong.
    """
    from musher.payloads.training import EVALUATE, build_training_job
    from musher.stages.jobs import image_channels, plan_one_instance, upload_code
    from musher.stages.judgement import load_classes, load_evaluation

    with fail_without_retry(dataset=dataset, search=search):
        champion = search["found"]
        if champion is None:
            return None
        if champion["is_same_data"]:
            logger.info("%s was scored on the same images when it was trained", champion["config_name"])
            return None
        run = current_run()
        if load_evaluation(run, champion["output_uri"])["classes"] != load_classes(run, dataset):
            logger.warning("%s knows other classes: it cannot be scored on these", champion["config_name"])
            return None
        plan = plan_one_instance(
            run,
            job_name=names.champion_job(run.settings, slug=run.slug),
            code=upload_code(run),
            channels={**image_channels(dataset, None), CHANNEL: champion["model_uri"]},
            hyperparameters={"max_bad_images": run.params["max_bad_images"]},
            program=EVALUATE,
        )
        return build_training_job(run.settings, plan=replace(plan, metric_definitions=[]))


@task(multiple_outputs=False, trigger_rule="none_failed")
def judge(
    evaluation: Evaluation,
    model: RegisteredModel,
    search: ChampionSearch,
    score: TrainingJobResult | None,
) -> Verdict:
    """Write the verdict into the registry; return it, or raise GateError with all that the model misses.

    With `approval` human, a model that misses nothing waits there for a person's verdict.
    """
    from musher.comparison import find_faults
    from musher.stages.judgement import load_champion, load_evaluation, require, settle

    started = time.monotonic()
    with fail_without_retry(evaluation=evaluation, model=model, search=search):
        run, champion = current_run(), search["found"]
        own = load_evaluation(run, evaluation["output_uri"])
        known = load_champion(run, champion, score)
        faults = find_faults(own, requirements=require(run.params), champion=known)
        settle(run, model=model, faults=faults, champion=champion)
        return Verdict(
            package_arn=model["package_arn"],
            model_uri=model["model_uri"],
            accuracy=own["accuracy"],
            champion=champion["config_name"] if champion else None,
            champion_accuracy=known["accuracy"] if known else None,
            seconds=round(time.monotonic() - started, 3),
        )
