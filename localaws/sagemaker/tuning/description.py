"""What the status page shows of tuning jobs."""

from collections.abc import Iterator
from typing import Any

from moto.sagemaker import models as moto_models

from localaws.backends import every_backend
from localaws.sagemaker.tuning.job import LocalTuningJob


def describe_jobs() -> Iterator[dict[str, Any]]:
    """Give a row for each tuning job, the newest first."""
    jobs = [
        (account_id, region, job)
        for account_id, region, backend in every_backend(moto_models.sagemaker_backends)
        for job in list(backend.hyper_parameter_tuning_jobs.values())
        if isinstance(job, LocalTuningJob)
    ]
    for account_id, region, job in sorted(jobs, key=lambda found: found[2].creation_time, reverse=True):
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
