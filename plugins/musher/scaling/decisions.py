"""The capacity that one policy asks for, given a metric's value. Pure.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html and
.../step-scaling-policy-overview.html
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from musher.errors import ScalingError

PRECISION = 9
"""Decimal places: 3 x 0.1 / 0.1 is 3 instances, whatever floats make of it."""

CHANGE, EXACT, PERCENT = "ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"


def decide_target_tracking(
    *,
    capacity: int,
    metric_value: float,
    target: float,
    min_capacity: int,
    max_capacity: int,
    scale_in: bool,
) -> int:
    """Return the desired capacity: in proportion to the metric, rounded up, in one step.

    Without `scale_in` it is the present one at least.
    """
    proportional = math.ceil(round(capacity * metric_value / target, PRECISION))
    wanted = proportional if scale_in else max(proportional, capacity)
    return clamp(wanted, min_capacity, max_capacity)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change for metrics within an interval, which is counted from the alarm's threshold."""

    adjustment: int
    lower: float = -math.inf
    upper: float = math.inf


def decide_step(
    steps: Sequence[Step],
    *,
    adjustment_type: str,
    min_magnitude: int,
    capacity: int,
    metric_value: float,
    threshold: float,
    is_above: bool,
    min_capacity: int,
    max_capacity: int,
) -> int | None:
    """Return the desired capacity; None where no step's interval has the value.

    `is_above`: the alarm watches for high values; then an interval has its lower bound, else its upper one.
    """
    beyond = metric_value - threshold
    for step in steps:
        if step.lower <= beyond < step.upper if is_above else step.lower < beyond <= step.upper:
            wanted = adjust(capacity, step.adjustment, adjustment_type, min_magnitude)
            return clamp(wanted, min_capacity, max_capacity)
    return None


def adjust(capacity: int, adjustment: int, adjustment_type: str, min_magnitude: int = 0) -> int:
    """Return a capacity after one adjustment; `min_magnitude` is the least change of a percentage."""
    if adjustment_type == EXACT:
        return adjustment
    if adjustment_type == CHANGE:
        return capacity + adjustment
    if adjustment_type != PERCENT:
        raise ScalingError(f"{adjustment_type!r} is not an adjustment type: {CHANGE}, {EXACT} or {PERCENT}.")
    change = round_change(capacity * adjustment / 100)
    if change and abs(change) < min_magnitude:
        change = int(math.copysign(min_magnitude, change))
    return capacity + change


def round_change(change: float) -> int:
    """Round towards zero, but to one instance where that would leave none: 12.7 -> 12, -0.58 -> -1."""
    whole = math.trunc(change)
    return whole if whole or not change else int(math.copysign(1, change))


def clamp(wanted: int, low: int, high: int) -> int:
    """Return the nearest capacity within the bounds."""
    return min(max(wanted, low), high)
