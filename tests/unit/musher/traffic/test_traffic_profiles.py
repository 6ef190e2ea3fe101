"""The rate of each profile over time, and what is no profile."""

import math
from typing import Any

import pytest

from musher.errors import TrafficError
from musher.traffic.profiles import Constant, Diurnal, Ramp, Spike, describe, make_profile


def test_a_ramp_rises_evenly() -> None:
    ramp = Ramp(rate=10, peak_rate=30, duration_s=100)
    assert [ramp.rate_at(second) for second in (0, 50, 100)] == [10, 20, 30]


def test_a_spike_is_as_long_as_it_says() -> None:
    spike = Spike(rate=1, peak_rate=9, peak_at_s=10, peak_for_s=5, duration_s=60)
    assert [spike.rate_at(second) for second in (9.9, 10, 14.9, 15)] == [1, 9, 9, 1]


def test_a_wave_is_highest_half_a_period_after_its_start() -> None:
    wave = Diurnal(rate=2, peak_rate=10, duration_s=172_800)
    assert [round(wave.rate_at(hour * 3600), 6) for hour in (0, 6, 12, 24, 36)] == [2, 6, 10, 2, 10]


@pytest.mark.parametrize(
    ("kind", "rates"),
    [
        ("constant", [2, 2, 2, 2]),
        ("ramp", [2, 4, 6, 8]),
        ("spike", [2, 8, 2, 2]),
        ("diurnal", [2, 6.5, 6.5, 2]),
    ],
)
def test_the_shapes_of_the_form_fill_its_length(kind: str, rates: list[float]) -> None:
    profile = make_profile(kind, rate=2, peak_rate=8, duration_s=30)
    assert profile.duration_s == 30
    assert [round(profile.rate_at(second), 6) for second in (0, 10, 20, 30)] == rates


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(TrafficError, match="Choose one of constant, ramp, spike, diurnal"):
        make_profile("replay", rate=2, peak_rate=8, duration_s=30)


@pytest.mark.parametrize("rate", [-1, math.nan, math.inf, 2_000_000])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(TrafficError, match="requests per second"):
        Constant(rate=rate, duration_s=1)


@pytest.mark.parametrize("duration_s", [0, -1, math.nan, math.inf, 31 * 86_400])
def test_a_length_that_nobody_waits_for_is_refused(duration_s: float) -> None:
    with pytest.raises(TrafficError, match="duration_s"):
        Constant(rate=1, duration_s=duration_s)


@pytest.mark.parametrize(
    "peak",
    [
        {"peak_at_s": 55, "peak_for_s": 6},
        {"peak_at_s": -1, "peak_for_s": 6},
        {"peak_at_s": 1, "peak_for_s": 0},
    ],
)
def test_a_peak_outside_the_load_test_is_refused(peak: dict[str, Any]) -> None:
    with pytest.raises(TrafficError, match="peak"):
        Spike(rate=1, peak_rate=2, duration_s=60, **peak)


@pytest.mark.parametrize("period_s", [0, math.inf, math.nan])
def test_a_wave_needs_a_period(period_s: float) -> None:
    with pytest.raises(TrafficError, match="period_s"):
        Diurnal(rate=1, peak_rate=2, duration_s=60, period_s=period_s)


def test_the_result_names_a_profile_and_its_numbers() -> None:
    assert describe(Constant(rate=5, duration_s=60)) == {"kind": "constant", "rate": 5, "duration_s": 60}
