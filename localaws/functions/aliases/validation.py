"""What CreateAlias and UpdateAlias refuse beside the model, in AWS's words. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

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


def check_versions(versions: Sequence[Any]) -> None:
    """Refuse functions that no alias can share its traffic among: of other roles or dead-letter queues.

    https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html; the second sentence is ours.
    """
    if len({version.role for version in versions}) > 1:
        raise InvalidParameterValueException(
            "Specified versions must be associated with the same execution role"
        )
    queues = {(version.dead_letter_config or {}).get("TargetArn") or None for version in versions}
    if len(queues) > 1:
        raise InvalidParameterValueException(
            "Specified versions must have the same dead-letter queue, or none"
        )


def check_provisioned(weights: Mapping[str, float]) -> None:
    """Refuse to share the traffic of an alias that has provisioned concurrency of its own."""
    if weights:
        raise InvalidParameterValueException("Invalid alias configuration for Provisioned Concurrency")
