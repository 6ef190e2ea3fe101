"""What settings of asynchronous invocations may be, in AWS's words. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
"""

import re
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException

from localaws.wire.wording import matches

BOUNDS = {"MaximumRetryAttempts": (0, 2), "MaximumEventAgeInSeconds": (60, 21_600)}
"""The least and the most of each number."""
DESTINATION_PATTERN = (
    r"^$|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:([a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)"
)
SUCCESS_SERVICES = ("sqs", "sns", "lambda", "events")
FAILURE_SERVICES = (*SUCCESS_SERVICES, "s3")
SETTINGS = (*BOUNDS, "DestinationConfig")


def check_settings(request: Mapping[str, Any]) -> None:
    """Refuse settings that say nothing, or a value out of its bounds."""
    for member, (least, most) in BOUNDS.items():
        value = request.get(member)
        name = member[0].lower() + member[1:]
        if value is not None and value < least:
            raise ValidationException(
                str(value), name, f"Member must have value greater than or equal to {least}"
            )
        if value is not None and value > most:
            raise ValidationException(
                str(value), name, f"Member must have value less than or equal to {most}"
            )
    destinations = request.get("DestinationConfig") or {}
    for side, services in (("OnSuccess", SUCCESS_SERVICES), ("OnFailure", FAILURE_SERVICES)):
        _check_destination(destinations, side, services)
    if all(request.get(member) is None for member in SETTINGS):
        raise InvalidParameterValueException(
            "You must specify at least one of error handling or destination setting."
        )


def _check_destination(destinations: Mapping[str, Any], side: str, services: tuple[str, ...]) -> None:
    arn = destination_of(destinations, side)
    if re.fullmatch(DESTINATION_PATTERN, arn) is None:
        name = f"destinationConfig.{side[0].lower()}{side[1:]}.destination"
        raise ValidationException(arn, name, matches(DESTINATION_PATTERN))
    if arn and arn.split(":")[2] not in services:
        shown = ", ".join(_show(destinations, known) for known in ("OnSuccess", "OnFailure"))
        raise InvalidParameterValueException(
            f"The provided destination config DestinationConfig({shown}) is invalid."
        )


def _show(destinations: Mapping[str, Any], side: str) -> str:
    name = side[0].lower() + side[1:]
    arn = destination_of(destinations, side)
    return f"{name}={side}(destination={arn})" if arn else f"{name}=null"


def destination_of(destinations: Mapping[str, Any], side: str) -> str:
    """Return the ARN of OnSuccess or OnFailure, "" where there is none."""
    return str((destinations.get(side) or {}).get("Destination") or "")
