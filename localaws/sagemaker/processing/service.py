"""The processing jobs that run in this localaws."""

from localaws.context import current
from localaws.sagemaker.background import RunningJobs
from localaws.sagemaker.processing.runner import ProcessingRunner


class ProcessingService(RunningJobs[ProcessingRunner]):
    """Keep the runner of every processing job that has not ended; what outlives ABORT_S is killed."""

    ABORT_S = 5.0


def processing_service() -> ProcessingService:
    """Return the service of the running localaws."""
    return current().find_service(ProcessingService)
