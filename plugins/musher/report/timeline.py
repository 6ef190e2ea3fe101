"""Turn what happened to an endpoint into a drawing, a lane for each thing that changes, and a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from musher.payloads.deployment_steps import ROLLING_BACK, is_taken_back
from musher.payloads.happenings import Activity, AlarmStates, Happenings
from musher.report.axes import as_clock, as_length, ticks_of_clock

WIDTH, LANE, BAR = 780, 28, 18
"""Of the drawing's area, of a lane and of a bar in it, in SVG units."""

GUTTER, EDGE = 190, 14
"""Room for the lanes' names, and to the right."""

MOST_TICKS = 8
MIN_BAR = 3.0
CHARACTER = 6.4
"""At most so wide is a character of a label in the mean."""

MAX_NAME = 28
MAX_ROWS = 80

ALARM, OK = "ALARM", "OK"
IN_SERVICE, BAKING = "InService", "Baking"

SHORT = {
    "Creating": "start",
    "ActivatingTraffic": "shift",
    BAKING: "bake",
    "Deleting": "end old",
    "Updating": "scale",
    ROLLING_BACK: "roll back",
}
"""What is written in a step's bar."""

TRACKING = "TargetTracking-"
"""What the names of AWS's own alarms begin with; they hold the endpoint's name and a random id."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Something that lasts, in seconds since 1970."""

    begin_s: float
    end_s: float
    kind: str
    text: str
    title: str


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


@dataclass(kw_only=True)
class Lane:
    """A thing that changes, with the stretches of time in which it is the same."""

    name: str
    bars: list[Bar] = field(default_factory=list)


def draw_timeline(happenings: Happenings, *, load: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Return lanes, axis and rows; None where nothing is known to have happened.

    `load` is the run's load test, which has a lane too.
    """
    rows = sorted(_list_rows(happenings, load), key=lambda row: row.at_s)
    if not rows and not happenings["gaps"]:
        return None
    begin_s = as_seconds(happenings["since"])
    end_s = max([begin_s + 1, *(row.at_s + (row.lasted_s or 0) for row in rows)])
    lanes = [
        lane
        for lane in (
            _lane_of_steps(happenings),
            *(_lane_of_alarm(alarm, begin_s=begin_s, end_s=end_s) for alarm in happenings["alarms"]),
            _lane_of_activities(happenings["activities"], end_s=end_s),
            _lane_of_function(happenings),
            _lane_of_load(load),
        )
        if lane.bars
    ]
    return {
        "endpoint": happenings["endpoint"],
        "outcome": describe_outcome(happenings),
        "now": describe_now(happenings),
        "lanes": [_place(lane, number, begin_s, end_s) for number, lane in enumerate(lanes)],
        "ticks": [
            {"x": _x(moment, begin_s, end_s), "text": text}
            for moment, text in ticks_of_clock(begin_s, end_s, most=MOST_TICKS)
        ],
        "width": WIDTH,
        "height": LANE * len(lanes),
        "gutter": GUTTER,
        "edge": EDGE,
        "bar": BAR,
        "rows": [_show(row, begin_s=begin_s) for row in rows[:MAX_ROWS]],
        "left_out": max(0, len(rows) - MAX_ROWS),
        "day": happenings["since"][:10],
        "asked_at": as_clock(as_seconds(happenings["until"])),
        "poll_s": happenings["poll_s"],
        "has_steps": bool(happenings["steps"]),
        "gaps": happenings["gaps"],
    }


def describe_outcome(happenings: Happenings) -> str | None:
    """Return what became of the update in a sentence; None where no step of it is known."""
    steps = happenings["steps"]
    if not steps:
        return None
    took = as_length(as_seconds(steps[-1]["at"]) - as_seconds(steps[0]["at"]))
    if is_taken_back(steps):
        rang = [
            alarm["name"]
            for alarm in happenings["alarms"]
            if any(change["after"] == ALARM for change in alarm["changes"]) or alarm["state"] == ALARM
        ]
        why = f"; {', '.join(rang)} rang" if rang else ""
        return f"The update was taken back within {took} of its start{why}."
    if steps[-1]["status"] == IN_SERVICE:
        return f"In service {took} after its first instance was asked for."
    return f"Not in service: {steps[-1]['status']} was the last that was seen, {took} after the start."


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


def _list_rows(happenings: Happenings, load: Mapping[str, Any] | None) -> Iterator[Row]:
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


def _lane_of_steps(happenings: Happenings) -> Lane:
    steps, lane = happenings["steps"], Lane(name=happenings["endpoint"])
    for step, following in pairwise(steps):
        status, begin_s, end_s = step["status"], as_seconds(step["at"]), as_seconds(following["at"])
        title = f"{status}, {as_length(end_s - begin_s)}: {step['message']}"
        kind = f"step-{SHORT.get(status, 'other').replace(' ', '-')}"
        text = describe_baking(step["message"]) if status == BAKING else SHORT.get(status, status)
        lane.bars.append(Bar(begin_s=begin_s, end_s=end_s, kind=kind, text=text, title=title))
    return lane


def describe_baking(message: str) -> str:
    """Return what bakes, as far as AWS's sentence says."""
    for part, text in (("canary capacity", "canary bakes"), ("full capacity", "all bake")):
        if part in message:
            return text
    return SHORT[BAKING]


def _lane_of_alarm(alarm: AlarmStates, *, begin_s: float, end_s: float) -> Lane:
    """Return a bar for each state; the one at the start is what the first change tells, else today's."""
    lane, changes = Lane(name=shorten_alarm(alarm["name"])), alarm["changes"]
    moments = [begin_s, *(as_seconds(change["at"]) for change in changes), end_s]
    states = [changes[0]["before"] if changes else alarm["state"], *(change["after"] for change in changes)]
    reasons = ["", *(change["reason"] for change in changes)]
    for number, (state, reason) in enumerate(zip(states, reasons, strict=True)):
        first, last = moments[number], max(moments[number], min(moments[number + 1], end_s))
        title = f"{alarm['name']}: {state}. {reason}".strip()
        kind = {OK: "alarm-ok", ALARM: "alarm-rings"}.get(state, "alarm-unknown")
        text = {OK: "ok", ALARM: "ALARM"}.get(state, "no data")
        lane.bars.append(Bar(begin_s=first, end_s=last, kind=kind, text=text, title=title))
    return lane


def _lane_of_activities(activities: Sequence[Activity], *, end_s: float) -> Lane:
    lane = Lane(name="Scaling")
    for activity in activities:
        until = activity["until"]
        lane.bars.append(
            Bar(
                begin_s=as_seconds(activity["at"]),
                end_s=as_seconds(until) if until else end_s,
                kind="scaling",
                text="",
                title=f"{activity['description']} {activity['message'] or activity['status']}",
            )
        )
    return lane


def _lane_of_function(happenings: Happenings) -> Lane:
    lane = Lane(name="Function")
    function = happenings["function"]
    if function and function["at"] >= happenings["since"]:
        at_s = as_seconds(function["at"])
        title = f"{function['name']}: version {function['version']}, last modified"
        lane.bars.append(Bar(begin_s=at_s, end_s=at_s, kind="mark", text="", title=title))
    return lane


def _lane_of_load(load: Mapping[str, Any] | None) -> Lane:
    lane = Lane(name="Load test")
    if load:
        begin_s, sent = as_seconds(load["began_at"]), load["measured"]["sent"]
        end_s = begin_s + load["measured"]["took_s"]
        text = f"{sent:,} requests"
        lane.bars.append(Bar(begin_s=begin_s, end_s=end_s, kind="load", text=text, title=text))
    return lane


def _place(lane: Lane, number: int, begin_s: float, end_s: float) -> dict[str, Any]:
    """Return a lane with its place; a bar can always be seen, and has its text only where that fits."""
    bars = []
    for bar in lane.bars:
        x, last = _x(bar.begin_s, begin_s, end_s), _x(bar.end_s, begin_s, end_s)
        width = max(MIN_BAR, last - x)
        fits = len(bar.text) * CHARACTER + 6 <= width
        title = f"{as_clock(bar.begin_s)} {bar.title}"
        x = min(x, WIDTH - width)
        bars.append(
            {
                "x": round(x, 1),
                "width": round(width, 1),
                "kind": bar.kind,
                "text": bar.text if fits else "",
                "title": title,
            }
        )
    return {"name": shorten(lane.name), "title": lane.name, "y": number * LANE, "bars": bars}


def _x(moment_s: float, begin_s: float, end_s: float) -> float:
    share = (moment_s - begin_s) / (end_s - begin_s)
    return round(WIDTH * min(1.0, max(0.0, share)), 1)


def _show(row: Row, *, begin_s: float) -> dict[str, Any]:
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


def shorten(name: str) -> str:
    """Return a name that the gutter holds."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def as_seconds(moment: str) -> float:
    """Return a moment as seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()
