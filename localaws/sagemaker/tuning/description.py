"""What the status page shows of tuning jobs."""

from collections.abc import Iterator
from typing import Any

from localaws.sagemaker.every_job import newest_first
from localaws.sagemaker.tuning.job import LocalTuningJob
from localaws.sagemaker.tuning.trial import best_trial


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
            "best": describe_best(job),
            "created": job.creation_time,
            "ended": job.hyper_parameter_tuning_end_time,
        }


def describe_best(job: LocalTuningJob) -> str:
    """Return the best training job and its objective; empty before there is one."""
    best = best_trial(job.trials, objective=job.objective)
    if best is None:
        return ""
    return f"{best.job.training_job_name}, {job.objective.metric} {best.result:g}"
