"""The instances of a variant over time: one activity at a time, as SageMaker does it."""

from dataclasses import dataclass

from musher.scaling.scaler import Change


@dataclass(kw_only=True)
class Fleet:
    """What is in service, and the one activity under way."""

    in_service: int
    desired: int
    before: int = 0
    ready_s: float = 0.0
    change: Change | None = None
    is_policys: bool = False
    """Whether a policy began the activity: only then does a cooldown follow."""

    @property
    def billed(self) -> int:
        """Return the instances that cost: those that start do too."""
        return max(self.in_service, self.desired)

    def begin(self, change: Change, *, now_s: float, start_s: float, stop_s: float, is_policys: bool) -> None:
        """Begin an activity: new instances serve when it ends, removed ones no longer."""
        self.before, self.change, self.is_policys = self.desired, change, is_policys
        is_out = change.capacity > self.desired
        self.ready_s = now_s + (start_s if is_out else stop_s)
        self.desired = change.capacity
        self.in_service = min(self.in_service, self.desired)

    def end(self) -> None:
        """End the activity."""
        self.in_service, self.change = self.desired, None
