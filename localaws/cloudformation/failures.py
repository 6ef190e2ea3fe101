"""What a request wants to become of its stack where a resource is refused.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse

ROLLBACK, DELETE, DO_NOTHING = "ROLLBACK", "DELETE", "DO_NOTHING"

_wanted: ContextVar[str] = ContextVar("wanted_on_failure", default=ROLLBACK)

Action = Callable[[CloudFormationResponse], Any]


def wanted_on_failure() -> str:
    """Return what the request that is answered wants: ROLLBACK, DELETE or DO_NOTHING."""
    return _wanted.get()


def read_wish(response: CloudFormationResponse) -> str:
    """Return what a request says of failures; raises ValidationError where it says two things."""
    on_failure = response._get_param("OnFailure")
    is_kept = response._get_bool_param("DisableRollback", False)
    if on_failure and response._get_param("DisableRollback") is not None:
        raise ValidationError(message="You can specify either DisableRollback or OnFailure, but not both.")
    if response._get_bool_param("RetainExceptOnCreate", False):
        raise ValidationError(message="localaws does not know RetainExceptOnCreate: leave it out")
    return DO_NOTHING if is_kept else str(on_failure or ROLLBACK)


def with_wish(action: Action) -> Action:
    """Return an action of moto's that knows what its request says of failures."""

    @wraps(action)
    def answer(response: CloudFormationResponse) -> Any:
        token = _wanted.set(read_wish(response))
        try:
            return action(response)
        finally:
            _wanted.reset(token)

    return answer
