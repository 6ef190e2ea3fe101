"""The states of a command in one instance, and of the command as a whole. Pure.

https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PENDING, IN_PROGRESS, CANCELLING = "Pending", "InProgress", "Cancelling"
SUCCESS, FAILED, TIMED_OUT, CANCELLED = "Success", "Failed", "TimedOut", "Cancelled"
DELIVERY_TIMED_OUT, EXECUTION_TIMED_OUT = "DeliveryTimedOut", "ExecutionTimedOut"
UNDELIVERABLE, TERMINATED, NO_INSTANCES = "Undeliverable", "Terminated", "NoInstancesInTag"

ENDS = frozenset({SUCCESS, FAILED, TIMED_OUT, CANCELLED})
INVOCATION: Mapping[str, frozenset[str]] = {
    PENDING: frozenset({IN_PROGRESS, CANCELLING, FAILED, TIMED_OUT, CANCELLED}),
    IN_PROGRESS: frozenset({CANCELLING, *ENDS}),
    CANCELLING: ENDS,
    **{end: frozenset() for end in sorted(ENDS)},
}
"""What may follow each state."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A status and its details."""

    status: str
    details: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self.status in ENDS

    def as_members(self) -> dict[str, str]:
        """Return it as AWS answers it."""
        return {"Status": self.status, "StatusDetails": self.details or self.status}


def may_step(current: str, wanted: str) -> bool:
    """Tell whether an invocation may go from one status to another."""
    return wanted in INVOCATION[current]


def sum_up(invocations: Sequence[State], *, is_cancelled: bool) -> State:
    """Return the state of a command from those of its invocations."""
    if not invocations:
        return State(status=SUCCESS, details=NO_INSTANCES)
    if not all(each.is_over for each in invocations):
        if is_cancelled:
            return State(status=CANCELLING)
        is_begun = any(each.status != PENDING for each in invocations)
        return State(status=IN_PROGRESS if is_begun else PENDING)
    for status in (FAILED, TIMED_OUT, CANCELLED):
        found = [each for each in invocations if each.status == status]
        if found:
            is_late = status == TIMED_OUT
            return State(status=status, details=found[0].details if is_late else "")
    return State(status=SUCCESS)
