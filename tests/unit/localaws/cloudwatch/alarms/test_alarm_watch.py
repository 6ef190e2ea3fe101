"""An alarm over time, on a clock that the test moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.cloudwatch.alarms.alarm import History, LocalAlarm, StateView, new_alarm
from localaws.cloudwatch.alarms.spec import read_spec
from localaws.cloudwatch.alarms.watch import is_due, look
from localaws.cloudwatch.spec import metric_key
from localaws.cloudwatch.store import MetricStore

REQUEST = {
    "AlarmName": "a",
    "Namespace": "n",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@dataclass
class Bench:
    """An alarm, its metric, and the clock of both."""

    alarm: LocalAlarm
    clock: ManualClock
    store: MetricStore = field(default_factory=MetricStore)

    def minute(self, *values: float, length_s: float = 60.0) -> str:
        """Let a minute with values pass; return the state after it."""
        for value in values:
            at_s = self.clock.now().timestamp()
            self.store.add_value(metric_key("n", "m"), value, unit="Count", at_s=at_s)
        self.clock.advance(length_s)
        look(self.alarm, store_of=lambda namespace: self.store, now=self.clock.now())
        return self.alarm.state_value


@pytest.fixture
def watch() -> Callable[..., Bench]:
    """Return a function that makes an alarm to watch."""

    def make(**members: Any) -> Bench:
        clock = ManualClock()
        spec = read_spec(REQUEST | members)
        alarm = new_alarm(spec, account_id="123456789012", region="us-east-1", now=clock.now())
        return Bench(alarm=alarm, clock=clock)

    return make


def test_it_begins_without_data_and_follows_the_metric(watch: Callable[..., Bench]) -> None:
    bench = watch()
    assert bench.alarm.state_value == "INSUFFICIENT_DATA"
    assert bench.alarm.state.reason == "Unchecked: Initial alarm creation"
    assert [bench.minute(3, 3), bench.minute(1), bench.minute(6)] == ["ALARM", "OK", "ALARM"]


def test_the_minute_under_way_does_not_count(watch: Callable[..., Bench]) -> None:
    bench = watch()
    assert bench.minute(9, length_s=59) == "INSUFFICIENT_DATA"
    assert bench.minute(length_s=1) == "ALARM"


def test_three_of_three_take_three_minutes(watch: Callable[..., Bench]) -> None:
    bench = watch(EvaluationPeriods=3)
    assert [bench.minute(9) for _ in range(3)] == ["INSUFFICIENT_DATA", "INSUFFICIENT_DATA", "ALARM"]


def test_a_metric_that_falls_silent_ends_without_data(watch: Callable[..., Bench]) -> None:
    bench = watch()
    bench.minute(1)
    assert [bench.minute() for _ in range(3)] == ["OK", "OK", "INSUFFICIENT_DATA"]


def test_a_state_that_goes_on_keeps_its_reason_and_time(watch: Callable[..., Bench]) -> None:
    bench = watch()
    bench.minute(1)
    before = bench.alarm.state
    bench.minute(2)
    assert bench.alarm.state is before


def test_the_next_look_replaces_a_state_that_was_set_by_hand(watch: Callable[..., Bench]) -> None:
    bench = watch()
    bench.minute(1)
    by_hand = StateView(value="ALARM", reason="a test", reason_data=None, since=bench.clock.now())
    assert bench.alarm.enter(by_hand, is_by_hand=True) is not None
    assert bench.minute(1) == "OK"
    assert "was not greater than" in bench.alarm.state.reason


def test_a_period_of_five_minutes_is_looked_at_each_minute(watch: Callable[..., Bench]) -> None:
    bench = watch(Period=300, Statistic="Maximum")
    assert [bench.minute(value) for value in (1, 1, 9, 1)] == ["OK", "OK", "ALARM", "ALARM"]


def test_metric_math_is_evaluated(watch: Callable[..., Bench]) -> None:
    stat = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    queries = [
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
        {"Id": "half", "Expression": "m1 / 2", "ReturnData": True},
    ]
    bench = watch(Metrics=queries)
    assert [bench.minute(9), bench.minute(11)] == ["OK", "ALARM"]


@pytest.mark.parametrize(
    ("period_s", "before_s", "now_s", "due"),
    [
        (60, 61, 119, False),
        (60, 61, 120, True),
        (300, 61, 121, True),
        (10, 61, 69, False),
        (30, 61, 70, True),
    ],
)
def test_when_an_alarm_is_looked_at(period_s: int, before_s: float, now_s: float, due: bool) -> None:
    assert is_due(read_spec(REQUEST | {"Period": period_s}), before_s=before_s, now_s=now_s) is due


def test_history_tells_of_configurations_changes_and_actions(watch: Callable[..., Bench]) -> None:
    bench, history = watch(), History()
    alarm, now = bench.alarm, bench.clock.now()
    history.configured(alarm, verb="created", at=now)
    change = alarm.enter(
        StateView(value="OK", reason="r", reason_data='{"a": 1}', since=now), is_by_hand=True
    )
    assert change is not None
    history.changed(change)
    history.acted("a", "arn:aws:sns:us-east-1:1:t", error=None, at=now)
    history.acted("a", "arn:aws:sns:us-east-1:1:t", error="gone", at=now)
    assert [item.summary for item in history.items] == [
        'Alarm "a" created',
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Successfully executed action arn:aws:sns:us-east-1:1:t",
        "Failed to execute action arn:aws:sns:us-east-1:1:t. gone",
    ]
