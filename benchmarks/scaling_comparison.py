"""Hold an endpoint's instances over time against the simulator's. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import benchmarks.source_paths  # noqa: F401 - finds musher
from musher.scaling.instances import Instance, ServiceTimes, from_load_test
from musher.scaling.policies import ScalingPlan
from musher.scaling.simulate import Outcome, World, simulate

MINUTE_S = 60
SHORTEST_S = 0.001


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured on one instance before the load, in AWS seconds."""

    service: ServiceTimes
    """What an instance is busy with a request."""
    overhead_s: float
    """What a client waits besides, on the way to the instance and back."""
    start_s: float
    stop_s: float
    metric_delay_min: int


def split_service(
    result: dict[str, Any], *, model_latency_s: float, speed: float
) -> tuple[ServiceTimes, float]:
    """Return how long requests kept an instance busy, and what a client sees besides, in AWS seconds.

    `model_latency_s` is the mean of the metric ModelLatency: what the instance took, by this machine's clock.
    """
    whole = from_load_test(result)
    overhead_s = max(0.0, whole.mean_s - model_latency_s)
    busy_s = np.maximum(whole.quantiles_s - overhead_s, SHORTEST_S)
    return ServiceTimes(quantiles_s=busy_s * speed), overhead_s * speed


def count_arrivals(moments_s: Sequence[float], *, length_s: int) -> NDArray[np.int64]:
    """Return the requests in each AWS second after a full minute, from the moments that they are due at."""
    return np.bincount(np.asarray(moments_s, dtype=np.int64), minlength=length_s)[:length_s]


def predict(arrivals: NDArray[np.int64], *, measured: Measured, plan: ScalingPlan) -> Outcome:
    """Simulate what an endpoint with one worker on each instance does with a load."""
    instance = Instance(
        instance_type="localaws", service=measured.service, price_usd_per_hour=0, start_s=measured.start_s
    )
    world = World(metric_delay_min=measured.metric_delay_min, stop_s=measured.stop_s)
    return simulate(arrivals, instance=instance, plan=plan, world=world)


def lay_out(moments_s: Sequence[float], counts: Sequence[int], *, length_s: int) -> NDArray[np.int64]:
    """Return the number in each second, from moments at which it was looked at; the last look holds on."""
    places = np.searchsorted(np.asarray(moments_s), np.arange(length_s), side="right") - 1
    return np.asarray(counts, dtype=np.int64)[np.maximum(places, 0)]


def minute_means(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of each whole minute, as CloudWatch would show it."""
    whole = len(counts) // MINUTE_S * MINUTE_S
    means: NDArray[np.float64] = counts[:whole].reshape(-1, MINUTE_S).mean(axis=1)
    return means


def largest_error(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> float:
    """Return the largest difference between two numbers over time, minute by minute."""
    return float(np.abs(minute_means(ours) - minute_means(theirs)).max())


def list_changes(counts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the seconds at which a number changed, and to what."""
    places = np.flatnonzero(np.diff(counts)) + 1
    return [(int(place), int(counts[place])) for place in places]
