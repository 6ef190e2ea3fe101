"""The timeline of a deployment: lanes and rows of what happened, gaps that are told, and nothing else."""

import re
from typing import Any

import pytest

from musher.report.timeline import MAX_ROWS, WIDTH, draw_timeline
from musher.report.timeline_rows import shorten_alarm
from tests.unit.musher.happening_records import TAKEN_BACK, activity, alarm, at, happen
from tests.unit.musher.load_records import measure_all, store_all
from tests.unit.musher.report.test_report import page

RANG = (65, "OK", "ALARM", "Threshold Crossed: 1 out of the last 1 datapoints [0.42] was greater than 0.05.")
QUIET = (140, "ALARM", "OK", "no datapoints were received")
SCALING_ALARM = "TargetTracking-endpoint/musher-live/variant/AllTraffic-AlarmHigh-0123"


def draw(found: Any, **changes: Any) -> dict[str, Any]:
    """Return the drawing of what happened."""
    drawn = draw_timeline(found, **changes)
    assert drawn is not None
    return drawn


def lanes(drawn: dict[str, Any]) -> dict[str, list[tuple[float, float, str]]]:
    """Return place, width and kind of each bar, by lane."""
    return {
        lane["name"]: [(bar["x"], bar["width"], bar["kind"]) for bar in lane["bars"]]
        for lane in drawn["lanes"]
    }


def test_each_step_of_a_canary_has_its_place_and_its_time() -> None:
    drawn = draw(happen())
    assert drawn["outcome"] == "In service 2:40 min after its first instance was asked for."
    found = lanes(drawn)["musher-live"]
    assert found[0] == (0.0, pytest.approx(WIDTH * 30 / 160, abs=0.1), "step-start")
    assert [kind for _, _, kind in found] == [
        *("step-start", "step-shift", "step-bake", "step-shift", "step-bake", "step-end-old")
    ]
    assert [bar["text"] for bar in drawn["lanes"][0]["bars"]] == [
        *("start", "", "canary bakes", "", "all bake", "")
    ]
    assert [(row["at"], row["what"], row["lasted"]) for row in drawn["rows"][:2]] == [
        ("12:00:00", "Endpoint: Creating", "30 s"),
        ("12:00:30", "Endpoint: ActivatingTraffic", "1 s"),
    ]
    assert drawn["rows"][-1] | {"detail": ""} == {
        "at": "12:02:40",
        "what": "Endpoint: InService",
        "detail": "",
        "lasted": "",
        "kind": "good",
    }


def test_a_rollback_names_the_alarm_that_rang_and_says_that_its_time_is_when_it_was_seen() -> None:
    drawn = draw(happen(steps=TAKEN_BACK, alarms=[alarm(changes=[RANG, QUIET])]))
    assert drawn["outcome"] == (
        "The update was taken back within 80 s of its start; musher-live-errors rang."
    )
    rows = {row["what"]: row for row in drawn["rows"]}
    assert rows["Endpoint: RollingBack"]["at"] == "≈ 12:01:10"
    assert rows["Alarm musher-live-errors: OK to ALARM"]["detail"] == RANG[3]
    assert rows["Alarm musher-live-errors: OK to ALARM"]["kind"] == "bad"
    assert lanes(drawn)["musher-live"][-1][2] == "step-roll-back"
    assert [kind for _, _, kind in lanes(drawn)["musher-live-errors"]] == [
        *("alarm-ok", "alarm-rings", "alarm-ok")
    ]


def test_an_alarm_that_rang_later_or_that_scales_is_no_reason_of_a_rollback() -> None:
    later = (500, "OK", "ALARM", "later")
    scaling = [alarm(name, changes=[RANG]) for name in (SCALING_ALARM, "musher-live-steps")]
    found = happen(steps=TAKEN_BACK, alarms=[alarm(changes=[later]), *scaling])
    assert draw(found)["outcome"] == "The update was taken back within 80 s of its start."


def test_a_rollback_that_no_look_saw_is_told_by_what_serves_in_the_end() -> None:
    drawn = draw(happen(steps=(*TAKEN_BACK[:3], TAKEN_BACK[-1])))
    assert drawn["outcome"] == "The update was taken back within 80 s of its start."
    assert drawn["rows"][-1]["detail"] == "musher-1 serves."
    assert drawn["rows"][-1]["kind"] == "bad"


@pytest.mark.parametrize(
    ("status", "config_name", "told"),
    [
        ("InService", "musher-2", None),
        (
            *("Updating", "musher-1"),
            "At 12:15:00 musher-1 is the endpoint's configuration (Updating): another one.",
        ),
        (
            *("gone", None),
            "At 12:15:00 the endpoint is gone: the run's teardown removes what is not to stay.",
        ),
    ],
)
def test_what_serves_when_the_report_is_written_is_told_where_it_is_something_else(
    status: str, config_name: str | None, told: str | None
) -> None:
    assert draw(happen(now={"status": status, "config_name": config_name}))["now"] == told
    assert draw(happen())["now"] is None


def test_an_alarm_that_did_not_change_was_all_the_time_what_it_is() -> None:
    assert lanes(draw(happen(alarms=[alarm(state="OK")])))["musher-live-errors"] == [(0.0, WIDTH, "alarm-ok")]
    unknown = draw(happen(alarms=[alarm(state="INSUFFICIENT_DATA")]))
    assert lanes(unknown)["musher-live-errors"] == [(0.0, WIDTH, "alarm-unknown")]


def test_scaling_function_and_load_test_have_lanes_over_the_same_time() -> None:
    load = store_all(measure_all([0.02] * 50, duration_s=100.0), began_at=at(220))
    version = {"name": "musher-classify", "version": "3", "at": at(160), "is_live": True}
    drawn = draw(
        happen(
            alarms=[alarm(SCALING_ALARM, state="ALARM")],
            activities=[activity(280, 300, count=3), activity(310, None, count=4)],
            function=version,
        ),
        load=load,
    )
    found = lanes(drawn)
    assert list(found) == ["musher-live", "AlarmHigh of the scaling", "Scaling", "Function", "Load test"]
    assert found["Load test"] == [
        (pytest.approx(WIDTH * 220 / 320, abs=0.1), pytest.approx(WIDTH * 100 / 320, abs=0.1), "load")
    ]
    assert found["Scaling"][-1][0] + found["Scaling"][-1][1] == WIDTH
    rows = {row["what"]: row for row in drawn["rows"]}
    assert rows["Function musher-classify, version 3"]["at"] == "12:02:40"
    assert rows["Scaling: Setting desired instance count to 3."]["lasted"] == "20 s"
    assert rows["Scaling: Setting desired instance count to 4."]["lasted"] == ""
    assert rows["Load test"]["lasted"] == "100 s"


def test_a_version_that_is_older_than_the_update_has_no_place_in_the_drawing() -> None:
    version = {"name": "musher-classify", "version": "2", "at": at(-86_400), "is_live": False}
    drawn = draw(happen(function=version))
    assert "Function" not in lanes(drawn)
    assert drawn["rows"][0]["at"] == "before"
    assert "stands for another" in drawn["rows"][0]["detail"]


def test_what_could_not_be_read_is_said_and_nothing_stands_for_it() -> None:
    found = happen(steps=(), gaps=["Alarms: AccessDenied"])
    drawn = draw(found)
    assert (drawn["lanes"], drawn["rows"], drawn["outcome"]) == ([], [], None)
    assert "Not known: Alarms: AccessDenied" in page(happenings=found)
    assert "<h2>What happened to musher-live</h2>" in page(happenings=found)
    assert "<h2>How musher-live went live</h2>" in page(happenings=happen())
    assert draw_timeline(happen(steps=())) is None
    assert "went live" not in page(happenings=happen(steps=()))


@pytest.mark.parametrize("status", ["OutOfService", "Updating"])
def test_an_update_that_has_not_ended_well_says_where_it_was(status: str) -> None:
    steps = ((0, "Creating", "Launching 2 instance(s)."), (600, status, ""))
    assert draw(happen(steps=steps))["outcome"] == (
        f"Not in service: {status} was the last that was seen, 10 min after the start."
    )


def test_bars_stay_within_the_drawing_and_their_texts_within_the_bars() -> None:
    changes = [(moment, "OK", "ALARM", "x" * 500) for moment in range(0, 160, 2)]
    drawn = draw(happen(alarms=[alarm("n" * 200, changes=changes)]))
    for lane in drawn["lanes"]:
        assert len(lane["name"]) <= 28
        for bar in lane["bars"]:
            assert bar["x"] >= 0
            assert bar["x"] + bar["width"] <= WIDTH
            assert len(bar["text"]) * 6 < bar["width"]
    assert (len(drawn["rows"]), drawn["left_out"]) == (MAX_ROWS, 7)
    assert 2 <= len(drawn["ticks"]) <= 9


def test_hostile_names_and_reasons_are_text_and_the_page_needs_nothing_else() -> None:
    evil = '"><script>alert(1)</script>'
    found = happen(
        endpoint=evil,
        steps=((0, evil, evil), (5, "InService", evil)),
        alarms=[alarm(evil, changes=[(1, evil, "ALARM", evil)])],
        activities=[activity(1, 2, count=2) | {"description": evil, "cause": evil}],
        function={"name": evil, "version": evil, "at": at(2), "is_live": True},
        gaps=[evil],
    )
    shown = page(happenings=found)
    assert "&lt;script&gt;" in shown
    assert not re.findall(r"https?://|<script|<link|<img|@import|url\(|class=\"[^\"]*alert", shown)


def test_awss_own_alarms_have_short_names() -> None:
    assert shorten_alarm(SCALING_ALARM) == "AlarmHigh of the scaling"
    assert shorten_alarm("musher-live-errors") == "musher-live-errors"
