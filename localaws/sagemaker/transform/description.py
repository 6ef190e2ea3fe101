"""What the status page shows of transform jobs."""

from collections.abc import Iterator, Mapping
from typing import Any

from localaws.sagemaker.every_job import describe_state, newest_first
from localaws.sagemaker.transform.job import LocalTransformJob
from localaws.sagemaker.transform.runner import LOG_GROUP


def describe_jobs(
    pids: Mapping[str, Mapping[str, int]], *, progress: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Give a row for each transform job, the newest first; its processes and how far it is by ARN."""
    jobs = newest_first(LocalTransformJob, lambda backend: backend.transform_jobs.values())
    for account_id, region, job in jobs:
        yield {
            **describe_state(job, pids=pids, resources=job.transform_resources, log_group=LOG_GROUP),
            "account_id": account_id,
            "region": region,
            "detail": progress.get(job.arn, ""),
            "model": job.model_name,
        }
