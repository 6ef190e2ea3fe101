"""What settings of asynchronous invocations may be beside the model, in AWS's words. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
"""

from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

SUCCESS_SERVICES = ("sqs", "sns", "lambda", "events")
FAILURE_SERVICES = (*SUCCESS_SERVICES, "s3")
SETTINGS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


def check_settings(request: Mapping[str, Any]) -> None:
    """Refuse settings that say nothing, and destinations of services that cannot be one."""
    destinations = request.get("DestinationConfig") or {}
    for side, services in (("OnSuccess", SUCCESS_SERVICES), ("OnFailure", FAILURE_SERVICES)):
        _check_destination(destinations, side, services)
    if all(request.get(member) is None for member in SETTINGS):
        raise InvalidParameterValueException(
            "You must specify at least one of error handling or destination setting."
        )


def _check_destination(destinations: Mapping[str, Any], side: str, services: tuple[str, ...]) -> None:
    arn = destination_of(destinations, side)
    if arn and (not arn.startswith("arn:") or arn.split(":")[2] not in services):
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
