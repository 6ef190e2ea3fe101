"""The Lambda actions that moto lacks."""

from moto.awslambda.responses import LambdaResponse


class LocalLambdaResponse(LambdaResponse):
    """moto's Lambda actions and ours."""
