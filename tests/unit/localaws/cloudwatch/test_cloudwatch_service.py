"""What a tick does, on a clock that the test moves."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localaws.clock import ManualClock
from localaws.cloudwatch import service as services
from localaws.cloudwatch.alarms.alarm import StateChange, StateView, new_alarm
from localaws.cloudwatch.alarms.delivery import Delivery
from localaws.cloudwatch.alarms.spec import read_spec
from localaws.cloudwatch.metrics import Metrics
from localaws.cloudwatch.service import CloudWatchService, Gauge, Quiet
from localaws.cloudwatch.spec import MetricKey, metric_key

KEY = metric_key("AWS/SageMaker", "Invocations", {"EndpointName": "e"})
PLACE = {"account_id": "123456789012", "region": "us-east-1"}
POLICY = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:0:resource/r:policyName/p"


class QuietService:
    """A service with one metric that is zero while nothing happens."""

    def quiet_metrics(self) -> Iterator[Quiet]:
        """Return it."""
        yield Quiet(**PLACE, keys=(KEY,), unit="None")


@dataclass
class Backend:
    """A CloudWatch backend that keeps when it was asked to evaluate."""

    asked: list[tuple[float, float]] = field(default_factory=list)

    def evaluate_alarms(self, *, before_s: float, now_s: float, delivery: Delivery) -> None:
        """Keep the question."""
        self.asked.append((before_s, now_s))


def context_with(*found: Any) -> Any:
    """Return what a service needs of a context."""
    clock = ManualClock()
    return cast(Any, SimpleNamespace(clock=clock, metrics=Metrics(clock), services=list(found)))


def test_minutes_without_an_event_are_zero_also_where_a_tick_comes_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services.moto_models, "cloudwatch_backends", {})
    context = context_with(QuietService())
    watching = CloudWatchService(context)
    start_s = int(context.metrics.now_s())
    context.metrics.store(**PLACE).add_value(KEY, 5.0, unit="None", at_s=start_s + 70)
    context.clock.advance(190)
    watching.tick()
    points = context.metrics.store(**PLACE).read(KEY, start_s=start_s, end_s=start_s + 300, period_s=60)
    assert [(point.start_s - start_s, point.values.total) for point in points] == [(0, 0), (60, 5), (120, 0)]


class GaugeService:
    """A service with a value of high resolution, and one that is read each minute."""

    def gauges(self) -> Iterator[Gauge]:
        """Return them."""
        yield Gauge(**PLACE, key=KEY, value=3.0, unit="None", is_high_resolution=True)
        yield Gauge(**PLACE, key=metric_key("n", "slow"), value=7.0, unit="None")


def test_gauges_are_read_for_each_period_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.moto_models, "cloudwatch_backends", {})
    context = context_with(GaugeService())
    watching = CloudWatchService(context)
    start_s = int(context.metrics.now_s())

    def read(key: MetricKey, period_s: int) -> list[tuple[int, float, float]]:
        points = context.metrics.store(**PLACE).read(
            key, start_s=start_s, end_s=start_s + 300, period_s=period_s
        )
        return [(point.start_s - start_s, point.values.count, point.values.maximum) for point in points]

    context.clock.advance(9)
    watching.tick()
    assert read(KEY, 10) == []
    context.clock.advance(21)
    watching.tick()
    assert read(KEY, 10) == [(0, 1, 3.0), (10, 1, 3.0), (20, 1, 3.0)]
    assert read(metric_key("n", "slow"), 60) == []
    context.clock.advance(95)
    watching.tick()
    assert read(KEY, 60) == [(0, 6, 3.0), (60, 6, 3.0)]
    assert read(metric_key("n", "slow"), 60) == [(0, 1, 7.0), (60, 1, 7.0)]
    assert read(metric_key("n", "slow"), 10) == []


def test_every_backend_is_asked_with_the_time_since_the_last_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend()
    monkeypatch.setattr(services.moto_models, "cloudwatch_backends", {"1": {"us-east-1": backend}})
    context = context_with()
    watching = CloudWatchService(context)
    start_s = context.metrics.now_s()
    for seconds in (10, 50):
        context.clock.advance(seconds)
        watching.tick()
    assert [(a - start_s, b - start_s) for a, b in backend.asked] == [(0, 10), (10, 60)]


@dataclass
class Scaler:
    """A service that scales: it keeps what it is told."""

    told: list[tuple[str, str, str]] = field(default_factory=list)
    event: threading.Event = field(default_factory=threading.Event)
    """Set as it is told for the second time."""

    def act_on_alarm(self, change: StateChange, *, policy_arn: str) -> None:
        """Keep it."""
        self.told.append((change.before.value, change.now.value, policy_arn))
        if len(self.told) == 2:
            self.event.set()


def test_a_scaling_policy_acts_as_the_alarm_begins_and_each_minute_that_it_goes_on() -> None:
    scaler = Scaler()
    context = context_with(scaler)
    delivery = Delivery(context)
    now = context.clock.now()
    request = {
        "AlarmName": "a",
        "Namespace": "n",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": [POLICY],
    }
    alarm = new_alarm(read_spec(request), **PLACE, now=now)
    change = alarm.enter(StateView(value="ALARM", reason="r", reason_data=None, since=now), is_by_hand=False)
    assert change is not None
    outcomes: queue.Queue[tuple[str, str | None]] = queue.Queue()
    delivery.start(change, outcome=lambda arn, error: outcomes.put((arn, error)))
    assert outcomes.get(timeout=30) == (POLICY, None)
    delivery.repeat(alarm.as_change())
    assert scaler.event.wait(30)
    delivery.close()
    assert scaler.told == [("INSUFFICIENT_DATA", "ALARM", POLICY), ("ALARM", "ALARM", POLICY)]
