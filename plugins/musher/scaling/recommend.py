"""The cheapest instance type, number of instances and policy for a goal, with the evidence.

Each candidate is simulated on the whole trace. What a plan costs in doubt (start times, lag of the metric) is
in the world that the simulation is told; the recommendation is as good as the measured service times.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from musher.errors import ScalingError
from musher.scaling.instances import Instance
from musher.scaling.policies import DAY_S, ScalingPlan, ScheduledAction, TargetTracking, fixed
from musher.scaling.queueing import Floats
from musher.scaling.simulate import DEFAULT_WORLD, MINUTE_S, Outcome, World, check_arrivals, simulate

UTILISATIONS = (0.5, 0.65, 0.8)
"""Shares of what an instance can do that policies aim at."""

HOUR_S = 3600
MAX_INSTANCES = 10_000


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What the service must keep, over the whole trace."""

    p99_ms: float
    max_failed_share: float = 0.001
    """Throttled and timed out, of all requests."""

    def __post_init__(self) -> None:
        """Refuse a goal that nothing or everything meets."""
        if not (0 < self.p99_ms < math.inf and 0 <= self.max_failed_share < 1):
            raise ScalingError(
                f"The goal is {self.p99_ms} ms with {self.max_failed_share} failed. Set a time above 0 and a "
                "share from 0 to 1."
            )

    def is_met_by(self, outcome: Outcome) -> bool:
        """Return whether a plan keeps it."""
        latencies = outcome.latencies
        failed = latencies.throttled_share + latencies.timed_out_share
        return latencies.p99_ms <= self.p99_ms and failed <= self.max_failed_share


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The best plan, if any keeps the goal, and all that were tried, the cheapest first."""

    best: Outcome | None
    tried: Sequence[Outcome]


def recommend(
    arrivals: Floats, *, instances: Sequence[Instance], goal: Goal, world: World = DEFAULT_WORLD
) -> Recommendation:
    """Return the cheapest plan that keeps the goal on this trace, with everything that was tried."""
    if not instances:
        raise ScalingError("There is no instance type to choose from. Measure one at least.")
    counts = check_arrivals(arrivals)
    tried = [outcome for instance in instances for outcome in _try_instance(counts, instance, goal, world)]
    tried.sort(key=lambda outcome: outcome.cost_usd)
    return Recommendation(best=next(filter(goal.is_met_by, tried), None), tried=tried)


def _try_instance(counts: Floats, instance: Instance, goal: Goal, world: World) -> Iterator[Outcome]:
    yield from _try_fixed(counts, instance, goal, world)
    for plan in plan_scaling(counts, instance):
        yield simulate(counts, instance=instance, plan=plan, world=world)


def _try_fixed(counts: Floats, instance: Instance, goal: Goal, world: World) -> Iterator[Outcome]:
    """Look for the smallest fixed number that keeps the goal: more never do worse."""
    low, high = 1, needed(float(counts.max()), instance, UTILISATIONS[0])
    while low < high:
        middle = (low + high) // 2
        outcome = simulate(counts, instance=instance, plan=fixed(middle), world=world)
        yield outcome
        low, high = (low, middle) if goal.is_met_by(outcome) else (middle + 1, high)
    yield simulate(counts, instance=instance, plan=fixed(low), world=world)


def plan_scaling(counts: Floats, instance: Instance) -> Iterator[ScalingPlan]:
    """Yield plans that scale: target tracking, and by the hour of the day where there are two days."""
    peak, start = float(counts.max()), float(counts[:MINUTE_S].mean())
    for share in UTILISATIONS:
        target = share * instance.rate * MINUTE_S
        most = needed(peak, instance, share)
        for least in sorted({1, min(2, most), needed(float(counts.mean()), instance, 1.0)}):
            yield ScalingPlan(
                name=f"target tracking at {target:.0f}/min, {least} to {most}",
                initial=min(most, max(least, needed(start, instance, share))),
                min_capacity=least,
                max_capacity=most,
                policies=(TargetTracking(target=target),),
            )
        if len(counts) >= 2 * DAY_S:
            yield plan_hours(counts, instance, share)


def plan_hours(counts: Floats, instance: Instance, share: float) -> ScalingPlan:
    """Return a schedule with each hour's need on any day of the trace, set before that hour begins."""
    hours = np.arange(len(counts)) % DAY_S // HOUR_S
    needs = [needed(float(counts[hours == hour].max()), instance, share) for hour in range(24)]
    lead_s = MINUTE_S * math.ceil(instance.start_s / MINUTE_S)
    actions = [
        ScheduledAction(
            at_s=(hour * HOUR_S - (lead_s if need > needs[hour - 1] else 0)) % DAY_S,
            min_capacity=need,
            max_capacity=need,
        )
        for hour, need in enumerate(needs)
    ]
    return ScalingPlan(
        name=f"scheduled by the hour for a use of {share:.0%}",
        initial=needs[0],
        min_capacity=needs[0],
        max_capacity=needs[0],
        scheduled=actions,
    )


def needed(rate: float, instance: Instance, share: float) -> int:
    """Return how many instances take `rate` requests a second at a share of what they can do."""
    count = max(1, math.ceil(rate / (instance.rate * share)))
    if count > MAX_INSTANCES:
        raise ScalingError(f"{rate:.0f} requests per second need {count} {instance.instance_type}: too many.")
    return count
