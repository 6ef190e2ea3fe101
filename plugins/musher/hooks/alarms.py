"""Make, read and remove CloudWatch alarms."""

import logging
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from musher.hooks.answers import WholeAnswers
from musher.hooks.waits import WAITERS

logger = logging.getLogger(__name__)


class MusherCloudWatchHook(WholeAnswers, AwsBaseHook):
    """Add waits as data to the provider's hook."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the parameters of every AWS hook."""
        super().__init__(*args, **{**kwargs, "client_type": "cloudwatch"})

    @property
    def waiter_path(self) -> PathLike[str]:
        """Return the file of Musher's own CloudWatch waiters."""
        return WAITERS / "cloudwatch.json"


def put_alarms(hook: AwsBaseHook, *, requests: Sequence[Mapping[str, Any]]) -> None:
    """Create alarms, or bring those that exist to their PutMetricAlarm requests."""
    for request in requests:
        hook.conn.put_metric_alarm(**request)
        logger.info(
            "%s: alarm above %s: %s", request["AlarmName"], request["Threshold"], request["AlarmDescription"]
        )


def find_alarm(hook: AwsBaseHook, *, name: str) -> dict[str, Any] | None:
    """Return an alarm as AWS describes it, or None."""
    return next(iter(find_alarms(hook, names=[name])), None)


def find_alarms(hook: AwsBaseHook, *, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return those of the alarms that there are, as AWS describes them."""
    return [dict(found) for found in hook.conn.describe_alarms(AlarmNames=list(names))["MetricAlarms"]]


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
