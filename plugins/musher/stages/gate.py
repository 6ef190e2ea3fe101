"""Stage: hold the model against minimums, and against the live one on the same test images."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow.sdk import task

from musher import names
from musher.comparison import Requirements, find_faults
from musher.errors import GateError
from musher.hooks.connection import s3_hook, sagemaker_hook
from musher.hooks.objects import download
from musher.operators.approval import AwaitApprovalOperator
from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.params.deployment import HUMAN
from musher.payloads.registry import APPROVED, ASKING, PENDING, REJECTED, build_verdict
from musher.payloads.training import EVALUATE, build_training_job
from musher.results import (
    Champion,
    ChampionSearch,
    Evaluation,
    Params,
    RegisteredModel,
    Request,
    StagedDataset,
    TrainingJobResult,
    Verdict,
)
from musher.stages.champion import read_champion
from musher.stages.groups import optional_request, output_of, stage_group
from musher.stages.jobs import image_channels, plan_one_instance, upload_code
from musher.stages.outputs import EVALUATION, load_outputs
from musher.stages.run import Run, current_run

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


def settle(run: Run, *, model: RegisteredModel, faults: list[str], champion: Champion | None) -> None:
    """Approve or reject the version, or leave it to a person; raise GateError where it misses something."""
    against = f" and {champion['config_name']}" if champion else ""
    reason = "; ".join(faults) or f"held against the minimums{against}"
    is_asking = run.params["approval"] == HUMAN and not faults
    status = REJECTED if faults else PENDING if is_asking else APPROVED
    reason = ASKING + reason if is_asking else reason
    verdict = build_verdict(package_arn=model["package_arn"], status=status, reason=reason)
    sagemaker_hook(run.settings).conn.update_model_package(**verdict)
    logger.info("%s: %s: %s", model["package_arn"], status, reason)
    if faults:
        group = names.package_group(run.settings)
        raise GateError(
            f"Version {model['version']} of {group} is refused: {reason}. Nothing is deployed. Train longer, "
            "on more data or with another learning rate, or trigger again with lower requirements."
        )


def require(params: Params) -> Requirements:
    """Return what a model must reach, as the run's Params say."""
    return Requirements(
        min_accuracy=params["min_accuracy"],
        min_class_recall=params["min_class_recall"],
        max_calibration_error=params["max_calibration_error"],
        max_accuracy_drop=params["max_accuracy_drop"],
    )


def load_champion(
    run: Run, champion: Champion | None, score: TrainingJobResult | None
) -> Mapping[str, Any] | None:
    """Return the live model's evaluation on the run's test split."""
    if champion is None:
        return None
    return load_evaluation(run, score["output_uri"] if score else champion["output_uri"])


def load_classes(run: Run, dataset: StagedDataset) -> list[str]:
    """Return the names of the data set's classes, in the order of the model's answers."""
    manifest = json.loads(download(s3_hook(run.settings), uri=dataset["manifest_uri"]))
    classes: list[str] = manifest["classes"]
    return classes


def load_evaluation(run: Run, output_uri: str) -> Mapping[str, Any]:
    """Return the evaluation.json of a job's output."""
    [evaluation] = load_outputs(run.settings, output_uri=output_uri, names=[EVALUATION])
    return evaluation
