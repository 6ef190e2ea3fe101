"""Small loads, of which each request is followed."""

import numpy as np
import pytest

from musher.scaling import one_by_one
from musher.scaling.instances import Instance, from_samples
from musher.scaling.latencies import Latencies, Played
from musher.scaling.one_by_one import Queue, draw_moments, follow_requests, is_small, resize
from musher.scaling.policies import fixed
from musher.scaling.queueing import Floats
from musher.scaling.simulate import Outcome, World, simulate
from tests.unit.musher.scaling.queue_oracle import latencies_one_by_one, poisson_arrivals

SLOW = Instance(instance_type="m", service=from_samples([2.0]), price_usd_per_hour=1)
"""Each request takes 2 s, one at a time."""


def played(arrivals: Floats, *, instances: int = 1) -> Played:
    nothing = np.zeros(len(arrivals))
    in_service = np.full(len(arrivals), instances)
    return Played(arrivals=arrivals, refused=nothing, in_service=in_service, backlog_s=nothing)


def follow(load: Played, *, instance: Instance = SLOW, is_pooled: bool = False) -> Latencies:
    return follow_requests(load, instance=instance, is_pooled=is_pooled, timeout_s=60)


@pytest.mark.parametrize("instances", [1, 3])
def test_it_agrees_with_another_follower_of_requests(instances: int) -> None:
    """At a use of 0.7, in the mean of 20 draws; the percentiles of one differ by chance."""
    arrivals = np.random.default_rng(2).poisson(np.full(6000, 0.35 * instances)).astype(float)
    ours = simulate(arrivals, instance=SLOW, plan=fixed(instances)).latencies
    theirs = [
        np.percentile(
            latencies_one_by_one(
                moments := poisson_arrivals(arrivals, seed=seed),
                np.full(len(moments), 2.0),
                instances=instances,
                slots=1,
                is_pooled=False,
                seed=seed,
            ),
            [50, 95],
        )
        for seed in range(20)
    ]
    assert [ours.p50_ms, ours.p95_ms] == pytest.approx(np.mean(theirs, axis=0) * 1000, rel=0.15)


def test_a_short_rush_is_no_steady_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes at a use of 0.95, a few requests each: formulas foresee far more waiting."""
    arrivals = np.random.default_rng(4).poisson(np.full(600, 0.475)).astype(float)
    followed = simulate(arrivals, instance=SLOW, plan=fixed(1)).latencies
    moments = [poisson_arrivals(arrivals, seed=seed) for seed in range(20)]
    theirs = [
        latencies_one_by_one(one, np.full(len(one), 2.0), instances=1, slots=1, is_pooled=False)
        for one in moments
    ]
    exact_ms = float(np.mean([np.percentile(took, 95) for took in theirs])) * 1000
    monkeypatch.setattr(one_by_one, "MAX_STEPS", 0)
    estimated = simulate(arrivals, instance=SLOW, plan=fixed(1)).latencies
    assert abs(followed.p95_ms / exact_ms - 1) < 0.25
    assert abs(followed.p95_ms - exact_ms) < abs(estimated.p95_ms - exact_ms)


def test_a_lone_request_does_not_wait_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals = np.zeros(3000)
    arrivals[::100] = 1
    followed = simulate(arrivals, instance=SLOW, plan=fixed(1)).latencies
    assert followed.p99_ms == pytest.approx(2000)
    monkeypatch.setattr(one_by_one, "MAX_STEPS", 0)
    estimated = simulate(arrivals, instance=SLOW, plan=fixed(1)).latencies
    assert estimated.p50_ms == pytest.approx(2000, rel=0.04)


def test_who_comes_behind_waits_and_who_finds_no_room_is_refused() -> None:
    queue = Queue(slots=1)
    taken = [queue.take(moment, service_s=2.0, room=1) for moment in (0.0, 0.5, 0.6, 2.5)]
    assert taken == [2.0, 3.5, None, 3.5]
    assert [queue.outstanding(moment) for moment in (1.0, 3.0, 4.5, 6.0)] == [3, 2, 1, 0]


def test_slots_work_side_by_side() -> None:
    queue = Queue(slots=2)
    assert [queue.take(0.0, service_s=2.0, room=9) for _ in range(3)] == [2.0, 2.0, 4.0]


def test_the_share_of_refused_and_of_late_requests_is_told() -> None:
    """Ten at once on an instance with room for four: five are answered, after 2, 4, 6, 8 and 10 s."""
    small = Instance(instance_type="m", service=from_samples([2.0]), price_usd_per_hour=1, room=4)
    arrivals = np.array([10.0])
    found = follow_requests(played(arrivals), instance=small, is_pooled=False, timeout_s=7.0)
    assert found.throttled_share == pytest.approx(0.5)
    assert found.timed_out_share == pytest.approx(0.2)
    assert found.p50_ms == pytest.approx(6000, rel=0.2)


def test_the_least_busy_instance_makes_requests_wait_less_than_any() -> None:
    arrivals = np.random.default_rng(1).poisson(np.full(2000, 1.5)).astype(float)
    load = played(arrivals, instances=4)
    assert follow(load, is_pooled=True).p95_ms < 0.7 * follow(load).p95_ms


def test_what_waits_on_instances_that_leave_is_answered_and_new_ones_are_free() -> None:
    queues = [Queue(slots=1), Queue(slots=1)]
    kept = queues[0]
    resize(queues, count=1, slots=1)
    assert queues == [kept]
    resize(queues, count=3, slots=1)
    assert queues[0] is kept
    assert [queue.outstanding(0.0) for queue in queues] == [0, 0, 0]


def test_parts_of_requests_add_up() -> None:
    moments = draw_moments(np.full(40, 0.1), np.random.default_rng(0))
    assert len(moments) == 4
    assert np.all(np.diff(moments) > 0)


def test_no_requests_have_no_latency() -> None:
    assert follow(played(np.zeros(10))).p99_ms == 0


def test_many_requests_or_many_instances_to_look_at_are_estimated() -> None:
    assert is_small(played(np.full(100, 400.0), instances=100), is_pooled=False)
    assert not is_small(played(np.full(100, 400.0), instances=100), is_pooled=True)
    assert not is_small(played(np.full(100, 600.0)), is_pooled=False)


def test_the_same_load_has_the_same_outcome() -> None:
    def play() -> Outcome:
        return simulate(np.full(600, 0.4), instance=SLOW, plan=fixed(2), world=World())

    assert play().latencies == play().latencies
