"""What is kept of PutMetricData, and what ListMetrics finds of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.cloudwatch.exceptions import CloudWatchException

from localaws.cloudwatch.backend import read_values
from localaws.cloudwatch.spec import Filter, metric_key

SET = {"SampleCount": 4.0, "Sum": 10.0, "Minimum": 1.0, "Maximum": 5.0}


@pytest.mark.parametrize(
    ("datum", "statistics"),
    [
        ({"Value": 7.0}, (1, 7, 7, 7, 7)),
        ({"Value": 0.0}, (1, 0, 0, 0, 0)),
        ({"Values": [1.0, 3.0]}, (2, 4, 2, 1, 3)),
        ({"Values": [1.0, 3.0], "Counts": [3.0, 1.0]}, (4, 6, 1.5, 1, 3)),
        ({"Values": [], "Value": 2.0}, (1, 2, 2, 2, 2)),
        ({"StatisticValues": SET}, (4, 10, 2.5, 1, 5)),
    ],
)
def test_the_three_ways_to_send_values(datum: dict[str, Any], statistics: tuple[float, ...]) -> None:
    found = read_values(datum)
    names = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
    assert tuple(found.statistic(name) for name in names) == statistics


def minutes(place: Any, name: str = "m", **options: Any) -> list[tuple[int, float]]:
    """Return the sums of a metric's minutes, counted from now."""
    now_s = int(place.metrics.now_s())
    request = {"start_s": now_s - 15 * 86_400, "end_s": now_s + 86_400, "period_s": 60} | options
    points = place.backend.metric_store("n").read(metric_key("n", name), **request)
    return [((point.start_s - now_s) // 60, point.values.total) for point in points]


def test_values_without_a_time_are_of_now_and_others_of_theirs(place: Any) -> None:
    now = place.clock.now()
    place.put(Value=1.0)
    place.put(Value=2.0, Timestamp=now + timedelta(minutes=119))
    place.put(Value=4.0, Timestamp=(now - timedelta(days=13)).replace(tzinfo=None))
    assert minutes(place) == [(-13 * 24 * 60, 4), (0, 1), (119, 2)]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"Value": float("nan")}, "InvalidParameterValue"),
        ({"Values": [1.0], "Value": 1.0}, "InvalidParameterValue"),
        ({"Value": 1.0, "StatisticValues": SET}, "InvalidParameterCombination"),
        ({"StatisticValues": {"Sum": 1.0}}, "InvalidParameterValue"),
        ({"Values": [1.0], "Counts": [1.0, 1.0]}, "InvalidParameterValue"),
        ({"Values": []}, "MissingParameter"),
    ],
)
def test_of_a_request_with_one_bad_datum_nothing_is_kept(place: Any, bad: dict[str, Any], code: str) -> None:
    with pytest.raises(CloudWatchException) as caught:
        place.backend.put_metric_data("n", [{"MetricName": "m", "Value": 1.0}, {"MetricName": "m", **bad}])
    assert caught.value.code == code
    assert minutes(place) == []


def test_a_request_has_a_thousand_metrics_at_most(place: Any) -> None:
    data = [{"MetricName": "m", "Value": 1.0}] * 1000
    place.backend.put_metric_data("n", data)
    assert minutes(place) == [(0, 1000)]
    with pytest.raises(CloudWatchException, match="must not have a size greater than 1000"):
        place.backend.put_metric_data("n", [*data, *data[:1]])


def test_seconds_are_read_of_high_resolution_only(place: Any) -> None:
    place.put(Value=1.0)
    place.put(Value=2.0, StorageResolution=1)
    place.put(Value=4.0, StorageResolution=60)
    assert minutes(place) == [(0, 7)]
    now_s = int(place.metrics.now_s())
    assert minutes(place, period_s=1, start_s=now_s, end_s=now_s + 60) == [(0, 2)]


def listed(place: Any, *, is_recent: bool = False, **wanted: Any) -> list[str]:
    """Return the names of the metrics that ListMetrics answers."""
    return [key.name for key in place.backend.find_metrics(Filter(**wanted), is_recent=is_recent)]


@pytest.mark.parametrize(
    ("after", "is_recent", "found"),
    [
        (timedelta(0), False, ["m"]),
        (timedelta(hours=3), True, ["m"]),
        (timedelta(hours=3, seconds=1), True, []),
        (timedelta(days=14), False, ["m"]),
        (timedelta(days=14, seconds=1), False, []),
    ],
)
def test_metrics_are_listed_for_two_weeks_or_three_hours(
    place: Any, after: timedelta, is_recent: bool, found: list[str]
) -> None:
    place.put(Value=1.0)
    place.clock.advance(after.total_seconds())
    assert listed(place, is_recent=is_recent) == found


def test_a_new_value_brings_a_metric_back(place: Any) -> None:
    place.put(Value=1.0)
    place.clock.advance(15 * 86_400)
    assert listed(place) == []
    place.put(Value=1.0)
    assert listed(place, namespace="n") == ["m"]


def test_metrics_are_listed_in_the_order_of_their_names(place: Any) -> None:
    for name in ("b", "c", "a"):
        place.put(name, Value=1.0)
    assert listed(place) == ["a", "b", "c"]
    assert listed(place, name="c") == ["c"]


def test_reset_forgets_the_values(place: Any) -> None:
    place.put(Value=1.0)
    place.put_alarm()
    place.backend.reset()
    assert (minutes(place), listed(place), place.backend.local_alarms()) == ([], [], [])


def test_regions_and_accounts_are_apart(place: Any) -> None:
    place.put(Value=1.0)
    for account_id, region in (("123456789012", "eu-west-1"), ("210987654321", "us-east-1")):
        assert place.metrics.store(account_id=account_id, region=region).list(Filter()) == []


def test_the_clock_of_metrics_is_the_clock_of_aws(place: Any) -> None:
    assert place.metrics.now_s() == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    place.clock.advance(5)
    assert place.metrics.now_s() == place.clock.now().timestamp()
