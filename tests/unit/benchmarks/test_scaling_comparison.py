"""How instances over time are compared, and what a look at an endpoint counts."""

import numpy as np
import pytest

from benchmarks.autoscaling import canary_s
from benchmarks.live_endpoint import AwsClock, Look
from benchmarks.scaling_comparison import (
    Measured,
    count_arrivals,
    largest_error,
    lay_out,
    list_changes,
    minute_means,
    predict,
    split_service,
)
from musher.scaling.instances import from_samples
from musher.scaling.policies import ScalingPlan, TargetTracking
from scripts.verdict import count_lost
from tests.unit.musher.load_records import measure_all


def look(
    real_s: float, *, status: str = "InService", phase: str = "", counts: tuple[int, int] = (1, 1)
) -> Look:
    return Look(real_s=real_s, status=status, phase=phase, instances=counts[0], desired=counts[1])


def test_requests_are_counted_by_the_second_that_they_are_due_in() -> None:
    assert count_arrivals([0.2, 0.9, 2.0, 7.0], length_s=4).tolist() == [2, 0, 1, 0]


def test_looks_become_a_number_for_each_second() -> None:
    assert lay_out([-3.0, 1.5, 4.0], [1, 2, 3], length_s=6).tolist() == [1, 1, 2, 2, 3, 3]


def test_differences_are_those_of_the_means_of_minutes() -> None:
    """Half a minute late, by two instances, is a difference of one; a whole minute late is one of two."""
    early, late, later = (np.repeat([1, 3], [60 + after, 240 - after]) for after in (0, 30, 60))
    assert minute_means(late).tolist() == [1, 2, 3, 3, 3]
    assert largest_error(early, late) == pytest.approx(1)
    assert largest_error(early, later) == pytest.approx(2)
    assert list_changes(late) == [(90, 3)]


def test_instances_that_start_and_those_that_end_do_not_serve() -> None:
    assert look(0, counts=(1, 3)).serving == 1
    assert look(0, counts=(3, 1)).serving == 1


def test_the_aws_clock_runs_as_fast_as_its_speed() -> None:
    assert AwsClock(speed=60, aws_s=1000, real_s=10).at(12) == 1120


def test_a_canary_lasts_from_its_first_traffic_to_the_way_back() -> None:
    looks = [
        look(0),
        look(1, status="Updating", phase="Creating"),
        look(2, status="Updating", phase="Baking"),
        look(3, status="Updating", phase="Baking"),
        look(3.5, status="RollingBack"),
        look(4),
    ]
    assert canary_s(looks) == 1.5


def test_what_was_never_sent_is_lost() -> None:
    assert count_lost({"failed": 2, "dropped": 3}) == 5


def test_the_way_to_an_instance_is_no_work() -> None:
    """Requests of 70 ms of which the model took 60: at speed 60, 3.6 s of work and 0.6 s besides."""
    service, overhead_s = split_service(measure_all([0.07] * 100), model_latency_s=0.06, speed=60)
    assert service.mean_s == pytest.approx(3.6, rel=0.01)
    assert overhead_s == pytest.approx(0.6, rel=0.01)


def test_a_prediction_starts_instances_as_slowly_as_was_measured() -> None:
    measured = Measured(service=from_samples([3.0]), overhead_s=0, start_s=100, stop_s=10, metric_delay_min=0)
    policy = TargetTracking(target=3)
    plan = ScalingPlan(name="p", initial=1, min_capacity=1, max_capacity=3, policies=[policy])
    outcome = predict(np.full(600, 1), measured=measured, plan=plan)
    assert list_changes(outcome.in_service) == [(180 + 100, 3)]
