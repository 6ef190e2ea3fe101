"""The Lambda backend."""

from moto.awslambda.models import LambdaBackend


class LocalLambdaBackend(LambdaBackend):
    """moto's Lambda, with functions that run."""
