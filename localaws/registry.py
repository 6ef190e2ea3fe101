"""The services that make up localaws."""

from localaws.context import Context
from localaws.faults import FaultService
from localaws.functions.service import FunctionService
from localaws.sagemaker.endpoints.service import EndpointService
from localaws.sagemaker.training.service import TrainingService
from localaws.sagemaker.tuning.service import TuningService
from localaws.services import Service


def create_services(context: Context) -> list[Service]:
    """Make every service, in the order in which they start (they stop in the reverse order)."""
    return [
        FaultService(context.faults),
        EndpointService(context),
        TrainingService(),
        TuningService(),
        FunctionService(context),
    ]
