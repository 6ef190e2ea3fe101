"""Replay a trace of requests against a scaling plan, in simulated time.

Instances, metric, alarms and activities are followed minute by minute, the backlog of an overload second by
second. What a single request meets in between comes from queueing theory (`queueing`), so that a week of any
number of requests takes seconds.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from musher.errors import ScalingError
from musher.scaling.fleet import Fleet
from musher.scaling.instances import Instance
from musher.scaling.latencies import Latencies, Played, collect_latencies
from musher.scaling.one_by_one import follow_requests, is_small
from musher.scaling.policies import ScalingPlan
from musher.scaling.queueing import Floats
from musher.scaling.scaler import Change, Scaler

MINUTE_S = 60
MAX_TRACE_S = 31 * 86_400

Routing = Literal["RANDOM", "LEAST_OUTSTANDING_REQUESTS"]
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantRoutingConfig.html"""


@dataclass(frozen=True, kw_only=True)
class World:
    """What is true of the service, whatever the plan."""

    routing: Routing = "RANDOM"
    """SageMaker's own default."""
    metric_delay_min: int = 1
    """Minutes until a minute's metric is there for the alarms; 1 to 2 were seen on AWS."""
    stop_s: float = 60.0
    """Seconds in which SageMaker takes instances away, and does nothing else."""
    timeout_s: float = 60.0
    """SageMaker's time limit of one request."""


DEFAULT_WORLD = World()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one plan comes to."""

    plan: str
    instance_type: str
    requests: int
    latencies: Latencies
    instance_hours: float
    cost_usd: float
    highest: int
    activities: int
    in_service: NDArray[np.int64] = field(repr=False)
    """Instances in service in each second."""


@dataclass(kw_only=True)
class _Run:
    """One simulation under way."""

    arrivals: Floats
    instance: Instance
    plan: ScalingPlan
    world: World
    fleet: Fleet
    scaler: Scaler
    in_service: NDArray[np.int64]
    backlog_s: Floats
    refused: Floats
    waiting: float = 0.0
    billed_s: float = 0.0
    activities: int = 0


def simulate(
    arrivals: Floats | NDArray[np.int64],
    *,
    instance: Instance,
    plan: ScalingPlan,
    world: World = DEFAULT_WORLD,
) -> Outcome:
    """Return what `plan` does with `arrivals`: the requests in each second."""
    counts = check_arrivals(arrivals)
    seconds = len(counts)
    run = _Run(
        arrivals=counts,
        instance=instance,
        plan=plan,
        world=world,
        fleet=Fleet(in_service=plan.initial, desired=plan.initial),
        scaler=Scaler(plan),
        in_service=np.zeros(seconds, dtype=np.int64),
        backlog_s=np.zeros(seconds),
        refused=np.zeros(seconds),
    )
    _play(run)
    latencies = _find_latencies(run)
    hours = run.billed_s / 3600
    return Outcome(
        plan=plan.name,
        instance_type=instance.instance_type,
        requests=round(float(counts.sum())),
        latencies=latencies,
        instance_hours=hours,
        cost_usd=hours * instance.price_usd_per_hour,
        highest=int(run.in_service.max()),
        activities=run.activities,
        in_service=run.in_service,
    )


def _find_latencies(run: _Run) -> Latencies:
    """Follow the requests one by one where they are few, else by formulas."""
    played = Played(
        arrivals=run.arrivals, refused=run.refused, in_service=run.in_service, backlog_s=run.backlog_s
    )
    is_pooled = run.world.routing != "RANDOM"
    find = follow_requests if is_small(played, is_pooled=is_pooled) else collect_latencies
    return find(played, instance=run.instance, is_pooled=is_pooled, timeout_s=run.world.timeout_s)


def check_arrivals(arrivals: Floats | NDArray[np.int64]) -> Floats:
    """Return the requests per second as floats; raise ScalingError where they are none."""
    counts = np.asarray(arrivals, dtype=np.float64)
    if counts.ndim != 1 or not 1 <= len(counts) <= MAX_TRACE_S:
        raise ScalingError(f"The trace has {counts.size} seconds. Give 1 to {MAX_TRACE_S}.")
    if not np.all(np.isfinite(counts)) or counts.min() < 0:
        raise ScalingError("The trace has a second with no number of requests. Give 0 or more for each.")
    return counts


def _play(run: _Run) -> None:
    """Go through the trace, minute by minute."""
    seen: list[float] = []
    delay = run.world.metric_delay_min
    for start in range(0, len(run.arrivals), MINUTE_S):
        _reschedule(run, start)
        if len(seen) > delay:
            run.scaler.observe(seen[-1 - delay])
            _scale(run, start)
        seen.append(_serve_minute(run, start, min(start + MINUTE_S, len(run.arrivals))))


def _reschedule(run: _Run, now: int) -> None:
    """Apply scheduled actions; SageMaker takes no change while it works on another."""
    wanted = run.scaler.reschedule(after_s=now - MINUTE_S, until_s=now, capacity=run.fleet.desired)
    if wanted != run.fleet.desired and run.fleet.change is None:
        _begin(run, Change(capacity=wanted), now, is_policys=False)


def _scale(run: _Run, now: int) -> None:
    if run.fleet.change is None:
        change = run.scaler.decide(capacity=run.fleet.desired, now_s=now)
        if change is not None:
            _begin(run, change, now, is_policys=True)


def _begin(run: _Run, change: Change, now: int, *, is_policys: bool) -> None:
    run.activities += 1
    run.fleet.begin(
        change,
        now_s=now,
        start_s=run.instance.start_s,
        stop_s=run.world.stop_s,
        is_policys=is_policys,
    )


def _serve_minute(run: _Run, start: int, end: int) -> float:
    """Serve one minute; return its invocations per instance, each counted by those in service then."""
    per_instance = 0.0
    while start < end:
        _end_activity(run, start)
        stop = end
        if run.fleet.change is not None and run.fleet.ready_s < end:
            stop = max(start + 1, int(np.ceil(run.fleet.ready_s)))
        _serve(run, start, stop)
        per_instance += float(run.arrivals[start:stop].sum()) / run.fleet.in_service
        start = stop
    return per_instance


def _end_activity(run: _Run, now: int) -> None:
    fleet = run.fleet
    if fleet.change is not None and fleet.ready_s <= now:
        change, is_policys = fleet.change, fleet.is_policys
        fleet.end()
        if is_policys:
            run.scaler.finish(
                before=fleet.before, after=change.capacity, cooldown_s=change.cooldown_s, now_s=now
            )


def _serve(run: _Run, start: int, stop: int) -> None:
    """Serve some seconds with the same instances."""
    count = run.fleet.in_service
    run.in_service[start:stop] = count
    run.billed_s += run.fleet.billed * (stop - start)
    rate = count * run.instance.rate
    arriving = run.arrivals[start:stop]
    if run.waiting or arriving.max() > rate:
        _follow_backlog(run, start, arriving.tolist(), rate=rate, room=float(count * run.instance.room))


def _follow_backlog(run: _Run, start: int, arriving: list[float], *, rate: float, room: float) -> None:
    """Let what is beyond the instances' rate wait, or be refused where there is no room left.

    A request waits for those before it: what is left of earlier seconds, and half of the others of its own.
    """
    waiting = run.waiting
    for second, count in enumerate(arriving, start=start):
        met = waiting + (count - 1 - rate) / 2
        waiting = max(0.0, waiting + count - rate)
        if waiting > room:
            run.refused[second] = min(count, waiting - room)
            waiting = room
        run.backlog_s[second] = min(max(0.0, met), room) / rate
    run.waiting = waiting
