"""What CreateAlias and UpdateAlias refuse beside the model, in AWS's words. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
"""

from collections.abc import Mapping

from moto.awslambda.exceptions import InvalidParameterValueException

from localaws.functions.arns import LATEST


def check_weights(weights: Mapping[str, float], *, version: str) -> None:
    """Refuse more than one further version, `$LATEST`, and the alias's own version twice."""
    if len(weights) > 1:
        raise InvalidParameterValueException(
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        )
    for further in weights:
        if version == LATEST:
            raise InvalidParameterValueException(
                "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        if further == version:
            raise InvalidParameterValueException(
                f"Invalid function version {further}. "
                f"Function version {further} is already included in routing configuration."
            )
