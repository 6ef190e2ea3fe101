"""AWS's sentences for requests about metrics that it refuses."""

from moto.cloudwatch.exceptions import (
    CloudWatchException,
    InvalidParameterCombination,
    InvalidParameterValue,
    ValidationError,
)

from localaws.wire.wording import one_of, tell_one


class MissingParameter(CloudWatchException):
    """A parameter that is needed is not there (API: MissingRequiredParameterException)."""

    code = "MissingParameter"


class InvalidNextToken(CloudWatchException):
    """A NextToken that no answer has given out."""

    code = "InvalidNextToken"


def invalid_token() -> InvalidNextToken:
    """Return the refusal of a NextToken, as every action but ListMetrics words it."""
    return InvalidNextToken("The next token specified is invalid.")


def enum(value: object, member: str, allowed: tuple[str, ...]) -> ValidationError:
    """Return the refusal of a value that is none of an enumeration."""
    return ValidationError(tell_one(value=value, member=member, rule=one_of(allowed)))


def required(name: str) -> MissingParameter:
    """Return the refusal of a request without a parameter that it needs."""
    return MissingParameter(f"The parameter {name} is required.")


def invalid(name: str, value: object, why: str = "") -> InvalidParameterValue:
    """Return the refusal of a value, with the reason where AWS gives none."""
    return InvalidParameterValue(f"The value {value} for parameter {name} is invalid.{' ' * bool(why)}{why}")


def unsupported(name: str, value: object) -> InvalidParameterValue:
    """Return the refusal of a statistic."""
    return InvalidParameterValue(f"The value {value} for parameter {name} is not supported.")


def exclusive(one: str, other: str) -> InvalidParameterCombination:
    """Return the refusal of two parameters of which a request may have one."""
    return InvalidParameterCombination(
        f"The parameters {one} and {other} are mutually exclusive and you have specified both."
    )
