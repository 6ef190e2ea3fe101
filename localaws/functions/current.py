"""Find the running service from below it: functions and their backend know only what it can do."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from localaws import context as contexts
from localaws.functions.invocations import Outcome

if TYPE_CHECKING:
    from moto.awslambda.models import LambdaFunction


@runtime_checkable
class RunsFunctions(Protocol):
    """What deploys functions and runs their events."""

    def deploy(self, function: "LambdaFunction") -> None:
        """Unpack a function's code in the background."""
        ...

    def refresh(self) -> None:
        """Retire the environments of what is no longer there."""
        ...

    def call_from_thread(self, function: "LambdaFunction", payload: bytes) -> Outcome:
        """Run one event and wait for it."""
        ...


def function_service() -> RunsFunctions:
    """Return the service of the running localaws."""
    return contexts.current().find_service(RunsFunctions)  # type: ignore[type-abstract]  # a protocol
