"""Moments of requests: as many as the profile says, where it says, the same for the same seed."""

import itertools
import statistics

import pytest

from musher.errors import TrafficError
from musher.traffic.arrivals import draw_arrivals
from musher.traffic.profiles import Constant, Diurnal, Ramp, Spike
from musher.traffic.traces import ArrivalsTrace, CountsTrace


def test_an_even_rate_is_a_comb() -> None:
    drawn = list(draw_arrivals(Constant(rate=4, duration_s=2)))
    assert drawn == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75])


@pytest.mark.parametrize(("rate", "duration_s"), [(0.3, 10), (7, 3.05), (333.3, 3), (1000, 1.999), (0, 5)])
def test_no_request_is_lost_or_added_by_rounding(rate: float, duration_s: float) -> None:
    drawn = list(draw_arrivals(Constant(rate=rate, duration_s=duration_s)))
    assert len(drawn) == -(-rate * duration_s // 1)
    assert all(0 <= offset < duration_s for offset in drawn)


def test_a_ramp_has_as_many_requests_as_its_area() -> None:
    drawn = list(draw_arrivals(Ramp(rate=0, peak_rate=100, duration_s=10)))
    assert len(drawn) == pytest.approx(500, abs=1)
    assert sum(offset < 5 for offset in drawn) == pytest.approx(125, abs=1)


def test_requests_of_a_spike_lie_in_the_spike() -> None:
    spike = Spike(rate=0, peak_rate=50, peak_at_s=3, peak_for_s=2, duration_s=10)
    drawn = list(draw_arrivals(spike))
    assert len(drawn) == pytest.approx(100, abs=1)
    assert min(drawn) >= 3 - 0.1
    assert max(drawn) <= 5 + 0.1


def test_every_profile_is_drawn_in_order() -> None:
    drawn = list(draw_arrivals(Diurnal(rate=1, peak_rate=40, duration_s=60, period_s=30), spacing="poisson"))
    assert drawn == sorted(drawn)


def test_independent_users_come_at_intervals_of_a_poisson_process() -> None:
    drawn = list(draw_arrivals(Constant(rate=50, duration_s=400), spacing="poisson", seed=3))
    gaps = [after - before for before, after in itertools.pairwise(drawn)]
    assert len(drawn) == pytest.approx(20_000, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05)


def test_a_seed_gives_the_same_moments_again() -> None:
    profile = Constant(rate=20, duration_s=5)
    first, again, other = (list(draw_arrivals(profile, spacing="poisson", seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_recorded_counts_are_sent_in_their_seconds() -> None:
    drawn = list(draw_arrivals(CountsTrace(counts=[3, 0, 2])))
    assert [int(offset) for offset in drawn] == [0, 0, 0, 2, 2]


def test_recorded_moments_are_sent_as_they_are() -> None:
    assert list(draw_arrivals(ArrivalsTrace(offsets_s=[0.5, 0.5, 7.25]))) == [0.5, 0.5, 7.25]


def test_an_unknown_spacing_is_refused() -> None:
    with pytest.raises(TrafficError, match="even or poisson"):
        draw_arrivals(Constant(rate=1, duration_s=1), spacing="odd")  # type: ignore[arg-type]
