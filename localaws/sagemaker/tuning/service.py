"""The tuning jobs that run in this localaws."""

from localaws.context import current
from localaws.sagemaker.background import RunningJobs
from localaws.sagemaker.tuning.runner import TuningRunner


class TuningService(RunningJobs[TuningRunner]):
    """Keep the runner of every tuning job that has not ended. It stops before its training jobs do."""

    ABORT_S = 3.0
    COMPUTES = False


def tuning_service() -> TuningService:
    """Return the service of the running localaws."""
    return current().find_service(TuningService)
