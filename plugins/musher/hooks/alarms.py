"""Make, read and remove CloudWatch alarms."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

logger = logging.getLogger(__name__)


def put_alarms(hook: AwsBaseHook, *, requests: Sequence[Mapping[str, Any]]) -> None:
    """Create alarms, or bring those that exist to their PutMetricAlarm requests."""
    for request in requests:
        hook.conn.put_metric_alarm(**request)
        logger.info("%s: alarm at %s %s", request["AlarmName"], request["MetricName"], request["Threshold"])


def ringing_alarms(hook: AwsBaseHook, *, names: Sequence[str]) -> list[str]:
    """Return those of the alarms that are in state ALARM, each with AWS's reason."""
    if not names:
        return []
    found = hook.conn.describe_alarms(AlarmNames=list(names), StateValue="ALARM")["MetricAlarms"]
    return [f"{alarm['AlarmName']} ({alarm['StateReason']})" for alarm in found]


def remove_alarms(hook: AwsBaseHook, *, names: Sequence[str]) -> list[str]:
    """Delete alarms; return the names of those that there were."""
    found = hook.conn.describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    there = [alarm["AlarmName"] for alarm in found]
    if there:
        hook.conn.delete_alarms(AlarmNames=there)
        logger.info("removed alarms %s", ", ".join(there))
    return there
