"""Service times: from single measurements and from a load test's result."""

import numpy as np
import pytest

from musher.errors import ScalingError
from musher.scaling.instances import Instance, ServiceTimes, from_load_test, from_samples
from musher.traffic.load_test import measured
from musher.traffic.recorder import Recorder


def test_samples_keep_mean_and_spread() -> None:
    times = from_samples(np.random.default_rng(0).exponential(0.1, 100_000))
    assert times.mean_s == pytest.approx(0.1, rel=0.02)
    assert times.cv2 == pytest.approx(1, rel=0.05)


def test_a_constant_has_no_spread() -> None:
    times = from_samples([0.2] * 5)
    assert (times.mean_s, times.cv2) == (pytest.approx(0.2), pytest.approx(0))


def test_a_load_tests_result_is_read() -> None:
    recorder = Recorder(duration_s=10)
    for number in range(1, 1001):
        recorder.send(0.0, late_s=0.0, in_flight=1)
        recorder.finish(0.0, latency_s=9, service_s=number / 10_000, failure=None)
    times = from_load_test(measured(recorder, took_s=10, is_complete=True))
    assert times.mean_s == pytest.approx(0.05, rel=0.01)
    assert times.quantiles_s[-1] == pytest.approx(0.1, rel=0.01)


def test_a_load_test_without_success_says_nothing() -> None:
    with pytest.raises(ScalingError, match="no success"):
        from_load_test(measured(Recorder(duration_s=1), took_s=1, is_complete=True))


@pytest.mark.parametrize("result", [{}, {"service_histogram": "x"}, {"service_histogram": None}])
def test_what_is_no_result_is_refused(result: dict[str, object]) -> None:
    with pytest.raises(ScalingError, match="no result"):
        from_load_test(result)


@pytest.mark.parametrize("samples", [[], [0.0, 1.0], [-1.0], [float("nan")], [float("inf")]])
def test_times_that_nobody_measures_are_refused(samples: list[float]) -> None:
    with pytest.raises(ScalingError):
        from_samples(samples)
    with pytest.raises(ScalingError):
        ServiceTimes(quantiles_s=np.array(samples))


def test_an_instance_does_as_many_requests_as_its_slots_allow() -> None:
    instance = Instance(instance_type="m", service=from_samples([0.1]), price_usd_per_hour=1, slots=4)
    assert instance.rate == pytest.approx(40)


@pytest.mark.parametrize(
    "wrong", [{"slots": 0}, {"room": -1}, {"start_s": -1}, {"start_s": 3601}, {"price_usd_per_hour": -1}]
)
def test_an_instance_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    values = {"price_usd_per_hour": 1, **wrong}
    with pytest.raises(ScalingError):
        Instance(instance_type="m", service=from_samples([0.1]), **values)  # type: ignore[arg-type]
