"""How long requests wait, by queueing theory. Pure.

Each instance works on `slots` requests at once; those beyond them wait. Arrivals within a minute are taken
as Poisson. The waiting time has the form of M/M/c (Erlang C and an exponential tail), its mean scaled by
(1 + cv^2) / 2 for service times that are not exponential (Allen and Cunneen; exact for M/M/c).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEADY = 0.995
"""Utilisation up to which a steady state is assumed; above it the backlog is followed second by second."""

NEVER = 1e-7
"""Share of waiting requests that no percentile shows."""

GRID_S: Floats = np.geomspace(1e-4, 7200.0, 600)
"""Times at which distributions are kept: steps of 3 %."""


@dataclass(frozen=True, kw_only=True)
class Steady:
    """A queue in its steady state."""

    wait_share: float
    """Share of requests that wait at all."""
    wait_s: float
    """Mean of those that wait."""


def erlang_c(servers: int, utilisation: float) -> float:
    """Return the share of requests that find all servers busy, in M/M/c without a limit."""
    load = servers * utilisation
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = load * blocked / (busy + load * blocked)
    return blocked / (1 - utilisation * (1 - blocked))


def steady_state(*, servers: int, utilisation: float, mean_s: float, cv2: float) -> Steady:
    """Return how a queue with this many servers waits; `utilisation` is below 1."""
    wait_s = mean_s * (1 + cv2) / 2 / (servers * (1 - utilisation))
    return Steady(wait_share=erlang_c(servers, utilisation), wait_s=wait_s)


def refused_share(steady: Steady, *, utilisation: float, room: int) -> float:
    """Return the share of requests that find all servers busy and `room` waiting (exact for M/M/c/K)."""
    full = steady.wait_share * utilisation**room
    return full * (1 - utilisation) / (1 - full * utilisation)


def exceed_steady(service_s: Floats, queues: Sequence[Steady], weights: Floats) -> Floats:
    """Return how many requests take longer than each time of GRID_S; a queue has `weights` requests.

    A request takes longer than x where its service alone does, else where it waits, with a share that falls
    exponentially from the moment that is left. Those are summed from grid point to grid point.
    """
    calm = float(weights.sum()) * exceed_backlog(service_s, 0.0)
    waiting = np.array([queue.wait_share > NEVER for queue in queues])
    if not waiting.any():
        return calm
    shares = np.array([queue.wait_share for queue in queues])[waiting] * weights[waiting]
    rates = 1 / np.array([queue.wait_s for queue in queues])[waiting]
    return calm + _sum_waiting(service_s, rates, shares)


def _sum_waiting(service_s: Floats, rates: Floats, shares: Floats) -> Floats:
    """Return the sum over queues and service times s <= x of shares * exp(-rates * (x - s)), for each x."""
    cells = np.searchsorted(GRID_S, service_s)
    starts = np.unique(cells, return_index=True)
    late = np.exp(-rates[:, None] * (GRID_S[cells] - service_s)[None, :])
    added = np.zeros((len(rates), len(GRID_S)))
    added[:, starts[0]] = np.add.reduceat(late, starts[1], axis=1)
    decay = np.exp(-rates[:, None] * np.diff(GRID_S, prepend=GRID_S[0])[None, :])
    left, sums = np.zeros(len(rates)), np.zeros(len(GRID_S))
    for place in range(len(GRID_S)):
        left = left * decay[:, place] + added[:, place]
        sums[place] = shares @ left
    return sums / len(service_s)


def exceed_backlog(service_s: Floats, backlog_s: float) -> Floats:
    """Return the same for requests that wait for a backlog of this many seconds first."""
    taken = np.sort(service_s + backlog_s)
    return 1.0 - np.searchsorted(taken, GRID_S, side="right") / len(taken)


def percentile_s(exceed: Floats, share: float) -> float:
    """Return the time that `share` of the requests do not exceed, between the points of GRID_S."""
    above = np.flatnonzero(exceed > 1 - share)
    if not len(above):
        return float(GRID_S[0])
    last = int(above[-1])
    if last + 1 == len(GRID_S):
        return float(GRID_S[-1])
    step = exceed[last] - exceed[last + 1]
    part = (exceed[last] - (1 - share)) / step if step > 0 else 1.0
    return float(GRID_S[last] * (GRID_S[last + 1] / GRID_S[last]) ** part)
