"""Errors that a client of Application Auto Scaling sees, worded as AWS words them.

JsonRESTError (moto's)
├── InvalidError                ValidationException      a request that cannot be met
├── ObjectNotFoundError         ObjectNotFoundException  no target, policy or action of that name
├── ResourceNotFoundError       no scalable target has this ARN
└── InvalidNextTokenError       a token that no page had
"""

from moto.core.exceptions import JsonRESTError

from localaws.autoscaling.spec import Place


class InvalidError(JsonRESTError):
    """A request that cannot be met."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class ObjectNotFoundError(JsonRESTError):
    """No target, policy or scheduled action of that name."""

    def __init__(self, message: str) -> None:
        super().__init__("ObjectNotFoundException", message)


class ResourceNotFoundError(JsonRESTError):
    """No scalable target has this ARN."""

    def __init__(self, arn: str) -> None:
        super().__init__("ResourceNotFoundException", f"The resource {arn} is not found.")


class InvalidNextTokenError(JsonRESTError):
    """A token that no page had."""

    def __init__(self, token: str) -> None:
        super().__init__("InvalidNextTokenException", f"The next token supplied is invalid: {token}")


def not_registered(place: Place) -> ObjectNotFoundError:
    """Return the refusal of a policy or scheduled action without a target."""
    return ObjectNotFoundError(f"No scalable target registered for {place}")


def no_target(place: Place) -> ObjectNotFoundError:
    """Return the refusal to deregister what is not registered."""
    return ObjectNotFoundError(f"No scalable target found for {place}")


def no_policy(place: Place, name: str) -> ObjectNotFoundError:
    """Return the refusal to delete a policy that is not there."""
    return ObjectNotFoundError(f"No scaling policy found for {place}, policy name: {name}")


def no_action(place: Place, name: str) -> ObjectNotFoundError:
    """Return the refusal to delete a scheduled action that is not there."""
    return ObjectNotFoundError(f"No scheduled action found for {place}, scheduled action name: {name}")
