"""Every request of a queue, one by one: what the simulator's formulas are held against."""

import heapq

import numpy as np

from musher.scaling.queueing import Floats


def latencies_one_by_one(
    arrivals_s: Floats, services_s: Floats, *, instances: int, slots: int, is_pooled: bool, seed: int = 0
) -> Floats:
    """Return the time of each request, first come first served, at random instances or in one queue."""
    queues = 1 if is_pooled else instances
    servers = instances * slots if is_pooled else slots
    free = [[0.0] * servers for _ in range(queues)]
    chosen = np.random.default_rng(seed).integers(0, queues, len(arrivals_s)).tolist()
    took = []
    for arrival, service, queue in zip(arrivals_s.tolist(), services_s.tolist(), chosen, strict=True):
        start = max(arrival, free[queue][0])
        heapq.heapreplace(free[queue], start + service)
        took.append(start + service - arrival)
    return np.asarray(took)


def poisson_arrivals(counts: Floats, *, seed: int) -> Floats:
    """Return moments of requests, spread at random within each second of the counts."""
    whole = counts.astype(int)
    seconds = np.repeat(np.arange(len(whole)), whole)
    return np.sort(seconds + np.random.default_rng(seed).random(len(seconds)))
