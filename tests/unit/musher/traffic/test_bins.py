"""Latencies in few bins."""

from itertools import pairwise

import pytest

from musher.traffic.bins import MAX_BINS, bin_latencies
from tests.unit.musher.load_records import measure_all


def test_every_request_is_in_a_bin_and_the_bins_cover_all() -> None:
    times = [0.001 * number for number in range(1, 1000)]
    bins = bin_latencies(measure_all(times)["latency_histogram"])
    assert sum(item["count"] for item in bins) == 999
    assert len(bins) == MAX_BINS
    assert bins[0]["from_ms"] == pytest.approx(1, rel=0.01)
    assert bins[-1]["to_ms"] == pytest.approx(999, rel=0.01)
    assert all(one["to_ms"] == other["from_ms"] for one, other in pairwise(bins))


def test_equal_latencies_are_one_bin_and_none_are_none() -> None:
    [only] = bin_latencies(measure_all([0.05] * 7)["latency_histogram"])
    assert (only["count"], only["from_ms"]) == (7, pytest.approx(50, rel=0.01))
    assert bin_latencies(measure_all([])["latency_histogram"]) == []


def test_an_outlier_has_a_bin_far_away() -> None:
    bins = bin_latencies(measure_all([0.01] * 99 + [10.0])["latency_histogram"])
    assert [item["count"] for item in bins if item["count"]] == [99, 1]
    assert bins[-1]["count"] == 1
