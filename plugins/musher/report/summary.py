"""Gather the numbers of one run from what its stages returned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Result = Mapping[str, Any]

TRAINING_KEYS = ("job_name", "status", "instance_type", "billable_seconds", "training_seconds", "metrics")
ENDPOINT_KEYS = ("name", "instance_type", "instances")


@dataclass(frozen=True, kw_only=True)
class StageResults:
    """Hold what each stage of a run returned; every result has `seconds`."""

    dataset: Result
    job: Result
    approved: Result
    endpoint: Result
    function: Result
    answers: Result


def build_summary(*, dag_id: str, run_id: str, results: StageResults) -> dict[str, Any]:
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
        "training": {key: job[key] for key in TRAINING_KEYS},
        "endpoint": {key: results.endpoint[key] for key in ENDPOINT_KEYS},
        "lambda": {
            "function_name": results.function["function_name"],
            "status": results.answers["status"],
            "answers": results.answers["answers"],
        },
        "stages": build_stages(results),
    }


def build_stages(results: StageResults) -> dict[str, dict[str, float | None]]:
    """Return seconds and billed seconds by stage; billed is None where AWS bills nothing, or not by then.

    Training is billed for each instance; the endpoint bills until it is deleted, so its sum is not known yet.
    """
    job = results.job
    billable = job["billable_seconds"]
    return {
        "stage_dataset": _stage(results.dataset),
        "train": _stage(job, billed_s=None if billable is None else billable * job["instances"]),
        "evaluate": _stage(results.approved),
        "deploy": _stage(results.endpoint),
        "deploy_lambda": _stage(results.function),
        "smoke_test": _stage(results.answers, billed_s=results.answers["billed_seconds"]),
    }


def _stage(result: Result, *, billed_s: float | None = None) -> dict[str, float | None]:
    return {"seconds": result["seconds"], "billed_seconds": billed_s}
