"""The transform jobs that run in this localaws."""

from collections.abc import Iterator
from typing import Any

from localaws.context import current
from localaws.sagemaker.background import RunningJobs
from localaws.sagemaker.transform.description import describe_jobs
from localaws.sagemaker.transform.runner import TransformRunner


class TransformService(RunningJobs[TransformRunner]):
    """Keep the runner of every transform job that has not ended; what outlives ABORT_S is killed."""

    ABORT_S = 5.0

    def describe(self) -> dict[str, Iterator[dict[str, Any]]]:
        """Return the jobs for the status page."""
        progress = {arn: runner.progress for arn, runner in self.running().items()}
        return {"jobs": describe_jobs(self.pids(), progress=progress)}


def transform_service() -> TransformService:
    """Return the service of the running localaws."""
    return current().find_service(TransformService)
