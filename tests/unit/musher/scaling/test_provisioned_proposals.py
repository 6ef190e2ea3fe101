"""How many environments to provision: held against requests that are followed one by one."""

import heapq
import json
from pathlib import Path

import numpy as np
import pytest

from musher.errors import ScalingError
from musher.scaling.provisioned import main, propose
from musher.scaling.queueing import Floats

HOUR_S = 3600


def steady(rate: float, *, seconds: int = HOUR_S) -> Floats:
    """Return Poisson arrivals of a rate."""
    return np.random.default_rng(7).poisson(rate, seconds).astype(np.float64)


def follow(arrivals: Floats, *, mean_s: float, count: int, spread: float) -> float:
    """Return the share of requests that find all environments busy; durations are log-normal."""
    chance = np.random.default_rng(3)
    moments = np.repeat(np.arange(len(arrivals)), arrivals.astype(int)) + chance.random(int(arrivals.sum()))
    sigma = np.sqrt(np.log(1 + spread**2))
    durations = chance.lognormal(np.log(mean_s) - sigma**2 / 2, sigma, len(moments))
    busy: list[float] = []
    spilled = 0
    for moment, duration in zip(sorted(moments), durations, strict=True):
        while busy and busy[0] <= moment:
            heapq.heappop(busy)
        if len(busy) >= count:
            spilled += 1
        else:
            heapq.heappush(busy, moment + duration)
    return spilled / len(moments)


@pytest.mark.parametrize("spread", [0.2, 1.5])
@pytest.mark.parametrize(("rate", "mean_s", "goal"), [(8.0, 0.5, 0.02), (20.0, 0.25, 0.05)])
def test_the_share_is_that_of_requests_followed_one_by_one(
    rate: float, mean_s: float, goal: float, spread: float
) -> None:
    arrivals = steady(rate)
    found = propose(arrivals, mean_s=mean_s, max_spilled_share=goal).fixed
    followed = follow(arrivals, mean_s=mean_s, count=found.count, spread=spread)
    assert followed == pytest.approx(found.spilled_share, rel=0.25, abs=0.002)
    assert follow(arrivals, mean_s=mean_s, count=found.count - 1, spread=spread) > goal * 0.9


def test_a_busy_minute_needs_more_than_the_trace() -> None:
    arrivals = np.concatenate([steady(1.0), steady(30.0, seconds=60)])
    found = propose(arrivals, mean_s=0.5, max_spilled_share=0.05)
    assert found.fixed.count < found.at_most.count
    assert found.fixed.spilled_share <= 0.05 < found.fixed.busiest_minute_share
    assert found.at_most.busiest_minute_share <= 0.05


def test_an_environment_takes_ten_requests_a_second_however_short_they_are() -> None:
    assert propose(np.full(600, 100.0), mean_s=0.001, max_spilled_share=0.01).fixed.count == 10


def test_without_traffic_none_is_needed() -> None:
    found = propose(np.zeros(120), mean_s=0.5, max_spilled_share=0.01)
    assert (found.fixed.count, found.at_most.count, found.fixed.usd_per_month) == (0, 0, 0)


@pytest.mark.parametrize(("mean_s", "share"), [(0.0, 0.01), (float("inf"), 0.01), (0.1, 0.0), (0.1, 1.0)])
def test_a_question_that_has_no_answer_is_refused(mean_s: float, share: float) -> None:
    with pytest.raises(ScalingError, match="Set a time above 0"):
        propose(np.ones(60), mean_s=mean_s, max_spilled_share=share)


def test_the_command_prints_both_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("second,requests\n" + "".join(f"{second},4\n" for second in range(120)))
    assert main(["--trace", str(trace), "--mean-ms", "500", "--max-spilled-share", "0.01"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fixed"]["count"] == found["at_most"]["count"] == 7
    assert found["fixed"]["usd_per_month"] == pytest.approx(7 * 2.74, abs=0.05)
    assert main(["--trace", str(trace), "--mean-ms", "0"]) == 2
