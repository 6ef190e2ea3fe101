"""Values by minute and by second, their statistics, and how much of them is kept."""

import random
import statistics

import pytest

from localaws.cloudwatch import series
from localaws.cloudwatch import store as stores
from localaws.cloudwatch.series import Series
from localaws.cloudwatch.spec import Filter, MetricKey, metric_key
from localaws.cloudwatch.statistics import MAX_VALUES, Aggregate, merged, parse_percentile
from localaws.cloudwatch.store import MetricStore

KEY = metric_key("n", "m", {"b": "2", "a": "1"})


def aggregate_of(*values: float) -> Aggregate:
    """Return values as one aggregate."""
    found = Aggregate()
    for value in values:
        found.add(value)
    return found


def test_the_five_statistics_and_percentiles() -> None:
    found = aggregate_of(4, 1, 2, 3)
    names = ("SampleCount", "Sum", "Average", "Minimum", "Maximum", "p50", "p99.9", "p0", "p100")
    assert [found.statistic(name) for name in names] == [4, 10, 2.5, 1, 4, 2, 4, 1, 4]
    assert found.statistic("tm90") is None
    assert Aggregate().statistic("Sum") is None


def test_of_many_values_percentiles_are_good_to_one_percent() -> None:
    rng = random.Random(3)
    values = [rng.lognormvariate(3, 2) for _ in range(20_000)]
    found = aggregate_of(*values)
    assert len(found.values) < 20_000 / 5
    for share in (0.5, 0.9, 0.99):
        exact = statistics.quantiles(values, n=100)[round(share * 100) - 1]
        assert found.statistic(f"p{share * 100:g}") == pytest.approx(exact, rel=0.011)
    assert found.statistic("Maximum") == max(values)
    assert found.statistic("Sum") == pytest.approx(sum(values))


def test_what_is_kept_of_a_period_is_bounded() -> None:
    found = aggregate_of(*(float(number) for number in range(100_000)))
    assert len(found.values) < 3 * MAX_VALUES


def test_a_statistic_set_has_no_percentiles_unless_all_its_values_are_equal() -> None:
    mixed, equal = aggregate_of(1), Aggregate()
    mixed.add_set(count=2, total=5, minimum=2, maximum=3)
    equal.add_set(count=2, total=6, minimum=3, maximum=3)
    assert (mixed.statistic("Sum"), mixed.statistic("p50")) == (6, None)
    assert equal.statistic("p50") == 3
    assert merged([mixed, equal]).statistic("p50") is None


def test_periods_are_counted_from_the_start() -> None:
    found = Series()
    for second, value in ((0, 1.0), (59, 2.0), (60, 4.0), (240, 8.0)):
        found.add_value(value, at_s=second)
    read = found.read(start_s=0, end_s=300, period_s=120)
    assert [(start, values.total) for start, values in read] == [(0, 7), (240, 8)]
    assert [start for start, _ in found.read(start_s=60, end_s=240, period_s=60)] == [60]


def test_only_values_of_high_resolution_have_seconds() -> None:
    found = Series()
    found.add(aggregate_of(1), at_s=10, is_high_resolution=False)
    found.add(aggregate_of(2), at_s=12, is_high_resolution=True)
    found.add(aggregate_of(3), at_s=21, is_high_resolution=True)
    fine = found.read(start_s=0, end_s=60, period_s=10)
    assert [(start, values.total) for start, values in fine] == [(10, 2), (20, 3)]
    coarse = found.read(start_s=0, end_s=60, period_s=60)
    assert [(start, values.total) for start, values in coarse] == [(0, 6)]


def test_the_oldest_minutes_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MINUTES_KEPT", 5)
    monkeypatch.setattr(series, "SLACK", 2)
    found = Series()
    for minute in range(20):
        found.add_value(1.0, at_s=60 * minute)
    kept = [start for start, _ in found.read(start_s=0, end_s=1200, period_s=60)]
    assert kept[-1] == 19 * 60
    assert 5 <= len(kept) <= 7


def test_dimensions_are_a_metric_s_identity_whatever_their_order() -> None:
    store = MetricStore()
    store.add_value(KEY, 1.0, unit="Count", at_s=0)
    store.add_value(metric_key("n", "m", {"a": "1", "b": "2"}), 2.0, unit="Count", at_s=0)
    store.add_value(metric_key("n", "m", {"a": "1"}), 4.0, unit="Count", at_s=0)
    whole = store.read_whole(KEY, start_s=0, end_s=60, period_s=60)
    assert [values.total for values in whole.values()] == [3]


def test_units_are_apart_unless_they_are_asked_for_together() -> None:
    store = MetricStore()
    store.add_value(KEY, 1.0, unit="Count", at_s=0)
    store.add_value(KEY, 2.0, unit="Bytes", at_s=0)
    points = store.read(KEY, start_s=0, end_s=60, period_s=60)
    assert {(point.unit, point.values.total) for point in points} == {("Count", 1), ("Bytes", 2)}
    assert len(store.read(KEY, start_s=0, end_s=60, period_s=60, unit="Bytes")) == 1
    assert store.read_whole(KEY, start_s=0, end_s=60, period_s=60)[0].total == 3


def test_a_quiet_minute_is_zero_only_where_nothing_came() -> None:
    store = MetricStore()
    store.add_value(KEY, 5.0, unit="None", at_s=10)
    for minute_s in (0, 60):
        store.add_zero(KEY, unit="None", minute_s=minute_s)
    points = store.read(KEY, start_s=0, end_s=120, period_s=60)
    assert [(point.values.count, point.values.total) for point in points] == [(1, 5), (1, 0)]


def test_the_metric_with_the_oldest_value_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_METRICS", 2)
    monkeypatch.setattr(stores, "FORGOTTEN", 1)
    store = MetricStore()
    for second, name in enumerate(("first", "second", "third")):
        store.add_value(metric_key("n", name), 1.0, unit="None", at_s=second)
    assert [key.name for key in store.list(Filter())] == ["second", "third"]


def test_many_new_metrics_need_few_looks_at_all_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look for each took a minute for the thousand metrics of one PutMetricData, under the lock."""
    monkeypatch.setattr(stores, "MAX_METRICS", 1000)
    store, looks = MetricStore(), 0
    latest_s = MetricStore._latest_s

    def count(self: MetricStore, key: MetricKey) -> int:
        nonlocal looks
        looks += 1
        return latest_s(self, key)

    monkeypatch.setattr(MetricStore, "_latest_s", count)
    for second in range(2000):
        store.add_value(metric_key("n", str(second)), 1.0, unit="None", at_s=second)
    assert looks <= 3000
    assert metric_key("n", "1999") in store.list(Filter())


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), 3),
        (Filter(namespace="n"), 2),
        (Filter(name="other"), 1),
        (Filter(dimensions=(("a", None),)), 2),
        (Filter(dimensions=(("a", "1"), ("b", "2"))), 1),
        (Filter(dimensions=(("a", "9"),)), 0),
    ],
)
def test_list_filters(wanted: Filter, found: int) -> None:
    store = MetricStore()
    for key in (KEY, metric_key("n", "other", {"a": "1"}), metric_key("elsewhere", "m")):
        store.add_value(key, 1.0, unit="None", at_s=100)
    assert len(store.list(wanted)) == found
    assert store.list(wanted, active_since_s=101) == []


def test_seconds_of_high_resolution_are_kept_for_less_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "SECONDS_KEPT", 3)
    monkeypatch.setattr(series, "SLACK", 0)
    found = Series()
    for second in range(10):
        found.add(aggregate_of(1), at_s=second, is_high_resolution=True)
    assert [start for start, _ in found.read(start_s=0, end_s=60, period_s=1)] == [7, 8, 9]
    ((start, whole),) = found.read(start_s=0, end_s=60, period_s=60)
    assert (start, whole.total) == (0, 10)


@pytest.mark.parametrize(
    ("name", "share"), [("p0", 0.0), ("p5", 0.05), ("p99.99", 0.9999), ("p100", 1.0), ("p50.", 0.5)]
)
def test_percentiles_are_named_by_their_share(name: str, share: float) -> None:
    assert parse_percentile(name) == pytest.approx(share)


@pytest.mark.parametrize("name", ["p", "p101", "p-1", "P50", "tm90", "IQM", "p50 ", "p1e1", ""])
def test_what_names_no_percentile(name: str) -> None:
    assert parse_percentile(name) is None
