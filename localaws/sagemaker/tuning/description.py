"""What the status page shows of tuning jobs."""

from collections.abc import Iterator
from typing import Any

from localaws.sagemaker.every_job import newest_first
from localaws.sagemaker.tuning.job import LocalTuningJob


def describe_jobs() -> Iterator[dict[str, Any]]:
    """Give a row for each tuning job, the newest first."""
    jobs = newest_first(LocalTuningJob, lambda backend: backend.hyper_parameter_tuning_jobs.values())
    for account_id, region, job in jobs:
        counters = job.counters()["TrainingJobStatusCounters"]
        yield {
            "name": job.hyper_parameter_tuning_job_name,
            "kind": "Tuning",
            "account_id": account_id,
            "region": region,
            "status": job.hyper_parameter_tuning_job_status,
            "detail": ", ".join(f"{count} {name}" for name, count in counters.items() if count),
            "reason": job.failure_reason or "",
            "resources": f"{len(job.trials)} trials",
            "created": job.creation_time,
            "ended": job.hyper_parameter_tuning_end_time,
        }
