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
EXECUTING = "ExecuteChangeSet"

_wanted: ContextVar[str] = ContextVar("wanted_on_failure", default=ROLLBACK)

Action = Callable[[CloudFormationResponse], Any]


def wanted_on_failure() -> str:
    """Return what the request that is answered wants: ROLLBACK, DELETE or DO_NOTHING."""
    return _wanted.get()


def read_wish(response: CloudFormationResponse) -> str:
    """Return what a request says of failures; raises ValidationError where it says two things."""
    on_failure = response._get_param("OnFailure") or _wish_of_change_set(response)
    is_kept = response._get_bool_param("DisableRollback", False)
    if on_failure and response._get_param("DisableRollback") is not None:
        other = "OnStackFailure" if response._get_action() == EXECUTING else "OnFailure"
        raise ValidationError(message=f"You can specify either DisableRollback or {other}, but not both.")
    if response._get_bool_param("RetainExceptOnCreate", False):
        raise ValidationError(message="localaws does not know RetainExceptOnCreate: leave it out")
    return DO_NOTHING if is_kept else str(on_failure or ROLLBACK)


def _wish_of_change_set(response: CloudFormationResponse) -> str | None:
    """Return what was said when the change set was made that a request executes."""
    if response._get_action() != EXECUTING:
        return None
    name = str(response._get_param("ChangeSetName"))
    return getattr(response.cloudformation_backend.describe_change_set(name), "on_stack_failure", None)


def read_stack_failure(response: CloudFormationResponse) -> str | None:
    """Return OnStackFailure of CreateChangeSet; raises ValidationError where it cannot be done."""
    wish: str | None = response._get_param("OnStackFailure")
    if wish == DELETE and response._get_param("ChangeSetType", "CREATE") != "CREATE":
        raise ValidationError(message="OnStackFailure DELETE is only valid for a change set of type CREATE.")
    return wish


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
