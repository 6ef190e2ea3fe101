"""What a scaling activity holds back for a while. Pure.

"Define cooldown periods" in
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cooldown:
    """The cooldown after a target's last activity, or none."""

    ends_s: float = -math.inf
    capacity_before: int = 0
    """That from which the activity began."""
    was_out: bool = False

    def counts_from(self, capacity: int, *, now_s: float) -> int:
        """Return the capacity that the next scale-out is computed from.

        While a scale-out cools down, what it added is part of what the next one asks for, so that only a
        larger one passes.
        """
        is_cooling_out = self.was_out and now_s < self.ends_s
        return min(capacity, self.capacity_before) if is_cooling_out else capacity

    def allows_scale_in(self, *, now_s: float) -> bool:
        """Return whether a scale-in may begin: only another one's cooldown holds it back."""
        return self.was_out or now_s >= self.ends_s


NO_COOLDOWN = Cooldown()


def start_cooldown(*, before: int, after: int, now_s: float, length_s: float) -> Cooldown:
    """Return the cooldown of an activity that has ended now; it takes the place of any other."""
    return Cooldown(ends_s=now_s + length_s, capacity_before=before, was_out=after > before)
