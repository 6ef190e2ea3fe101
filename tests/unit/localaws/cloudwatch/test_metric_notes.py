"""Notes of what happened: counted later, in the minute and the place in which it was."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from localaws.clock import ManualClock
from localaws.cloudwatch.metrics import Metrics, Value
from localaws.cloudwatch.spec import Filter, metric_key

KEY = metric_key("n", "m")


@dataclass(frozen=True)
class Happened:
    """Something that adds one value."""

    value: float = 1.0
    account_id: str = "1"
    region: str = "us-east-1"

    def values(self) -> Iterator[Value]:
        """Return the value."""
        yield KEY, self.value, "Count"


@pytest.fixture
def metrics() -> Metrics:
    """Return metrics on a clock that stands."""
    return Metrics(ManualClock())


def minutes(metrics: Metrics, *, account_id: str = "1", region: str = "us-east-1") -> dict[int, float]:
    """Return the sums by minute, from the minute of the clock's begin."""
    begin_s = int(metrics.now_s()) // 60 * 60
    store = metrics.store(account_id=account_id, region=region)
    points = store.read(KEY, start_s=begin_s - 3600, end_s=begin_s + 3600, period_s=60)
    return {(point.start_s - begin_s) // 60: point.values.total for point in points}


def test_who_reads_sees_all_that_happened_until_now(metrics: Metrics) -> None:
    for value in (1.0, 2.0, 2.0):
        metrics.report(Happened(value))
    assert minutes(metrics) == {0: 5}
    metrics.report(Happened(4.0))
    assert minutes(metrics) == {0: 9}


def test_an_event_of_another_time_counts_there(metrics: Metrics) -> None:
    now_s = metrics.now_s()
    for offset_s in (-0.5, -60.0, 59.9, 60.0):
        metrics.report(Happened(), at_s=now_s + offset_s)
    assert minutes(metrics) == {-1: 2, 0: 1, 1: 1}


def test_accounts_and_regions_do_not_mix(metrics: Metrics) -> None:
    metrics.report(Happened(1.0))
    metrics.report(Happened(2.0, region="eu-west-1"))
    metrics.report(Happened(4.0, account_id="2"))
    assert minutes(metrics) == {0: 1}
    assert minutes(metrics, region="eu-west-1") == {0: 2}
    assert minutes(metrics, account_id="2") == {0: 4}
    assert metrics.store(account_id="2", region="eu-west-1").list(Filter()) == []


def test_nothing_is_lost_or_counted_twice_between_threads(metrics: Metrics) -> None:
    def work() -> None:
        for _ in range(200):
            metrics.report(Happened())
            metrics.settle()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert minutes(metrics) == {0: 800}
