"""A localaws in which a minute lasts a second, its metrics and its alarms."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

WAIT_S = 60.0
"""Real seconds that a test waits for what takes one or two on a free machine."""


def wait_for(look: Callable[[], Any], *, what: str) -> Any:
    """Look again and again, until there is something; return it."""
    deadline = time.monotonic() + WAIT_S
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


@dataclass(frozen=True)
class Watched:
    """CloudWatch of one localaws."""

    server: Any

    @property
    def cloudwatch(self) -> Any:
        """Return a client."""
        return self.server.client("cloudwatch")

    def wait_for(self, look: Callable[[], Any], *, what: str) -> Any:
        """Look again and again, until there is something; return it."""
        return wait_for(look, what=what)

    def now(self) -> datetime:
        """Return the AWS clock's time, which goes faster than ours: a new alarm carries it."""
        name = f"clock-{uuid.uuid4().hex[:8]}"
        self.put_alarm(AlarmName=name)
        alarm = self.alarm(name)
        self.cloudwatch.delete_alarms(AlarmNames=[name])
        return alarm["AlarmConfigurationUpdatedTimestamp"]  # type: ignore[no-any-return]

    def put_alarm(self, **members: Any) -> str:
        """Put an alarm on the metric `m` of the namespace `tests`; return its name."""
        request = {
            "AlarmName": f"alarm-{uuid.uuid4().hex[:8]}",
            "Namespace": "tests",
            "MetricName": "m",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanThreshold",
        } | members
        if "Metrics" in request:
            for member in ("Namespace", "MetricName", "Statistic", "Period"):
                request.pop(member)
        self.cloudwatch.put_metric_alarm(**request)
        return str(request["AlarmName"])

    def alarm(self, name: str) -> dict[str, Any]:
        """Return one alarm."""
        return dict(self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0])

    def wait_state(self, name: str, state: str) -> dict[str, Any]:
        """Wait until an alarm is in a state."""
        found = wait_for(
            lambda: alarm if (alarm := self.alarm(name))["StateValue"] == state else None,
            what=f"{name} is not {state}",
        )
        return dict(found)

    def put(self, name: str, **datum: Any) -> None:
        """Send one metric."""
        self.cloudwatch.put_metric_data(Namespace="tests", MetricData=[{"MetricName": name, **datum}])

    def statistic(
        self, namespace: str, name: str, dimensions: dict[str, str], *, stat: str = "Sum"
    ) -> float | None:
        """Return one statistic over the day around the AWS clock's time; None where there is no value."""
        now = self.now()
        answer = self.cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(hours=12),
            EndTime=now + timedelta(hours=12),
            Period=86_400,
            Statistics=[stat],
        )
        return answer["Datapoints"][0][stat] if answer["Datapoints"] else None

    def wait_statistic(self, namespace: str, name: str, dimensions: dict[str, str], **options: Any) -> float:
        """Wait until a metric has a value; return the statistic."""

        def look() -> list[float]:
            found = self.statistic(namespace, name, dimensions, **options)
            return [] if found is None else [found]

        return float(wait_for(look, what=f"{namespace} {name} has no value")[0])


@pytest.fixture(scope="session")
def watched(start_server: Callable[..., Any]) -> Watched:
    """Yield CloudWatch of a localaws in which a second counts for 60."""
    return Watched(start_server("--speed", "60"))
