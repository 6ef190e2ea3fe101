"""Find the backend of a function, whatever account and region it lies in."""

from typing import Any

from moto.awslambda import models as moto_models

from localaws.functions.arns import Target
from localaws.functions.models import LocalLambdaBackend


def backends() -> list[LocalLambdaBackend]:
    """Return every backend that there is."""
    known: Any = moto_models.lambda_backends
    return [backend for regions in list(known.values()) for backend in list(regions.values())]


def backend_of(target: Target) -> LocalLambdaBackend:
    """Return the backend that a target's function lies in."""
    backend: Any = moto_models.lambda_backends[target.account_id][target.region]
    return backend  # type: ignore[no-any-return]
