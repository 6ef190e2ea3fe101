"""Gather the numbers of one run from what its stages returned, however far it came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from musher.console import Console
from musher.console_kinds import (
    ENDPOINT,
    FUNCTION,
    INSTANCE,
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
    TUNING_JOB,
)
from musher.costs.billing import billed_seconds
from musher.payloads.tuning import IN_JOB
from musher.report.ec2 import describe_ec2
from musher.report.strict import make_strict
from musher.results import (
    LoadJobResult,
    LoadTestResult,
    RunResults,
    TrainingJobResult,
    TuningResult,
)

Summary = dict[str, Any]

TRAINING_KEYS = (
    "job_name",
    "status",
    "instance_type",
    "is_spot",
    "billable_seconds",
    "training_seconds",
    "metrics",
)
ENDPOINT_KEYS = (
    "name",
    "kind",
    "config_name",
    "previous_config_name",
    "instance_type",
    "instances",
    "captures_uri",
)
GATE_KEYS = ("package_arn", "champion", "champion_accuracy")
BATCH_KEYS = ("job_name", "output_uri", "images", "instance_type", "instances")
SCALING_KEYS = ("min_instances", "max_instances", "metric", "target", "alarms")
SHADOW_KEYS = ("role", "reason", "release", "percent", "production", "shadow", "faults")
LOAD_KEYS = (
    "target",
    "is_complete",
    "sent",
    "succeeded",
    "failed",
    "dropped",
    "errors",
    "succeeded_per_s",
    "latency",
    "instances",
    "predicted",
    "warnings",
)
TUNING_KEYS = ("strategy", "job_name", "objective", "trials", "best")
NO_TUNING: Final[Mapping[str, Any]] = {
    "strategy": "none",
    "job_name": None,
    "objective": None,
    "trials": [],
    "best": None,
}


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Say which run it is, and which of its tasks failed, with the reasons that are known, by task."""

    dag_id: str
    run_id: str
    started_at: datetime
    failures: Mapping[str, str | None]
    lifetime: str
    """Of endpoint and function: "live", they outlive the run, or "trial"."""
    reason_to_rest: str | None = None
    """Why there was nothing to do."""
    console: Console | None = None
    """What shows the run's resources in a browser, where something does."""


def build_summary(facts: RunFacts, results: RunResults) -> Summary:
    """Return summary.json: ids, counts, accuracy, and seconds and billed seconds by stage.

    What the run did not come to is None, and so is a loss that is no number: the training diverged.
    """
    evaluation, job = results["evaluation"], results["job"]
    summary = {
        "run_id": facts.run_id,
        "dag_id": facts.dag_id,
        "status": "failed" if facts.failures else "success",
        "failures": dict(facts.failures),
        "reason_to_rest": facts.reason_to_rest,
        "dataset": describe_dataset(results),
        "accuracy": evaluation["accuracy"] if evaluation else None,
        "loss": evaluation["loss"] if evaluation else None,
        "instances": job["instances"] if job else None,
        "features": describe_features(results["features"], facts.started_at),
        "tuning": pick(results["tuning"], TUNING_KEYS) or NO_TUNING,
        "training": {**pick(job, TRAINING_KEYS), "spot_savings": spot_savings(job)} if job else None,
        "ec2": describe_ec2(results),
        "endpoint": pick(results["endpoint"], ENDPOINT_KEYS) or None,
        "lifetime": facts.lifetime,
        "gate": pick(results["verdict"], GATE_KEYS) or None,
        "batch": pick(results["batch"], BATCH_KEYS) or None,
        "shadow": pick(results["shadow"], SHADOW_KEYS) or None,
        "scaling": pick(results["scaling"], SCALING_KEYS) or None,
        "lambda": describe_function(results),
        "load": describe_load(results["load"]),
        "stages": build_stages(results, started_at=facts.started_at),
        "links": build_links(results, console=facts.console),
    }
    strict: Summary = make_strict(summary)
    return strict


def build_links(results: RunResults, *, console: Console | None) -> dict[str, str]:
    """Return the console's pages by resource's name; none without a console that has them."""
    if console is None:
        return {}
    jobs = [job["job_name"] for job in (results["features"], results["job"]) if job]
    links = {name: console.page(TRAINING_JOB, name=name) for name in jobs}
    if (tuning := results["tuning"]) and tuning["strategy"] != IN_JOB:
        links[tuning["job_name"]] = console.page(TUNING_JOB, name=tuning["job_name"])
    if ec2 := results["ec2"]:
        links[ec2["job_name"]] = console.page(INSTANCE, name=ec2["job_name"])
    if batch := results["batch"]:
        links[batch["job_name"]] = console.page(TRANSFORM_JOB, name=batch["job_name"])
    if sender := job_of_load(results["load"]):
        links[sender["job_name"]] = console.page(PROCESSING_JOB, name=sender["job_name"])
    if endpoint := results["endpoint"]:
        links[endpoint["name"]] = console.page(ENDPOINT, name=endpoint["name"])
    if function := results["function"]:
        name = function["function_name"]
        links[f"function {name}"] = console.page(FUNCTION, name=name)
    return {name: address for name, address in links.items() if address}


def pick(result: Mapping[str, Any] | None, keys: Sequence[str]) -> dict[str, Any]:
    """Return some values of a result; nothing where there is none."""
    return {key: result[key] for key in keys} if result else {}


def describe_dataset(results: RunResults) -> dict[str, Any] | None:
    """Return id, name, classes and images of the data set, and what staging found where it says so."""
    dataset = results["dataset"]
    if dataset is None:
        return None
    found = dataset.get("found")
    return {
        "id": dataset["dataset_id"],
        "name": dataset.get("title") or dataset["name"],
        "classes": dataset["classes"],
        "images": dataset["images"],
        **({"found": pick(found, ("warnings", "notes"))} if found else {}),
    }


def describe_load(load: LoadTestResult | None) -> dict[str, Any] | None:
    """Return what a load test measured, and the job that sent it, if one did."""
    if load is None:
        return None
    sender = job_of_load(load)
    return {**pick(load, LOAD_KEYS), "job_name": sender["job_name"] if sender else None}


def job_of_load(load: LoadTestResult | None) -> LoadJobResult | None:
    """Return the job that sent a load; None where a worker did, and in results of earlier versions."""
    return load.get("job") if load else None


def describe_function(results: RunResults) -> dict[str, Any] | None:
    """Return the function's name and what it answered; without answers a status of None.

    The name is None where an asynchronous endpoint itself has answered.
    """
    function, answers = results["function"], results["answers"]
    if function is None and answers is None:
        return None
    return {
        "function_name": function["function_name"] if function else None,
        "status": answers["status"] if answers else None,
        "answers": answers["answers"] if answers else [],
    }


def build_stages(results: RunResults, *, started_at: datetime) -> dict[str, dict[str, float | None]]:
    """Return seconds and billed seconds by stage; billed is None where AWS bills nothing, or not by then.

    Training is billed for each instance; the endpoint bills until it is deleted, so its sum is not known yet.
    """
    answers, batch, sender = results["answers"], results["batch"], job_of_load(results["load"])
    shadow, ec2 = results["shadow"], results["ec2"]
    stages = {
        "stage_dataset": _stage(results["dataset"]),
        "embed": _embed(results["features"], started_at),
        "tune": _tune(results["tuning"]),
        "train": _job(results["job"]),
        "train_on_ec2": _stage(ec2, billed_s=ec2["seconds"] if ec2 else None),
        "evaluate": _stage(results["evaluation"]),
        "gate": _stage(results["verdict"]),
        "batch": _stage(batch, billed_s=batch["billed_seconds"] if batch else None),
        "shadow": _stage(shadow if shadow and shadow["percent"] else None),
        "deploy": _stage(results["endpoint"]),
        "deploy_lambda": _stage(results["function"]),
        "smoke_test": _stage(answers, billed_s=answers["billed_seconds"] if answers else None),
        "autoscale": _stage(results["scaling"]),
        "load_test": _stage(results["load"], billed_s=sender["billed_seconds"] if sender else None),
    }
    return {name: figures for name, figures in stages.items() if figures is not None}


def spot_savings(job: TrainingJobResult) -> float | None:
    """Return the share (0 to 1) of the training time that spot capacity saved; None for other capacity.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
    """
    billable, training = job["billable_seconds"], job["training_seconds"]
    if not job["is_spot"] or billable is None or not training:
        return None
    return float(round(max(0.0, 1 - billable / training), 4))


def is_adopted(job: TrainingJobResult, started_at: datetime) -> bool:
    """Return whether a job is older than the run that uses it, so that this run has not paid for it."""
    created_at = job["created_at"] and datetime.fromisoformat(job["created_at"])
    return bool(created_at and created_at < started_at.replace(microsecond=0))


def describe_features(job: TrainingJobResult | None, started_at: datetime) -> dict[str, Any] | None:
    """Return the name of the job that computed the features, and whether an earlier run paid for it."""
    if job is None:
        return None
    return {"job_name": job["job_name"], "is_adopted": is_adopted(job, started_at)}


def _embed(job: TrainingJobResult | None, started_at: datetime) -> dict[str, float | None] | None:
    if job is not None and is_adopted(job, started_at):
        return {"seconds": 0.0, "billed_seconds": 0.0}
    return _job(job)


def _job(job: TrainingJobResult | None) -> dict[str, float | None] | None:
    if job is None:
        return None
    return _stage(job, billed_s=billed_seconds(billable=job["billable_seconds"], instances=job["instances"]))


def _tune(tuning: TuningResult | None) -> dict[str, float | None] | None:
    return _stage(tuning, billed_s=tuning["billed_seconds"]) if tuning else None


def _stage(
    result: Mapping[str, Any] | None, *, billed_s: float | None = None
) -> dict[str, float | None] | None:
    return {"seconds": result["seconds"], "billed_seconds": billed_s} if result else None
