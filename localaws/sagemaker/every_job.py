"""All jobs of one kind, of every account and region, for the status page."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from moto.sagemaker import models as moto_models

from localaws.backends import every_backend
from localaws.sagemaker.job_state import JobState

Job = TypeVar("Job")


def newest_first(kind: type[Job], jobs_of: Callable[[Any], Iterable[Any]]) -> list[tuple[str, str, Job]]:
    """Return (account, region, job) of the jobs of a class; `jobs_of` gives those that a backend keeps."""
    found: list[Any] = [
        (account_id, region, job)
        for account_id, region, backend in every_backend(moto_models.sagemaker_backends)
        for job in list(jobs_of(backend))
        if isinstance(job, kind)
    ]
    return sorted(found, key=lambda place: place[2].creation_time, reverse=True)


def describe_state(
    job: JobState,
    *,
    pids: Mapping[str, Mapping[str, int]],
    resources: Mapping[str, Any],
    log_group: str,
) -> dict[str, Any]:
    """Return what the rows of processing and transform jobs have in common; `pids` by ARN and instance."""
    return {
        "name": job.name,
        "kind": job.KIND.title(),
        "status": job.status,
        "reason": job.failure_reason or "",
        "resources": describe_resources(resources),
        "processes": describe_processes(pids.get(job.arn, {})),
        "created": job.creation_time,
        "ended": job.end_time,
        "log": {"group": log_group, "prefix": f"{job.name}/"},
    }


def describe_resources(resources: Mapping[str, Any]) -> str:
    """Return the number and type of a job's instances in words."""
    return f"{resources['InstanceCount']} x {resources['InstanceType']}"


def describe_processes(pids: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the processes of a job's instances."""
    return [{"name": name, "pid": pid} for name, pid in pids.items()]
