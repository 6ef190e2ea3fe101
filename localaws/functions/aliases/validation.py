"""What CreateAlias and UpdateAlias refuse, in AWS's words. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
"""

import re
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException

from localaws.functions.arns import LATEST, QUALIFIER_LENGTH
from localaws.wire.wording import length_at_most, matches

NAME_PATTERN = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)"
VERSION_PATTERN = r"(\$LATEST|[0-9]+)"
WEIGHTS = "routingConfig.additionalVersionWeights"
WEIGHT_CONSTRAINT = (
    "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
    "Member must have value greater than or equal to 0.0, Member must not be null]"
)
VERSION_CONSTRAINT = (
    "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
    "Member must have length greater than or equal to 1, "
    "Member must satisfy regular expression pattern: [0-9]+, Member must not be null]"
)


def check_name(name: str) -> None:
    """Refuse what cannot name an alias: a number, above all."""
    if re.fullmatch(NAME_PATTERN, name) is None:
        raise ValidationException(name, "name", matches(NAME_PATTERN))
    if len(name) > QUALIFIER_LENGTH:
        raise ValidationException(name, "name", length_at_most(QUALIFIER_LENGTH))


def check_version(version: str) -> None:
    """Refuse what cannot be a version."""
    if re.fullmatch(VERSION_PATTERN, version) is None:
        raise ValidationException(version, "functionVersion", matches(VERSION_PATTERN))


def check_weights(weights: Mapping[str, Any], *, version: str) -> None:
    """Refuse more than one further version, shares that are none, `$LATEST` and the alias's own version."""
    if len(weights) > 1:
        raise InvalidParameterValueException(
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        )
    for further, weight in weights.items():
        text = f"{{{further}={weight if not _is_number(weight) else float(weight)}}}"
        if not _is_number(weight) or not 0.0 <= weight <= 1.0:
            raise ValidationException(text, WEIGHTS, WEIGHT_CONSTRAINT)
        if re.fullmatch("[0-9]+", further) is None:
            raise ValidationException(text, WEIGHTS, VERSION_CONSTRAINT)
        if version == LATEST:
            raise InvalidParameterValueException(
                "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        if further == version:
            raise InvalidParameterValueException(
                f"Invalid function version {further}. "
                f"Function version {further} is already included in routing configuration."
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
