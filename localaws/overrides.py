"""Put our backends in the place of moto's, before moto's server asks for them.

moto finds a service's backends as an attribute of the service's package, of its `models` and of its
`responses`; all three are replaced, so that CloudFormation and the responses see the same state.
"""

import importlib
from typing import Any

from moto.core.base_backend import BackendDict


def replace_backends(*, service: str, package: str, attribute: str, backend: type[Any]) -> None:
    """Replace `moto.<package>`'s `BackendDict` named `attribute` with one of `backend`."""
    backends: BackendDict[Any] = BackendDict(backend, service)
    for name in (f"moto.{package}", f"moto.{package}.models", f"moto.{package}.responses"):
        module = importlib.import_module(name)
        if hasattr(module, attribute):
            setattr(module, attribute, backends)


def install() -> None:
    """Replace every backend that localaws overrides."""
    from localaws.functions.models import LocalLambdaBackend
    from localaws.iam.actions import add_actions
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
    add_actions()
