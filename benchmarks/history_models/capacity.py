"""A capacity that takes its time, refuses, fails and goes, and judges what it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field

from localaws.autoscaling.capacities import Reading
from localaws.errors import LocalAwsError

LEAST = 1
"""As of an endpoint that is not asynchronous."""


@dataclass(kw_only=True)
class SlowCapacity:
    """Instances of a variant: what is asked for comes at once, later or never."""

    on_ask: Callable[[int], None]
    """Told of each number that is asked for, before it is taken."""
    count: int = 2
    desired: int = 2
    is_there: bool = True
    is_busy: bool = False
    """Whether a change is under way: what is asked for, or an update of the resource."""
    is_slow: bool = False
    is_refusing: bool = False
    failure: str = field(default="")

    def least(self) -> int:
        """Return the lowest number that it may have."""
        return LEAST

    def read(self) -> Reading | None:
        """Return what there is."""
        if not self.is_there:
            return None
        failure = "" if self.is_busy else self.failure
        return Reading(current=self.count, desired=self.desired, is_busy=self.is_busy, failure=failure)

    def ask_for(self, count: int) -> None:
        """Take another number, or refuse it."""
        self.on_ask(count)
        if self.is_refusing or self.is_busy:
            raise LocalAwsError("Cannot update in-progress endpoint")
        self.set(count)

    def set(self, count: int) -> None:
        """Begin to change, as somebody else can ask it to, too."""
        self.desired, self.failure = count, ""
        if self.is_slow:
            self.is_busy = True
        else:
            self.count = count

    def finish(self) -> None:
        """End what is under way with what was asked for."""
        self.count, self.is_busy = self.desired, False

    def fail(self) -> None:
        """End what is under way with what there was before."""
        self.desired, self.is_busy, self.failure = self.count, False, "no capacity"
