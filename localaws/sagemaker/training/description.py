"""What the status page shows of training jobs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localaws.sagemaker.every_job import describe_processes, describe_resources, newest_first
from localaws.sagemaker.training.attempt import LOG_GROUP
from localaws.sagemaker.training.job import LocalTrainingJob


def describe_jobs(pids: Mapping[str, Mapping[str, int]]) -> Iterator[dict[str, Any]]:
    """Give a row for each training job, the newest first; `pids` are those of its hosts, by ARN."""
    jobs = newest_first(LocalTrainingJob, lambda backend: backend.training_jobs.values())
    for account_id, region, job in jobs:
        yield {
            "name": job.training_job_name,
            "kind": "Training",
            "account_id": account_id,
            "region": region,
            "status": job.training_job_status,
            "detail": job.secondary_status,
            "reason": job.failure_reason or "",
            "resources": describe_resources(job.resource_config),
            "processes": describe_processes(pids.get(job.arn, {})),
            "tuning_job": tuning_job_of(job),
            "metrics": [f"{metric['MetricName']} {metric['Value']:g}" for metric in metrics_of(job)],
            "created": job.creation_time,
            "ended": job.training_end_time,
            "log": {"group": LOG_GROUP, "prefix": f"{job.training_job_name}/"},
        }


def tuning_job_of(job: LocalTrainingJob) -> str:
    """Return the name of the tuning job that started a training job; empty where a client did."""
    return str(getattr(job, "tuning_job_arn", None) or "").rpartition("/")[2]


def metrics_of(job: LocalTrainingJob) -> Sequence[Mapping[str, Any]]:
    """Return the last value of each metric, once it has trained."""
    found: Sequence[Mapping[str, Any]] = job.final_metric_data_list or ()
    return found
