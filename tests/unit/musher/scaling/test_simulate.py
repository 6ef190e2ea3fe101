"""A trace against a plan: when instances come and go, what waits, and what it costs."""

import numpy as np
import pytest

from musher.errors import ScalingError
from musher.scaling.fleet import Fleet
from musher.scaling.instances import Instance, from_samples
from musher.scaling.latencies import round_sizes, smooth
from musher.scaling.policies import ScalingPlan, ScheduledAction, TargetTracking, fixed
from musher.scaling.queueing import Floats
from musher.scaling.scaler import Change
from musher.scaling.simulate import Outcome, World, simulate

TEN_A_SECOND = Instance(
    instance_type="m", service=from_samples([0.1]), price_usd_per_hour=2.0, start_s=240, room=600
)
"""Each request takes 0.1 s, one at a time."""


def tracking(*, initial: int = 1, target: float = 300, most: int = 20) -> ScalingPlan:
    """Return a plan that holds half of what an instance can do."""
    policy = TargetTracking(target=target)
    return ScalingPlan(name="t", initial=initial, min_capacity=1, max_capacity=most, policies=[policy])


def play(arrivals: Floats, plan: ScalingPlan, *, instance: Instance = TEN_A_SECOND) -> Outcome:
    """Simulate on instances of ten requests a second."""
    return simulate(arrivals, instance=instance, plan=plan)


def level(*stretches: tuple[float, int]) -> Floats:
    """Return rates, each for some minutes."""
    return np.concatenate([np.full(minutes * 60, rate) for rate, minutes in stretches])


def changes(outcome: Outcome) -> list[tuple[int, int]]:
    """Return at which seconds the number in service changed, and to what."""
    counts = outcome.in_service
    places = np.flatnonzero(np.diff(counts)) + 1
    return [(int(place), int(counts[place])) for place in places]


def test_a_fixed_number_costs_what_it_stands_for() -> None:
    outcome = play(level((5, 60)), fixed(3))
    assert (outcome.instance_hours, outcome.cost_usd) == (pytest.approx(3), pytest.approx(6))
    assert outcome.requests == 18_000
    assert outcome.latencies.throttled_share < 1e-6


def test_a_load_scales_out_after_three_minutes_the_metrics_delay_and_the_start() -> None:
    """High in minutes 0, 1, 2; the last is there at 4 min, and four minutes later the instances serve."""
    outcome = play(level((8, 60)), tracking())
    assert changes(outcome)[0] == (240 + 240, 2)
    assert outcome.activities == 1


def test_it_goes_in_one_step_to_what_is_needed() -> None:
    outcome = play(level((18, 30)), tracking())
    assert changes(outcome)[0][1] == 4


def test_instances_that_start_cost_already() -> None:
    outcome = play(level((8, 8)), tracking())
    assert outcome.instance_hours == pytest.approx((240 * 1 + 240 * 2) / 3600)


def test_a_quiet_quarter_of_an_hour_scales_in() -> None:
    outcome = play(level((1, 40)), tracking(initial=5))
    assert changes(outcome)[0] == (16 * 60, 1)


def test_no_traffic_scales_in_to_the_least() -> None:
    outcome = play(level((0, 40)), tracking(initial=5))
    assert outcome.in_service[-1] == 1
    assert outcome.latencies.p99_ms == 0


def test_the_bounds_hold() -> None:
    outcome = play(level((500, 120)), tracking(most=7))
    assert outcome.highest == 7


def test_a_steady_load_settles_below_the_target() -> None:
    outcome = play(level((37, 240)), tracking())
    assert outcome.in_service[-1] == 8
    assert len(changes(outcome)) <= 3


def test_an_overload_waits_and_then_is_refused() -> None:
    """Twice what one instance can do: 600 wait after a minute, then every second request is refused."""
    outcome = play(level((20, 3)), fixed(1))
    assert outcome.latencies.throttled_share == pytest.approx(1 / 3, abs=0.01)
    assert outcome.latencies.p99_ms == pytest.approx(60_000, rel=0.05)


def test_a_burst_delays_what_comes_behind_it() -> None:
    arrivals = np.full(600, 2.0)
    arrivals[100] = 100
    quiet, burst = play(np.full(600, 2.0), fixed(1)), play(arrivals, fixed(1))
    assert burst.latencies.p99_ms > 4000 > 10 * quiet.latencies.p99_ms


def test_requests_over_the_time_limit_are_counted() -> None:
    plentiful = Instance(instance_type="m", service=from_samples([0.1]), price_usd_per_hour=1, room=100_000)
    outcome = play(level((20, 10)), fixed(1), instance=plentiful)
    assert outcome.latencies.timed_out_share == pytest.approx(0.9, abs=0.02)


def test_a_schedule_is_ready_for_the_hour() -> None:
    action = ScheduledAction(at_s=1800, min_capacity=5, max_capacity=5)
    plan = ScalingPlan(name="s", initial=1, min_capacity=1, max_capacity=1, scheduled=[action])
    outcome = play(level((5, 60)), plan)
    assert changes(outcome) == [(1800 + 240, 5)]


def test_a_shared_queue_waits_less_than_random_routing() -> None:
    arrivals = level((80, 60))
    both = [
        simulate(arrivals, instance=TEN_A_SECOND, plan=fixed(10), world=World(routing=routing))
        for routing in ("RANDOM", "LEAST_OUTSTANDING_REQUESTS")
    ]
    assert both[0].latencies.p99_ms > 2 * both[1].latencies.p99_ms


def test_more_instances_never_do_worse() -> None:
    arrivals = np.random.default_rng(5).poisson(level((30, 60))).astype(float)
    p99 = [play(arrivals, fixed(count)).latencies.p99_ms for count in (3, 4, 5, 8)]
    assert p99 == sorted(p99, reverse=True)


def test_the_last_part_of_a_minute_is_simulated() -> None:
    outcome = play(np.full(90, 5.0), fixed(2))
    assert len(outcome.in_service) == 90
    assert outcome.instance_hours == pytest.approx(2 * 90 / 3600)


@pytest.mark.parametrize(
    "arrivals", [np.array([]), np.array([1.0, -1.0]), np.array([np.nan]), np.array([[1.0]])]
)
def test_what_is_no_trace_is_refused(arrivals: Floats) -> None:
    with pytest.raises(ScalingError, match="trace"):
        play(arrivals, fixed(1))


def test_removed_instances_serve_no_longer_while_the_activity_lasts() -> None:
    fleet = Fleet(in_service=5, desired=5)
    fleet.begin(Change(capacity=2), now_s=0, start_s=240, stop_s=60, is_policys=True)
    assert (fleet.in_service, fleet.billed, fleet.ready_s) == (2, 2, 60)


def test_new_instances_serve_from_the_end_of_the_activity() -> None:
    fleet = Fleet(in_service=2, desired=2)
    fleet.begin(Change(capacity=5), now_s=0, start_s=240, stop_s=60, is_policys=True)
    assert (fleet.in_service, fleet.billed, fleet.ready_s) == (2, 5, 240)
    fleet.end()
    assert fleet.in_service == 5


def test_rates_are_smoothed_over_a_minute_and_at_the_ends() -> None:
    rates = np.concatenate([np.zeros(100), np.full(100, 10.0)])
    smoothed = smooth(rates)
    assert (smoothed[0], smoothed[100], smoothed[199]) == (0, pytest.approx(5, abs=0.2), 10)


def test_sizes_are_rounded_by_few_percent() -> None:
    sizes = np.arange(1, 2000)
    assert np.all(np.abs(round_sizes(sizes) / sizes - 1) <= 0.05)
