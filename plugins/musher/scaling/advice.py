"""What the simulator would set for the load that a load test has measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musher.costs.prices import PRICES_USD_PER_HOUR
from musher.errors import ScalingError
from musher.results import LoadAdvice
from musher.scaling.prediction import measure_instance
from musher.scaling.queueing import Floats
from musher.scaling.recommend import Goal, recommend

NO_GOAL = "No limit of the 99th percentile is set: give load_test_max_p99_ms."


def advise(
    measured: Mapping[str, Any],
    *,
    arrivals: Floats | NDArray[np.int64],
    instances: int,
    instance_type: str | None,
    goal_ms: float | None,
) -> LoadAdvice:
    """Return the cheapest plan that keeps the p99 for these requests in each second, or why there is none."""
    try:
        if goal_ms is None:
            raise ScalingError(NO_GOAL)
        price = PRICES_USD_PER_HOUR.get(instance_type or "")
        if instance_type is None or price is None:
            raise ScalingError(f"No price is noted for {instance_type or 'the instances'}.")
        instance = measure_instance(
            measured, arrivals=arrivals, instances=instances, instance_type=instance_type, price=price
        )
        found = recommend(
            np.asarray(arrivals, dtype=np.float64), instances=[instance], goal=Goal(p99_ms=goal_ms)
        )
        if found.best is None:
            raise ScalingError(
                f"None of {len(found.tried)} plans for {instance_type} keeps the p99 under {goal_ms:g} ms."
            )
    except ScalingError as error:
        return unadvised(str(error))
    best, seconds = found.best, len(arrivals)
    return LoadAdvice(
        reason=None,
        plan=best.plan,
        instance_type=instance_type,
        usd_per_hour=best.cost_usd * 3600 / seconds,
        p99_ms=best.latencies.p99_ms,
        goal_ms=goal_ms,
        tried=len(found.tried),
        seconds=float(seconds),
    )


def unadvised(reason: str) -> LoadAdvice:
    """Return that nothing is recommended, and why."""
    return LoadAdvice(
        reason=reason,
        plan=None,
        instance_type=None,
        usd_per_hour=None,
        p99_ms=None,
        goal_ms=None,
        tried=0,
        seconds=0.0,
    )
