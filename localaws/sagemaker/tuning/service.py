"""The tuning jobs that run in this localaws."""

from collections.abc import Iterator
from typing import Any

from localaws.context import current
from localaws.sagemaker.background import RunningJobs
from localaws.sagemaker.tuning.description import describe_jobs
from localaws.sagemaker.tuning.runner import TuningRunner


class TuningService(RunningJobs[TuningRunner]):
    """Keep the runner of every tuning job that has not ended. It stops before its training jobs do."""

    ABORT_S = 3.0

    def describe(self) -> dict[str, Iterator[dict[str, Any]]]:
        """Return the jobs for the status page."""
        return {"jobs": describe_jobs()}


def tuning_service() -> TuningService:
    """Return the service of the running localaws."""
    return current().find_service(TuningService)
