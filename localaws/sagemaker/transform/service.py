"""The transform jobs that run in this localaws."""

from localaws.context import current
from localaws.sagemaker.background import RunningJobs
from localaws.sagemaker.transform.runner import TransformRunner


class TransformService(RunningJobs[TransformRunner]):
    """Keep the runner of every transform job that has not ended; what outlives ABORT_S is killed."""

    ABORT_S = 5.0


def transform_service() -> TransformService:
    """Return the service of the running localaws."""
    return current().find_service(TransformService)
