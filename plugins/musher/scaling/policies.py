"""Scaling policies of an endpoint's variant, as Application Auto Scaling takes them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from musher.errors import ScalingError
from musher.scaling.decisions import CHANGE, Step

HIGH_PERIODS, LOW_PERIODS = 3, 15
"""Minutes that must breach before a target tracking policy acts, out and in."""

LOW_FACTOR = 0.9
"""The low alarm's threshold, as a share of the target."""

DEFAULT_COOLDOWN_S = 300.0
"""https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html"""

DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class TargetTracking:
    """Keep SageMakerVariantInvocationsPerInstance (a sum per minute) near a target."""

    target: float
    scale_out_cooldown_s: float = DEFAULT_COOLDOWN_S
    scale_in_cooldown_s: float = DEFAULT_COOLDOWN_S
    disable_scale_in: bool = False

    def __post_init__(self) -> None:
        """Refuse what AWS refuses."""
        if not 0 < self.target < math.inf:
            raise ScalingError(f"The target is {self.target}. Set it to the requests a minute per instance.")
        check_cooldown(self.scale_out_cooldown_s)
        check_cooldown(self.scale_in_cooldown_s)


@dataclass(frozen=True, kw_only=True)
class StepScaling:
    """Change the capacity by steps while an alarm of your own is in ALARM, on the same metric."""

    threshold: float
    comparison: str
    steps: Sequence[Step]
    adjustment_type: str = CHANGE
    min_magnitude: int = 0
    evaluation_periods: int = 3
    datapoints_to_alarm: int = 3
    treat_missing: str = "missing"
    cooldown_s: float = DEFAULT_COOLDOWN_S

    def __post_init__(self) -> None:
        """Refuse a policy without steps."""
        if not self.steps:
            raise ScalingError("A step scaling policy has no steps. Give it one at least.")
        check_cooldown(self.cooldown_s)

    @property
    def is_above(self) -> bool:
        """Return whether the alarm watches for high values."""
        return self.comparison.startswith("Greater")


Policy = TargetTracking | StepScaling


@dataclass(frozen=True, kw_only=True)
class ScheduledAction:
    """Set the bounds at a second of the trace, once or each `every_s`; None leaves a bound as it is."""

    at_s: float
    min_capacity: int | None = None
    max_capacity: int | None = None
    every_s: float | None = DAY_S

    def is_due(self, *, after_s: float, until_s: float) -> bool:
        """Return whether it is due after one moment and up to another."""
        if self.every_s is None or until_s < self.at_s:
            return after_s < self.at_s <= until_s
        last_s = self.at_s + math.floor((until_s - self.at_s) / self.every_s) * self.every_s
        return after_s < last_s


@dataclass(frozen=True, kw_only=True)
class ScalingPlan:
    """A scalable target with its policies; without any, the number of instances is fixed."""

    name: str
    initial: int
    min_capacity: int
    max_capacity: int
    policies: Sequence[Policy] = ()
    scheduled: Sequence[ScheduledAction] = ()

    def __post_init__(self) -> None:
        """Refuse bounds that a variant cannot have; only asynchronous endpoints may have none."""
        if not 1 <= self.min_capacity <= self.max_capacity:
            raise ScalingError(
                f"{self.name} has {self.min_capacity} to {self.max_capacity} instances. Set the lower bound "
                "to 1 or more, the upper one no lower."
            )
        if not self.min_capacity <= self.initial <= self.max_capacity:
            raise ScalingError(f"{self.name} begins with {self.initial} instances, outside its bounds.")


def fixed(count: int) -> ScalingPlan:
    """Return a plan that never scales."""
    return ScalingPlan(name=f"fixed {count}", initial=count, min_capacity=count, max_capacity=count)


def check_cooldown(cooldown_s: float) -> None:
    """Raise ScalingError unless a cooldown is one."""
    if not 0 <= cooldown_s < math.inf:
        raise ScalingError(f"A cooldown is {cooldown_s} s. Set it to 0 or more.")
