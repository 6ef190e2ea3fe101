"""Say in words what happened to an endpoint: an outcome, and a row for each thing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from musher.payloads.autoscaling import scaling_alarms
from musher.payloads.deployment_steps import ROLLING_BACK, is_taken_back
from musher.payloads.happenings import Happenings
from musher.report.axes import as_clock, as_length

ALARM, OK = "ALARM", "OK"
IN_SERVICE = "InService"

TRACKING = "TargetTracking-"
"""What the names of AWS's own alarms begin with; they hold the endpoint's name and a random id."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table."""

    at_s: float
    what: str
    detail: str
    lasted_s: float | None = None
    kind: str = ""
    is_about: bool = False
    """Whether it began at some time before."""


def describe_outcome(happenings: Happenings) -> str | None:
    """Return what became of the update in a sentence; None where no step of it is known."""
    steps = happenings["steps"]
    if not steps:
        return None
    took = as_length(as_seconds(steps[-1]["at"]) - as_seconds(steps[0]["at"]))
    if is_taken_back(steps):
        rang = find_alarms_that_rang(happenings)
        why = f"; {', '.join(rang)} rang" if rang else ""
        return f"The update was taken back within {took} of its start{why}."
    if steps[-1]["status"] == IN_SERVICE:
        return f"In service {took} after its first instance was asked for."
    return f"Not in service: {steps[-1]['status']} was the last that was seen, {took} after the start."


def find_alarms_that_rang(happenings: Happenings) -> list[str]:
    """Return the names of the alarms that rang until the update had ended, without those that scale."""
    end, scaling = happenings["steps"][-1]["at"], scaling_alarms(happenings["endpoint"])
    return [
        alarm["name"]
        for alarm in happenings["alarms"]
        if not alarm["name"].startswith(TRACKING)
        and alarm["name"] not in scaling
        and any(change["after"] == ALARM and change["at"] <= end for change in alarm["changes"])
    ]


def describe_now(happenings: Happenings) -> str | None:
    """Return what serves when the report is written, where the run's steps did not end so."""
    now, steps = happenings["now"], happenings["steps"]
    if now is None or not steps:
        return None
    at = as_clock(as_seconds(happenings["until"]))
    if now["config_name"] is None:
        return f"At {at} the endpoint is gone: the run's teardown removes what is not to stay."
    if now["config_name"] != steps[-1]["config_name"]:
        return f"At {at} {now['config_name']} is the endpoint's configuration ({now['status']}): another one."
    return None


def list_rows(happenings: Happenings, load: Mapping[str, Any] | None) -> Iterator[Row]:
    """Yield a row for each thing that happened, in no order."""
    yield from _rows_of_steps(happenings)
    for alarm in happenings["alarms"]:
        for change in alarm["changes"]:
            states = f": {change['before']} to {change['after']}" if change["after"] else ""
            yield Row(
                at_s=as_seconds(change["at"]),
                what=f"{name_alarm(alarm['name'])}{states}",
                detail=change["reason"],
                kind="bad" if change["after"] == ALARM else "",
            )
    for activity in happenings["activities"]:
        begin_s, end_s = as_seconds(activity["at"]), activity["until"]
        yield Row(
            at_s=begin_s,
            what=f"Scaling: {activity['description']}",
            detail=f"{activity['status']}. {activity['cause']}",
            lasted_s=None if end_s is None else as_seconds(end_s) - begin_s,
        )
    if function := happenings["function"]:
        stands = "the alias stands for it" if function["is_live"] else "the alias stands for another"
        yield Row(
            at_s=as_seconds(function["at"]),
            what=f"Function {function['name']}, version {function['version']}",
            detail=f"Last modified; {stands} at the report's time.",
        )
    if load:
        yield Row(
            at_s=as_seconds(load["began_at"]),
            what="Load test",
            detail=f"{load['measured']['sent']:,} requests.",
            lasted_s=load["measured"]["took_s"],
        )


def _rows_of_steps(happenings: Happenings) -> Iterator[Row]:
    steps = happenings["steps"]
    end = "bad" if is_taken_back(steps) else "good"
    for number, step in enumerate(steps):
        begin_s = as_seconds(step["at"])
        is_last = number == len(steps) - 1
        yield Row(
            at_s=begin_s,
            what=f"Endpoint: {step['status']}",
            detail=step["message"],
            lasted_s=None if is_last else as_seconds(steps[number + 1]["at"]) - begin_s,
            kind={ROLLING_BACK: "bad", IN_SERVICE: end}.get(step["status"], ""),
            is_about=step["is_seen"],
        )


def show(row: Row, *, begin_s: float) -> dict[str, Any]:
    """Return a row in words."""
    about = "≈ " if row.is_about else ""
    return {
        "at": "before" if row.at_s < begin_s else about + as_clock(row.at_s),
        "what": row.what,
        "detail": row.detail,
        "lasted": "" if row.lasted_s is None else as_length(max(0.0, row.lasted_s)),
        "kind": row.kind,
    }


def name_alarm(name: str) -> str:
    """Return what the table calls an alarm."""
    short = shorten_alarm(name)
    return f"Alarm {name}" if short == name else short


def shorten_alarm(name: str) -> str:
    """Return the name of an alarm without what AWS's own put around it."""
    if name.startswith(TRACKING):
        for what in ("AlarmHigh", "AlarmLow"):
            if what in name:
                return f"{what} of the scaling"
    return name


def as_seconds(moment: str) -> float:
    """Return a moment as seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()
