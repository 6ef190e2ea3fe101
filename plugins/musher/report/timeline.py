"""Turn what happened to an endpoint into a drawing, a lane for each thing that changes, and a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from musher.payloads.deployment_steps import ROLLING_BACK
from musher.payloads.happenings import Activity, AlarmStates, Happenings
from musher.report.axes import as_clock, as_length, ticks_of_clock
from musher.report.timeline_rows import (
    ALARM,
    OK,
    as_seconds,
    describe_now,
    describe_outcome,
    list_rows,
    shorten_alarm,
    show,
)

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

BAKING = "Baking"

SHORT = {
    "Creating": "start",
    "ActivatingTraffic": "shift",
    BAKING: "bake",
    "Deleting": "end old",
    "Updating": "scale",
    ROLLING_BACK: "roll back",
}
"""What is written in a step's bar."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Something that lasts, in seconds since 1970."""

    begin_s: float
    end_s: float
    kind: str
    text: str
    title: str


@dataclass(kw_only=True)
class Lane:
    """A thing that changes, with the stretches of time in which it is the same."""

    name: str
    bars: list[Bar] = field(default_factory=list)


def draw_timeline(happenings: Happenings, *, load: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Return lanes, axis and rows; None where nothing is known to have happened.

    `load` is the run's load test, which has a lane too.
    """
    rows = sorted(list_rows(happenings, load), key=lambda row: row.at_s)
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
        "rows": [show(row, begin_s=begin_s) for row in rows[:MAX_ROWS]],
        "left_out": max(0, len(rows) - MAX_ROWS),
        "day": happenings["since"][:10],
        "asked_at": as_clock(as_seconds(happenings["until"])),
        "poll_s": happenings["poll_s"],
        "has_steps": bool(happenings["steps"]),
        "gaps": happenings["gaps"],
    }


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


def shorten(name: str) -> str:
    """Return a name that the gutter holds."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
