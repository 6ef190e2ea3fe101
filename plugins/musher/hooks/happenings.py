"""Read what has happened to an endpoint: alarms' changes, scaling activities, the function's version.

Each function makes a bounded number of calls.
"""

from collections.abc import Sequence
from datetime import datetime

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from musher.hooks.sagemaker import found_or_none
from musher.payloads.autoscaling import place
from musher.payloads.deployment_steps import as_iso
from musher.payloads.happenings import (
    GONE,
    Activity,
    AlarmStates,
    FunctionVersion,
    Serving,
    read_activity,
    read_alarm_change,
)

MAX_CHANGES = 100
"""Of an alarm, and AWS's own limit of a page."""

MAX_ACTIVITIES = 50
"""One page of the newest, which is AWS's own limit."""


def read_endpoint_now(hook: AwsBaseHook, *, name: str) -> Serving:
    """Return an endpoint's status and configuration."""
    found = found_or_none(hook.conn.describe_endpoint, EndpointName=name)
    if found is None:
        return Serving(status=GONE, config_name=None)
    return Serving(status=found["EndpointStatus"], config_name=found["EndpointConfigName"])


def find_states(hook: AwsBaseHook, *, names: Sequence[str]) -> dict[str, str]:
    """Return the state of each of the alarms that there are, by name."""
    found = hook.conn.describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}


def read_alarm(
    hook: AwsBaseHook, *, name: str, state: str, since: datetime, until: datetime
) -> tuple[AlarmStates, bool]:
    """Return an alarm's changes in a time, and whether these are all: the newest MAX_CHANGES are kept."""
    answer = hook.conn.describe_alarm_history(
        AlarmName=name,
        HistoryItemType="StateUpdate",
        StartDate=since,
        EndDate=until,
        MaxRecords=MAX_CHANGES,
        ScanBy="TimestampDescending",
    )
    changes = [read_alarm_change(item) for item in reversed(answer["AlarmHistoryItems"])]
    return AlarmStates(name=name, state=state, changes=changes), "NextToken" not in answer


def find_scaling_alarms(hook: AwsBaseHook, *, endpoint_name: str) -> list[str]:
    """Return the names of the alarms that scale an endpoint."""
    answer = hook.conn.describe_scaling_policies(**place(endpoint_name))
    policies = answer["ScalingPolicies"]
    return [alarm["AlarmName"] for policy in policies for alarm in policy.get("Alarms", [])]


def list_activities(hook: AwsBaseHook, *, endpoint_name: str, since: datetime) -> tuple[list[Activity], bool]:
    """Return what was scaled since a moment, the oldest first, and whether that is all."""
    answer = hook.conn.describe_scaling_activities(**place(endpoint_name), MaxResults=MAX_ACTIVITIES)
    found = answer["ScalingActivities"]
    items = sorted((item for item in found if item["StartTime"] >= since), key=lambda item: item["StartTime"])
    is_all = "NextToken" not in answer or len(items) < len(found)
    return [read_activity(item) for item in items], is_all


def read_function(hook: AwsBaseHook, *, name: str, alias: str, version: str) -> FunctionVersion:
    """Return when a version was last modified, and whether the alias stands for it."""
    config = hook.conn.get_function_configuration(FunctionName=name, Qualifier=version)
    live = hook.conn.get_alias(FunctionName=name, Name=alias)
    return FunctionVersion(
        name=name,
        version=version,
        at=as_iso(datetime.fromisoformat(config["LastModified"])),
        is_live=live["FunctionVersion"] == version,
    )
