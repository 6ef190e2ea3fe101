"""What happened to an endpoint around a run, as AWS tells it, in the form that the report draws. Pure."""

import json
from collections.abc import Mapping
from typing import Any, TypedDict

from musher.payloads.deployment_steps import as_iso
from musher.results import DeploymentStep

MAX_REASON_CHARACTERS = 500
GONE = "gone"
"""The status of an endpoint that does not exist."""


class AlarmChange(TypedDict):
    """An alarm that went from one state to another."""

    at: str
    before: str
    after: str
    reason: str


class AlarmStates(TypedDict):
    """An alarm's state now, and the changes before it, the oldest first."""

    name: str
    state: str
    changes: list[AlarmChange]


class Activity(TypedDict):
    """What Application Auto Scaling did."""

    at: str
    until: str | None
    description: str
    cause: str
    status: str
    message: str


class FunctionVersion(TypedDict):
    """The function's version that the run has published, or found."""

    name: str
    version: str
    at: str
    """When AWS says that it was last modified."""
    is_live: bool
    """Whether the alias stands for it now."""


class Serving(TypedDict):
    """What an endpoint is when AWS is asked."""

    status: str
    config_name: str | None
    """None where there is no endpoint."""


class Happenings(TypedDict):
    """All that the report's timeline shows."""

    endpoint: str
    since: str
    until: str
    """When AWS was asked."""
    now: Serving | None
    """None where that could not be read."""
    steps: list[DeploymentStep]
    poll_s: float
    """Seconds between two looks at the steps."""
    alarms: list[AlarmStates]
    activities: list[Activity]
    function: FunctionVersion | None
    gaps: list[str]
    """What could not be read, and why."""


def read_alarm_change(item: Mapping[str, Any]) -> AlarmChange:
    """Return an item of DescribeAlarmHistory's answer; its HistoryData is JSON that AWS does not describe."""
    try:
        data = json.loads(item.get("HistoryData", "{}"))
        before, after = data["oldState"], data["newState"]
        states = (str(before["stateValue"]), str(after["stateValue"]), str(after.get("stateReason", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        states = ("", "", str(item.get("HistorySummary", "")))
    return AlarmChange(
        at=as_iso(item["Timestamp"]),
        before=states[0],
        after=states[1],
        reason=states[2][:MAX_REASON_CHARACTERS],
    )


def read_activity(item: Mapping[str, Any]) -> Activity:
    """Return an item of DescribeScalingActivities' answer."""
    until = item.get("EndTime")
    return Activity(
        at=as_iso(item["StartTime"]),
        until=as_iso(until) if until else None,
        description=item["Description"],
        cause=item["Cause"][:MAX_REASON_CHARACTERS],
        status=item["StatusCode"],
        message=item.get("StatusMessage", "")[:MAX_REASON_CHARACTERS],
    )
