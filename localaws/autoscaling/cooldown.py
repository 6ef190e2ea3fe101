"""What a scaling activity holds back for a while after it has ended. Pure.

Source: https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
(cooldown periods)
"""

from dataclasses import dataclass


@dataclass(kw_only=True)
class Cooldown:
    """The cooldown of one scalable target; times are AWS seconds of one clock."""

    until_s: float = 0.0
    before: int = 0
    """The capacity before the activity that began it."""
    is_out: bool = False

    def begin(self, *, before: int, after: int, now_s: float, cooldown_s: float) -> None:
        """Note that an activity has ended; one before it holds back nothing more."""
        self.until_s, self.before, self.is_out = now_s + cooldown_s, before, after > before

    def base_for_out(self, capacity: int, *, now_s: float) -> int:
        """Return the capacity from which a scale-out is counted.

        While a scale-out cools down, what it added counts as part of the next one.
        """
        return min(self.before, capacity) if self.is_out and now_s < self.until_s else capacity

    def allows_in(self, *, now_s: float) -> bool:
        """Tell whether a scale-in may begin: not while another one cools down."""
        return self.is_out or now_s >= self.until_s
