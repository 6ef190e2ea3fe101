"""Waiting times against closed forms, and against every request one by one."""

import math

import numpy as np
import pytest

from musher.scaling import one_by_one
from musher.scaling.instances import Instance, from_samples
from musher.scaling.policies import fixed
from musher.scaling.queueing import (
    GRID_S,
    Steady,
    erlang_c,
    exceed_backlog,
    exceed_steady,
    percentile_s,
    refused_share,
    steady_state,
)
from musher.scaling.simulate import World, simulate
from tests.unit.musher.scaling.queue_oracle import latencies_one_by_one, poisson_arrivals

MEAN_S = 0.05
ONE = np.ones(1)


def test_one_server_is_busy_as_often_as_it_is_used() -> None:
    assert erlang_c(1, 0.7) == pytest.approx(0.7)


def test_two_servers_have_their_closed_form() -> None:
    assert erlang_c(2, 0.6) == pytest.approx(2 * 0.36 / 1.6)


@pytest.mark.parametrize("servers", [3, 10, 50])
def test_many_servers_have_erlangs_sum(servers: int) -> None:
    load = 0.8 * servers
    last = load**servers / math.factorial(servers) / 0.2
    others = sum(load**busy / math.factorial(busy) for busy in range(servers))
    assert erlang_c(servers, 0.8) == pytest.approx(last / (others + last))


def test_thousands_of_servers_do_not_overflow() -> None:
    assert 0 < erlang_c(4000, 0.99) < erlang_c(400, 0.99) < 1


@pytest.mark.parametrize("utilisation", [0.3, 0.7, 0.9])
def test_refusals_are_those_of_a_queue_with_a_limit(utilisation: float) -> None:
    """M/M/1 with room for 4: (1 - r) r^5 / (1 - r^6)."""
    steady = steady_state(servers=1, utilisation=utilisation, mean_s=1, cv2=1)
    exact = (1 - utilisation) * utilisation**5 / (1 - utilisation**6)
    assert refused_share(steady, utilisation=utilisation, room=4) == pytest.approx(exact)


def test_one_exponential_server_answers_in_an_exponential_time() -> None:
    """The time in an M/M/1 queue is exponential with the mean S / (1 - r)."""
    shares = (np.arange(4000) + 0.5) / 4000
    service = -MEAN_S * np.log(1 - shares)
    steady = steady_state(servers=1, utilisation=0.8, mean_s=MEAN_S, cv2=1)
    exceed = exceed_steady(service, [steady], ONE)
    for share in (0.5, 0.9, 0.99):
        exact = -math.log(1 - share) * MEAN_S / 0.2
        assert percentile_s(exceed, share) == pytest.approx(exact, rel=0.02)


def test_without_waiting_the_latency_is_the_service_time() -> None:
    service = np.linspace(0.01, 0.02, 401)
    exceed = exceed_steady(service, [Steady(wait_share=0.0, wait_s=1.0)], ONE)
    assert percentile_s(exceed, 0.5) == pytest.approx(0.015, rel=0.03)
    assert percentile_s(exceed, 0.99) == pytest.approx(0.0199, rel=0.03)


def test_a_backlog_comes_before_the_service() -> None:
    exceed = exceed_backlog(np.full(100, 0.1), 5.0)
    assert percentile_s(exceed, 0.5) == pytest.approx(5.1, rel=0.03)


def test_percentiles_end_at_the_edges_of_the_grid() -> None:
    assert percentile_s(np.zeros(len(GRID_S)), 0.99) == GRID_S[0]
    assert percentile_s(np.ones(len(GRID_S)), 0.99) == GRID_S[-1]


@pytest.mark.parametrize("shape", ["exponential", "constant", "lognormal"])
@pytest.mark.parametrize(("instances", "slots", "is_pooled"), [(4, 4, False), (20, 2, True)])
def test_a_simulation_agrees_with_every_request_one_by_one(
    shape: str, instances: int, slots: int, is_pooled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a use of 0.8, 40,000 requests, by formulas: the p50 within 5 %, the p99 within 15 %."""
    monkeypatch.setattr(one_by_one, "MAX_STEPS", 0)
    chance = np.random.default_rng(3)
    times = {
        "exponential": chance.exponential(MEAN_S, 50_000),
        "constant": np.full(50_000, MEAN_S),
        "lognormal": chance.lognormal(math.log(MEAN_S), 0.5, 50_000),
    }[shape]
    instance = Instance(instance_type="m", service=from_samples(times), price_usd_per_hour=1, slots=slots)
    rate = 0.8 * instances * instance.rate
    counts = chance.poisson(np.full(int(40_000 / rate), rate)).astype(float)
    world = World(routing="LEAST_OUTSTANDING_REQUESTS" if is_pooled else "RANDOM")
    outcome = simulate(counts, instance=instance, plan=fixed(instances), world=world)
    arrivals = poisson_arrivals(counts, seed=4)
    took = latencies_one_by_one(
        arrivals,
        chance.choice(times, len(arrivals)),
        instances=instances,
        slots=slots,
        is_pooled=is_pooled,
    )
    assert outcome.latencies.p50_ms == pytest.approx(float(np.percentile(took, 50)) * 1000, rel=0.05)
    assert outcome.latencies.p99_ms == pytest.approx(float(np.percentile(took, 99)) * 1000, rel=0.15)


def test_queues_are_summed_as_if_each_stood_alone() -> None:
    """The quick sum from grid point to grid point against the sum that the formula says."""
    service = np.sort(np.random.default_rng(1).exponential(MEAN_S, 50))
    queues = [steady_state(servers=2, utilisation=use, mean_s=MEAN_S, cv2=1) for use in (0.2, 0.9)]
    weights = np.array([3.0, 5.0])
    slow = np.zeros(len(GRID_S))
    for queue, weight in zip(queues, weights, strict=True):
        left = GRID_S[:, None] - service[None, :]
        waiting = queue.wait_share * np.exp(-np.maximum(left, 0) / queue.wait_s)
        slow += weight * np.where(left < 0, 1, waiting).mean(axis=1)
    assert exceed_steady(service, queues, weights) == pytest.approx(slow, abs=1e-9)
