"""What localaws is made of: the services that run here, and the backends that take the place of moto's.

moto finds a service's backends as an attribute of the service's package, of its `models` and of its
`responses`; all three are replaced, so that CloudFormation and the responses see the same state.
"""

import importlib
from typing import Any

from moto.core.base_backend import BackendDict

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


def install_backends() -> None:
    """Replace every backend that localaws overrides, before moto's server asks for it."""
    from localaws.autoscaling.actions import add_actions as add_autoscaling_actions
    from localaws.cloudformation.backend import install as install_cloudformation
    from localaws.cloudwatch_logs.actions import add_actions as add_log_actions
    from localaws.functions.models import LocalLambdaBackend
    from localaws.iam.actions import add_actions as add_iam_actions
    from localaws.iam.managed import install_managed_policies
    from localaws.sagemaker.endpoints.cloudformation import correct_resources
    from localaws.sagemaker.models import LocalSageMakerBackend

    replace_backends(
        service="sagemaker",
        package="sagemaker",
        attribute="sagemaker_backends",
        backend=LocalSageMakerBackend,
    )
    replace_backends(
        service="lambda", package="awslambda", attribute="lambda_backends", backend=LocalLambdaBackend
    )
    correct_resources()
    add_iam_actions()
    add_autoscaling_actions()
    install_managed_policies()
    install_cloudformation()
    add_log_actions()


def replace_backends(*, service: str, package: str, attribute: str, backend: type[Any]) -> None:
    """Replace `moto.<package>`'s `BackendDict` named `attribute` with one of `backend`."""
    backends: BackendDict[Any] = BackendDict(backend, service)
    for name in (f"moto.{package}", f"moto.{package}.models", f"moto.{package}.responses"):
        module = importlib.import_module(name)
        if hasattr(module, attribute):
            setattr(module, attribute, backends)
