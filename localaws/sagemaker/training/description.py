"""What the status page shows of training jobs."""

from collections.abc import Iterator, Mapping
from typing import Any

from localaws.sagemaker.every_job import newest_first
from localaws.sagemaker.training.attempt import LOG_GROUP
from localaws.sagemaker.training.job import LocalTrainingJob


def describe_jobs(pids: Mapping[str, Mapping[str, int]]) -> Iterator[dict[str, Any]]:
    """Give a row for each training job, the newest first; `pids` are those of its hosts, by ARN."""
    jobs = newest_first(LocalTrainingJob, lambda backend: backend.training_jobs.values())
    for account_id, region, job in jobs:
        resources = job.resource_config
        yield {
            "name": job.training_job_name,
            "kind": "Training",
            "account_id": account_id,
            "region": region,
            "status": job.training_job_status,
            "detail": job.secondary_status,
            "reason": job.failure_reason or "",
            "resources": f"{resources['InstanceCount']} x {resources['InstanceType']}",
            "processes": [{"name": host, "pid": pid} for host, pid in pids.get(job.arn, {}).items()],
            "created": job.creation_time,
            "ended": job.training_end_time,
            "log": {"group": LOG_GROUP, "prefix": f"{job.training_job_name}/"},
        }
