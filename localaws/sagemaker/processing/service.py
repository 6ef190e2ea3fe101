"""The processing jobs that run in this localaws."""

from collections.abc import Iterator
from typing import Any

from localaws.context import current
from localaws.sagemaker.background import RunningJobs
from localaws.sagemaker.processing.description import describe_jobs
from localaws.sagemaker.processing.runner import ProcessingRunner


class ProcessingService(RunningJobs[ProcessingRunner]):
    """Keep the runner of every processing job that has not ended; what outlives ABORT_S is killed."""

    ABORT_S = 5.0

    def describe(self) -> dict[str, Iterator[dict[str, Any]]]:
        """Return the jobs for the status page."""
        return {"jobs": describe_jobs(self.pids())}


def processing_service() -> ProcessingService:
    """Return the service of the running localaws."""
    return current().find_service(ProcessingService)
