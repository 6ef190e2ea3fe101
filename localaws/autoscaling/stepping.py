"""Step scaling: a change of capacity that depends on how far a metric is beyond its threshold. Pure.

Source: https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

CHANGE, EXACT, PERCENT = "ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"


def find_step(
    steps: Sequence[Mapping[str, Any]], *, metric_value: float, threshold: float, is_above: bool
) -> Mapping[str, Any] | None:
    """Return the step whose interval, counted from the threshold, has the metric's value.

    `is_above` is whether the alarm watches for values above the threshold: then lower bounds belong to
    their interval and upper bounds do not; else it is the other way round.
    """
    distance = metric_value - threshold
    for step in steps:
        lower = _bound(step, "MetricIntervalLowerBound", -math.inf)
        upper = _bound(step, "MetricIntervalUpperBound", math.inf)
        if lower <= distance < upper if is_above else lower < distance <= upper:
            return step
    return None


def _bound(step: Mapping[str, Any], member: str, default: float) -> float:
    return default if step.get(member) is None else float(step[member])


def round_change(change: float) -> int:
    """Round as AWS does: towards zero, but for what lies between -1 and 1, which becomes -1 or 1."""
    if 0 < abs(change) < 1:
        return 1 if change > 0 else -1
    return math.trunc(change)


def adjust(capacity: int, *, kind: str, adjustment: int, least: int | None = None) -> int:
    """Return the capacity after an adjustment; of a percentage, `least` is the smallest change."""
    if kind == EXACT:
        return adjustment
    if kind == CHANGE:
        return capacity + adjustment
    change = round_change(capacity * adjustment / 100)
    if least and change and abs(change) < least:
        change = least if change > 0 else -least
    return capacity + change


def decide_step(
    config: Mapping[str, Any],
    *,
    capacity: int,
    metric_value: float,
    threshold: float,
    is_above: bool,
    min_capacity: int,
    max_capacity: int,
) -> int | None:
    """Return the desired capacity by a policy's configuration, within the bounds; None without a step."""
    steps = config.get("StepAdjustments") or ()
    step = find_step(steps, metric_value=metric_value, threshold=threshold, is_above=is_above)
    if step is None:
        return None
    wanted = adjust(
        capacity,
        kind=config["AdjustmentType"],
        adjustment=int(step["ScalingAdjustment"]),
        least=config.get("MinAdjustmentMagnitude"),
    )
    return min(max(wanted, min_capacity), max_capacity)
