"""A CloudWatch backend without a server, on a clock that the test moves."""

from collections.abc import Generator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localaws import context as contexts
from localaws.clock import ManualClock
from localaws.cloudwatch.alarms.alarm import LocalAlarm, StateChange
from localaws.cloudwatch.metrics import Metrics
from localaws.cloudwatch.models import LocalCloudWatchBackend

ALARM = {
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
class Told:
    """What stands for the delivery of actions: it keeps what it is told."""

    started: list[StateChange] = field(default_factory=list)
    repeated: list[StateChange] = field(default_factory=list)

    def start(self, change: StateChange, *, outcome: Any) -> None:
        """Keep the change, and say that each action went well."""
        self.started.append(change)
        for arn in change.spec.actions[change.now.value]:
            outcome(arn, None)

    def repeat(self, change: StateChange) -> None:
        """Keep the state that goes on."""
        self.repeated.append(change)


@dataclass
class Place:
    """CloudWatch of one account in one region."""

    clock: ManualClock
    metrics: Metrics
    backend: LocalCloudWatchBackend
    told: Told = field(default_factory=Told)

    def put_alarm(self, **members: Any) -> LocalAlarm:
        """Put an alarm on the metric `m` of the namespace `n`."""
        return self.backend.put_alarm(ALARM | members)

    def put(self, name: str = "m", **datum: Any) -> None:
        """Send one metric of the namespace `n`."""
        self.backend.put_metric_data("n", [{"MetricName": name, **datum}])

    def tick(self, seconds: float = 60) -> None:
        """Let time pass, and evaluate what has become due."""
        before_s = self.metrics.now_s()
        self.clock.advance(seconds)
        self.backend.evaluate_alarms(
            before_s=before_s, now_s=self.metrics.now_s(), delivery=cast(Any, self.told)
        )

    def history(self) -> list[str]:
        """Return the summaries of what happened to the alarms, the oldest first."""
        return [item.summary for item in self.backend.history.items]


@pytest.fixture
def place() -> Generator[Place, None, None]:
    """Yield CloudWatch of an account in us-east-1, at the beginning of 2026."""
    clock = ManualClock()
    metrics = Metrics(clock)
    found = Place(clock, metrics, LocalCloudWatchBackend("us-east-1", "123456789012"))
    service = SimpleNamespace(delivery=found.told)
    context = SimpleNamespace(clock=clock, metrics=metrics, find_service=lambda kind: service)
    contexts.activate(cast(Any, context))
    yield found
    contexts.activate(None)
