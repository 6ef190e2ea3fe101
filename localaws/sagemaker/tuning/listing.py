"""Lists of tuning jobs and of their training jobs: filtered, sorted, and cut into pages. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localaws.sagemaker.tuning.job import LocalTuningJob
from localaws.sagemaker.tuning.trial import Trial

DEFAULT_PAGE = 10
"""Entries in an answer where the request names no MaxResults (AWS's default)."""
TIME_FILTERS = (
    "CreationTimeAfter",
    "CreationTimeBefore",
    "LastModifiedTimeAfter",
    "LastModifiedTimeBefore",
)


def list_trials(trials: Sequence[Trial], request: Mapping[str, Any]) -> list[Trial]:
    """Return what ListTrainingJobsForHyperParameterTuningJob lists, sorted (by default by name).

    Sorted by FinalObjectiveMetricValue, those without an objective are left out.
    """
    by = request.get("SortBy") or "Name"
    status = request.get("StatusEquals")
    found = [trial for trial in trials if status in (None, trial.status)]
    if by == "FinalObjectiveMetricValue":
        found = [trial for trial in found if trial.result is not None]
    keys: dict[str, Callable[[Trial], Any]] = {
        "Name": lambda trial: trial.job.training_job_name,
        "CreationTime": lambda trial: (trial.job.creation_time, trial.number),
        "Status": lambda trial: (trial.status, trial.number),
        "FinalObjectiveMetricValue": lambda trial: (trial.result, trial.number),
    }
    return sorted(found, key=keys[by], reverse=request.get("SortOrder") == "Descending")


def list_jobs(jobs: Sequence[LocalTuningJob], request: Mapping[str, Any]) -> list[LocalTuningJob]:
    """Return the tuning jobs that ListHyperParameterTuningJobs lists, sorted (by default by name)."""
    keys: dict[str, Callable[[LocalTuningJob], Any]] = {
        "Name": lambda job: job.hyper_parameter_tuning_job_name,
        "CreationTime": lambda job: (job.creation_time, job.hyper_parameter_tuning_job_name),
        "Status": lambda job: (job.hyper_parameter_tuning_job_status, job.hyper_parameter_tuning_job_name),
    }
    found = [job for job in jobs if _matches(job, request)]
    by = request.get("SortBy") or "Name"
    return sorted(found, key=keys[by], reverse=request.get("SortOrder") == "Descending")


def _matches(job: LocalTuningJob, request: Mapping[str, Any]) -> bool:
    checks: dict[str, Callable[[Any], bool]] = {
        "NameContains": lambda value: value.lower() in job.hyper_parameter_tuning_job_name.lower(),
        "StatusEquals": lambda value: value == job.hyper_parameter_tuning_job_status,
        "CreationTimeAfter": lambda value: job.creation_time > value,
        "CreationTimeBefore": lambda value: job.creation_time < value,
        "LastModifiedTimeAfter": lambda value: job.last_modified_time > value,
        "LastModifiedTimeBefore": lambda value: job.last_modified_time < value,
    }
    return all(check(request[name]) for name, check in checks.items() if request.get(name) is not None)


def cut_page(items: Sequence[Any], *, start: int, limit: int | None) -> tuple[Sequence[Any], str | None]:
    """Return one page and the NextToken of the following one, None on the last."""
    end = start + (limit or DEFAULT_PAGE)
    return items[start:end], str(end) if end < len(items) else None
