"""What the status page shows of processing jobs."""

from collections.abc import Iterator, Mapping
from typing import Any

from localaws.sagemaker.every_job import describe_state, newest_first
from localaws.sagemaker.processing.job import LocalProcessingJob
from localaws.sagemaker.processing.runner import LOG_GROUP


def describe_jobs(pids: Mapping[str, Mapping[str, int]]) -> Iterator[dict[str, Any]]:
    """Give a row for each processing job, the newest first; `pids` are those of its hosts, by ARN."""
    jobs = newest_first(LocalProcessingJob, lambda backend: backend.processing_jobs.values())
    for account_id, region, job in jobs:
        resources = job.processing_resources["ClusterConfig"]
        yield {
            **describe_state(job, pids=pids, resources=resources, log_group=LOG_GROUP),
            "account_id": account_id,
            "region": region,
            "detail": job.exit_message or "",
        }
