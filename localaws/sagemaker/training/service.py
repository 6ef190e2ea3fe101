"""The training jobs that run in this localaws."""

from collections.abc import Iterator
from typing import Any

from localaws.context import current
from localaws.sagemaker.background import RunningJobs
from localaws.sagemaker.training.description import describe_jobs
from localaws.sagemaker.training.runner import JobRunner


class TrainingService(RunningJobs[JobRunner]):
    """Keep the runner of every training job that has not ended; what outlives ABORT_S is killed."""

    ABORT_S = 5.0

    def describe(self) -> dict[str, Iterator[dict[str, Any]]]:
        """Return the jobs for the status page."""
        return {"jobs": describe_jobs(self.pids())}


def training_service() -> TrainingService:
    """Return the service of the running localaws."""
    return current().find_service(TrainingService)
