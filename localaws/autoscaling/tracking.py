"""Target tracking: the capacity at which a metric comes to its target. Pure.

Source: https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

import math

DIGITS = 9
"""Decimal places that count: 3 x 0.1 / 0.1 is 3, not a little more."""


def decide_target_tracking(
    *,
    capacity: int,
    metric_value: float,
    target: float,
    min_capacity: int,
    max_capacity: int,
    scale_in: bool,
) -> int:
    """Return the desired capacity: in proportion to metric and target, rounded up, within the bounds.

    Without `scale_in` it is not below the present one.
    """
    exact = round(capacity * metric_value / target, DIGITS)
    wanted = math.ceil(min(exact, max_capacity))  # the quotient may be infinite
    if not scale_in:
        wanted = max(wanted, capacity)
    return min(max(wanted, min_capacity), max_capacity)
