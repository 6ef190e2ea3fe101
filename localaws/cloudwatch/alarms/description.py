"""What the status page shows of alarms."""

from collections.abc import Iterator
from typing import Any

from moto.cloudwatch import models as moto_models

from localaws.backends import every_backend
from localaws.cloudwatch.alarms.alarm import LocalAlarm


def describe_alarms() -> Iterator[dict[str, Any]]:
    """Give a row for each alarm, by name."""
    for account_id, region, backend in every_backend(moto_models.cloudwatch_backends):
        for alarm in backend.local_alarms():
            yield _row(alarm, account_id=account_id, region=region)


def _row(alarm: LocalAlarm, *, account_id: str, region: str) -> dict[str, Any]:
    spec = alarm.spec
    metric = f"{spec.statistic} {spec.metric.name}" if spec.metric else f"metric math {spec.returned_id}"
    dimensions = spec.metric.dimensions if spec.metric else ()
    return {
        "name": alarm.name,
        "account_id": account_id,
        "region": region,
        "status": alarm.state.value,
        "metric": metric,
        "dimensions": [f"{name}={value}" for name, value in dimensions],
        "rule": f"{spec.rule.comparison} {spec.rule.threshold:g}, {spec.rule.datapoints_to_alarm} of "
        f"{spec.rule.evaluation_periods} periods of {spec.period_s} s",
        "reason": alarm.state.reason,
        "since": alarm.transitioned,
        "actions": [arn for arns in spec.actions.values() for arn in arns],
        "actions_enabled": alarm.actions_enabled,
    }
