"""What happened to endpoints that nobody has: a canary that went well, and one that its alarm took back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from musher.payloads.happenings import Happenings

STARTED = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

GOOD = (
    (0, "Creating", "Launching 2 instance(s)."),
    (30, "ActivatingTraffic", "Activating traffic on canary capacity of 1 instance(s)."),
    (31, "Baking", "Baking for 60 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity."),
    (91, "ActivatingTraffic", "Activating traffic on full capacity of 2 instance(s)."),
    (92, "Baking", "Baking for 60 seconds (TerminationWaitInSeconds) with traffic enabled on full capacity."),
    (152, "Deleting", "Terminating 2 instance(s)."),
    (160, "InService", "musher-2 serves."),
)
TAKEN_BACK = (
    *GOOD[:3],
    (70, "RollingBack", "Back to what served before."),
    (80, "InService", "musher-1 serves."),
)


def at(seconds: float) -> str:
    """Return a moment so many seconds after the update's start."""
    return (STARTED + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def happen(*, steps: Any = GOOD, **changes: Any) -> Happenings:
    """Return what happened, with changes."""
    given: dict[str, Any] = {
        "endpoint": "musher-live",
        "since": at(0),
        "until": at(900),
        "now": None,
        "steps": [
            {
                "at": at(moment),
                "status": status,
                "config_name": "musher-1" if status == "RollingBack" or "musher-1" in message else "musher-2",
                "message": message,
                "is_seen": status == "RollingBack",
            }
            for moment, status, message in steps
        ],
        "poll_s": 10.0,
        "alarms": [],
        "activities": [],
        "function": None,
        "gaps": [],
    }
    return Happenings(**{**given, **changes})  # type: ignore[typeddict-item]  # the tests' own changes


def alarm(name: str = "musher-live-errors", *, state: str = "OK", changes: Any = ()) -> Any:
    """Return an alarm; a change is its moment, the states before and after, and the reason."""
    return {
        "name": name,
        "state": state,
        "changes": [
            {"at": at(moment), "before": before, "after": after, "reason": reason}
            for moment, before, after, reason in changes
        ],
    }


def activity(begin: float, end: float | None, *, count: int) -> Any:
    """Return a change of the number of instances."""
    return {
        "at": at(begin),
        "until": None if end is None else at(end),
        "description": f"Setting desired instance count to {count}.",
        "cause": "monitor alarm TargetTracking-AlarmHigh in state ALARM triggered policy musher-live-load",
        "status": "InProgress" if end is None else "Successful",
        "message": f"Successfully set desired instance count to {count}.",
    }
