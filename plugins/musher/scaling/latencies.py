"""From a load and a number of instances in each second to the latencies of all requests. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musher.scaling.instances import Instance
from musher.scaling.queueing import (
    GRID_S,
    STEADY,
    Floats,
    Steady,
    exceed_backlog,
    exceed_steady,
    percentile_s,
    refused_share,
    steady_state,
)

SMOOTHING_S = 60
"""Seconds whose mean rate decides how long requests wait where there is no backlog."""

BINS = 200
"""Steps of utilisation for which the waiting time is computed once."""

SIZES_PER_DOUBLING = 16
"""Steps of the number of instances, for routing that makes one queue of all."""


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """What requests met: percentiles of those that were not refused, and shares of all."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    throttled_share: float
    """Refused, as the instances had no room for them to wait."""
    timed_out_share: float


@dataclass(frozen=True, kw_only=True)
class Played:
    """A simulated load: what was true in each second."""

    arrivals: Floats
    refused: Floats
    """Of the arrivals, by an overload."""
    in_service: NDArray[np.int64]
    backlog_s: Floats
    """Seconds that a request waited for those before it."""


def collect_latencies(played: Played, *, instance: Instance, is_pooled: bool, timeout_s: float) -> Latencies:
    """Return the latencies of all requests; each second's count is weighed by what it met."""
    total = float(played.arrivals.sum())
    if not total:
        return Latencies(p50_ms=0, p95_ms=0, p99_ms=0, throttled_share=0, timed_out_share=0)
    served = played.arrivals - played.refused
    queues, places = find_queues(played, instance=instance, is_pooled=is_pooled)
    mean_waits_s = np.array([queue.mean_wait_s for queue in queues])
    is_behind = played.backlog_s > mean_waits_s[places]
    exceed = _weigh_backlog(served[is_behind], played.backlog_s[is_behind], instance)
    weights = np.bincount(places[~is_behind], weights=served[~is_behind], minlength=len(queues))
    lost = weights * np.array([queue.refused_share for queue in queues])
    steady = [queue.steady for queue in queues]
    exceed += exceed_steady(instance.service.quantiles_s, steady, weights - lost)
    refused = float(played.refused.sum() + lost.sum())
    return _summarize(exceed, total=total, refused=refused, timeout_s=timeout_s)


def _summarize(exceed: Floats, *, total: float, refused: float, timeout_s: float) -> Latencies:
    shares = exceed / (exceed[0] if exceed[0] > 0 else 1.0)
    return Latencies(
        p50_ms=percentile_s(shares, 0.5) * 1000,
        p95_ms=percentile_s(shares, 0.95) * 1000,
        p99_ms=percentile_s(shares, 0.99) * 1000,
        throttled_share=refused / total,
        timed_out_share=float(np.interp(timeout_s, GRID_S, exceed)) / total,
    )


def _weigh_backlog(served: Floats, backlog_s: Floats, instance: Instance) -> Floats:
    """Return how many requests behind a backlog take longer than each time of the grid."""
    exceed = np.zeros(len(GRID_S))
    places = np.searchsorted(GRID_S, backlog_s).clip(0, len(GRID_S) - 1)
    weights = np.bincount(places, weights=served, minlength=len(GRID_S))
    for place in np.flatnonzero(weights):
        exceed += weights[place] * exceed_backlog(instance.service.quantiles_s, float(GRID_S[place]))
    return exceed


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue at one utilisation, in its steady state."""

    steady: Steady
    refused_share: float
    mean_wait_s: float
    """0 from STEADY on: there the backlog says how long requests wait."""


def find_queues(
    played: Played, *, instance: Instance, is_pooled: bool
) -> tuple[list[Queue], NDArray[np.intp]]:
    """Return the different queues that there were, and the place in that list of each second's."""
    use = smooth(played.arrivals) / (played.in_service * instance.rate)
    steps = np.minimum((use * BINS).round().astype(np.int64), BINS)
    counts = round_sizes(played.in_service) if is_pooled else np.ones(len(steps), dtype=np.int64)
    keys, places = np.unique(counts * (BINS + 1) + steps, return_inverse=True)
    queues = [make_queue(key // (BINS + 1), key % (BINS + 1), instance) for key in keys.tolist()]
    return queues, places


def make_queue(count: int, step: int, instance: Instance) -> Queue:
    """Return the queue of `count` instances at a step of utilisation."""
    utilisation = min(step / BINS, STEADY)
    service = instance.service
    steady = steady_state(
        servers=count * instance.slots, utilisation=utilisation, mean_s=service.mean_s, cv2=service.cv2
    )
    return Queue(
        steady=steady,
        refused_share=refused_share(steady, utilisation=utilisation, room=count * instance.room),
        mean_wait_s=steady.wait_share * steady.wait_s if utilisation < STEADY else 0.0,
    )


def smooth(arrivals: Floats) -> Floats:
    """Return the mean of the seconds around each second."""
    sums = np.concatenate(([0.0], np.cumsum(arrivals)))
    places = np.arange(len(arrivals))
    first = np.maximum(places - SMOOTHING_S // 2, 0)
    last = np.minimum(places + SMOOTHING_S // 2, len(arrivals))
    return np.asarray((sums[last] - sums[first]) / np.maximum(last - first, 1))


def round_sizes(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers of instances in steps of 4 %."""
    steps = np.round(np.log2(counts) * SIZES_PER_DOUBLING) / SIZES_PER_DOUBLING
    return np.rint(2.0**steps).astype(np.int64)
