"""Gather the numbers of one run from what its stages returned."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

Result = Mapping[str, Any]

TRAINING_KEYS = (
    "job_name",
    "status",
    "instance_type",
    "is_spot",
    "billable_seconds",
    "training_seconds",
    "metrics",
)
ENDPOINT_KEYS = ("name", "instance_type", "instances")
TUNING_KEYS = ("strategy", "job_name", "objective", "trials", "best")
NO_TUNING: Result = {"strategy": "none", "job_name": None, "objective": None, "trials": [], "best": None}


@dataclass(frozen=True, kw_only=True)
class StageResults:
    """Hold what each stage of a run returned; every result has `seconds`."""

    dataset: Result
    job: Result
    approved: Result
    endpoint: Result
    function: Result
    answers: Result

    @property
    def features(self) -> Result | None:
        """Return the job that computed the features; None where images are trained on."""
        return cast(Result | None, self.job["features"])

    @property
    def tuning(self) -> Result | None:
        """Return the trials; None where there are none."""
        return cast(Result | None, self.job["tuning"])


def build_summary(*, dag_id: str, run_id: str, started_at: datetime, results: StageResults) -> dict[str, Any]:
    """Return summary.json: ids, counts, accuracy, and seconds and billed seconds by stage."""
    dataset, job = results.dataset, results.job
    return {
        "run_id": run_id,
        "dag_id": dag_id,
        "dataset": {
            "id": dataset["dataset_id"],
            "name": dataset["name"],
            "classes": dataset["classes"],
            "images": dataset["images"],
        },
        "accuracy": results.approved["accuracy"],
        "loss": results.approved["loss"],
        "instances": job["instances"],
        "features": _features(results.features, started_at),
        "tuning": {key: results.tuning[key] for key in TUNING_KEYS} if results.tuning else NO_TUNING,
        "training": {**{key: job[key] for key in TRAINING_KEYS}, "spot_savings": spot_savings(job)},
        "endpoint": {key: results.endpoint[key] for key in ENDPOINT_KEYS},
        "lambda": {
            "function_name": results.function["function_name"],
            "status": results.answers["status"],
            "answers": results.answers["answers"],
        },
        "stages": build_stages(results, started_at=started_at),
    }


def build_stages(results: StageResults, *, started_at: datetime) -> dict[str, dict[str, float | None]]:
    """Return seconds and billed seconds by stage; billed is None where AWS bills nothing, or not by then.

    Training is billed for each instance; the endpoint bills until it is deleted, so its sum is not known yet.
    """
    optional: dict[str, dict[str, float | None]] = {}
    if results.features:
        is_old = is_adopted(results.features, started_at)
        optional["embed"] = (
            {"seconds": 0.0, "billed_seconds": 0.0}
            if is_old
            else _stage(results.features, billed_s=billed_seconds(results.features))
        )
    if results.tuning:
        optional["tune"] = _stage(results.tuning, billed_s=results.tuning["billed_seconds"])
    return {
        "stage_dataset": _stage(results.dataset),
        **optional,
        "train": _stage(results.job, billed_s=billed_seconds(results.job)),
        "evaluate": _stage(results.approved),
        "deploy": _stage(results.endpoint),
        "deploy_lambda": _stage(results.function),
        "smoke_test": _stage(results.answers, billed_s=results.answers["billed_seconds"]),
    }


def billed_seconds(job: Result) -> float | None:
    """Return a training job's billed seconds over all its instances, or None where AWS does not say."""
    billable = job["billable_seconds"]
    return None if billable is None else float(billable * job["instances"])


def spot_savings(job: Result) -> float | None:
    """Return the share (0 to 1) of the training time that spot capacity saved; None for other capacity.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
    """
    billable, training = job["billable_seconds"], job["training_seconds"]
    if not job["is_spot"] or billable is None or not training:
        return None
    return float(round(max(0.0, 1 - billable / training), 4))


def is_adopted(job: Result, started_at: datetime) -> bool:
    """Return whether a job is older than the run that uses it, so that this run has not paid for it."""
    created_at = job["created_at"] and datetime.fromisoformat(job["created_at"])
    return bool(created_at and created_at < started_at.replace(microsecond=0))


def _features(job: Result | None, started_at: datetime) -> dict[str, Any] | None:
    if job is None:
        return None
    return {"job_name": job["job_name"], "is_adopted": is_adopted(job, started_at)}


def _stage(result: Result, *, billed_s: float | None = None) -> dict[str, float | None]:
    return {"seconds": result["seconds"], "billed_seconds": billed_s}
