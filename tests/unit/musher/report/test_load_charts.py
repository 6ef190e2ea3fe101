"""A load test in the report: charts that show what was measured, beside what was predicted."""

import re
from dataclasses import replace
from typing import Any

import pytest

from musher.console import AwsConsole
from musher.report.histogram import HEIGHT, draw_histogram
from musher.report.histogram import WIDTH as HISTOGRAM_WIDTH
from musher.report.load import PANEL, WIDTH, as_steps, compare, draw_load, split_at_gaps
from musher.report.words import as_ms, as_usd
from musher.results import LoadPrediction
from tests.unit.musher.load_records import measure_all, store_all
from tests.unit.musher.report.test_report import NOTHING, RESULTS, build_summary, facts, page, summary

PREDICTED = LoadPrediction(
    reason=None,
    p50_ms=21.0,
    p95_ms=40.0,
    p99_ms=1250.0,
    highest=3,
    instances=[
        {"at_s": 0.0, "current": 1, "desired": 1},
        {"at_s": 9.0, "current": 3, "desired": 3},
    ],
)
LOAD = store_all(measure_all([0.02] * 49 + [0.5]), predicted=PREDICTED)


SCALING = {"metric": "invocations", "target": 300, "min_instances": 1, "max_instances": 3}


def panels(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the drawing's panels by title, each with its lines by name."""
    drawn = draw_load(record)["drawing"]["panels"]
    return {panel["title"]: {line["name"]: line["pieces"] for line in panel["lines"]} for panel in drawn}


def test_bars_are_as_high_as_their_bins_and_stay_within_the_chart() -> None:
    drawn = draw_histogram(LOAD["bins"], LOAD["measured"]["latency"])
    assert drawn is not None
    tall, short = drawn["bars"]
    assert drawn["counts"][-1] == {"y": 0.0, "text": "60"}
    assert tall["height"] == pytest.approx(HEIGHT * 49 / 60, abs=0.1)
    assert tall["y"] + tall["height"] == HEIGHT
    assert short["height"] == pytest.approx(HEIGHT / 60, abs=0.1)
    assert short["x"] + short["width"] <= HISTOGRAM_WIDTH
    assert tall["title"].endswith(": 49")
    assert draw_histogram([], LOAD["measured"]["latency"]) is None


def test_percentiles_are_marked_where_they_lie_each_with_a_line_for_its_label() -> None:
    drawn = draw_histogram(LOAD["bins"], LOAD["measured"]["latency"])
    assert drawn is not None
    median, high, highest = drawn["marks"]
    assert [mark["name"] for mark in drawn["marks"]] == ["p50", "p95", "p99"]
    assert median["x"] == high["x"] < highest["x"] <= HISTOGRAM_WIDTH
    assert median["text"] == "p50 20 ms"
    assert median["y"] < high["y"] < highest["y"] < 0


def test_steps_keep_their_height_until_the_next() -> None:
    assert as_steps([(0, 1), (4, 2), (9, 1)]) == [(0, 1), (4, 1), (4, 2), (9, 2), (9, 1)]
    assert as_steps([]) == []


def test_load_latency_and_instances_are_drawn_over_the_same_time() -> None:
    drawing = draw_load(LOAD)["drawing"]
    assert [panel["title"] for panel in drawing["panels"]] == [
        "Requests a second",
        "Latency, milliseconds",
        "Instances",
    ]
    assert drawing["ticks"][-1] == {"x": WIDTH, "text": "10 s"}
    found = panels(LOAD)
    assert list(found["Requests a second"]) == ["due", "sent", "answered"]
    [due] = found["Requests a second"]["due"]
    assert due[0] == (WIDTH * 0.05, pytest.approx(PANEL / 6))
    assert list(found["Instances"]) == ["wanted", "serving", "predicted"]
    [wanted], [serving], [predicted] = found["Instances"].values()
    assert wanted[1:3] == [(WIDTH * 0.4, PANEL * 2 // 3), (WIDTH * 0.4, PANEL // 3)]
    assert serving[-1] == (WIDTH * 0.8, PANEL // 3)
    assert predicted[-1] == (WIDTH * 0.9, 0.0)


def test_the_target_of_the_policy_grows_with_the_instances_that_serve() -> None:
    record = {**LOAD, "scaling": SCALING}
    [target] = panels(record)["Requests a second"]["target"]
    assert target[0] == (0.0, PANEL / 2)
    assert target[-1] == (WIDTH * 0.8, 0.0)
    assert draw_load(record)["drawing"]["note"] == (
        "The policy's target is 300 requests a minute, 5 a second, on each instance that serves."
    )


@pytest.mark.parametrize(
    ("scaling", "told"),
    [
        (SCALING | {"target": 6000}, "on each instance that serves: above this drawing."),
        (SCALING | {"metric": "concurrency", "target": 4}, "4 requests at once on each instance: no rate."),
        (SCALING | {"metric": "custom", "target": 70}, "70 of a metric of your own: no rate."),
        (None, None),
    ],
)
def test_a_target_that_would_flatten_the_load_or_is_no_rate_is_told(scaling: Any, told: str | None) -> None:
    record = {**LOAD, "scaling": scaling}
    assert "target" not in panels(record)["Requests a second"]
    note = draw_load(record)["drawing"]["note"]
    assert note is told is None or note.endswith(told)


def test_latencies_are_drawn_in_pieces_where_nothing_was_answered_in_between() -> None:
    windows = [{"start_s": float(number), "p50_ms": value} for number, value in enumerate([1, None, 3, 4])]
    assert split_at_gaps(windows, "p50_ms", 0.5) == [[(0.5, 1)], [(2.5, 3), (3.5, 4)]]
    assert split_at_gaps([{"start_s": 0.0, "p50_ms": None}], "p50_ms", 0.5) == []


def test_a_look_after_the_last_request_draws_its_line_to_the_edge_and_no_further() -> None:
    seen = [{"at_s": at_s, "current": count, "desired": 2} for at_s, count in ((0.0, 1), (4.0, 2), (11.0, 3))]
    [serving] = panels({**LOAD, "instances": seen})["Instances"]["serving"]
    assert serving[-2:] == [(WIDTH * 0.4, PANEL // 3), (WIDTH, PANEL // 3)]


def test_failures_have_a_line_only_where_there_are_any() -> None:
    record = store_all(measure_all([0.02] * 40, failures=["http_503"] * 5, dropped=5))
    assert list(panels(record)["Requests a second"]) == ["due", "sent", "answered", "failed"]
    assert draw_load(record)["errors"] == {"http_503": 5, "never sent": 5}


def test_what_was_measured_stands_beside_what_was_predicted() -> None:
    rows = {name: (measured, predicted) for name, measured, predicted in compare(LOAD)}
    assert rows["Median"] == ("20 ms", "21 ms")
    assert rows["99th percentile"][1] == "1.25 s"
    assert rows["Slowest"] == ("500 ms", "-")
    assert rows["Most instances"] == ("2", "3")
    assert rows["Instances in the mean"] == ("1.20", "1.20")


def test_a_function_has_no_instances_and_a_load_test_without_answers_no_times() -> None:
    record = store_all(measure_all([], failures=["http_429"] * 5), instances=[])
    found = draw_load(record)
    assert list(panels(record)) == ["Requests a second"]
    assert (found["histogram"], found["figures"]) == (None, [])
    assert found["rows"][0] == ("Median", "-", "-")


def test_a_load_test_that_was_stopped_is_drawn_as_far_as_it_came() -> None:
    stopped = measure_all([0.02] * 50, is_complete=False) | {"took_s": 5.0}
    drawing = draw_load(store_all(stopped))["drawing"]
    assert drawing["ticks"][-1] == {"x": WIDTH, "text": "5 s"}
    for panel in drawing["panels"]:
        for line in panel["lines"]:
            assert all(0 <= x <= WIDTH and 0 <= y <= PANEL for piece in line["pieces"] for x, y in piece)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.1234, "0.123 ms"), (12.34, "12.3 ms"), (999.6, "1000 ms"), (1500, "1.5 s")],
)
def test_times_are_written_as_people_read_them(value: float | None, text: str) -> None:
    assert as_ms(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "$1,234.50"), (0.115, "$0.115"), (0.001234, "$0.00123"), (0, "$0")]
)
def test_amounts_are_written_as_people_read_them(value: float, text: str) -> None:
    assert as_usd(value) == text


def test_the_page_shows_the_load_test_and_still_needs_nothing_else() -> None:
    shown = page(load=LOAD)
    assert "<h2>Load test: 50 requests to musher-live</h2>" in shown
    assert "Instances (wanted, serving, predicted)" in shown
    assert "What it carries, and what that costs" in shown
    assert "Predicted by the simulator" in shown
    assert not re.findall(r"https?://|<script|<link|<img|@import|url\(", shown)
    assert "Load test" not in page()


def test_the_page_says_why_there_is_no_prediction_and_what_to_know_first() -> None:
    shown = page(load=store_all(measure_all([0.02] * 50, late_s=2.0, is_complete=False)))
    assert "No prediction: Nobody asked." in shown
    assert "<b>It was stopped before its end" in shown
    assert "sent 2" in shown


def test_a_run_of_a_load_test_alone_is_called_after_its_target() -> None:
    found = build_summary(facts(), {**NOTHING, "load": load_result()})
    assert found["load"]["target"] == "musher-live"
    assert found["stages"] == {"load_test": {"seconds": 12.0, "billed_seconds": None}}
    shown = page(found, evaluation=None, history=None, load=LOAD)
    assert "<h1>Load test of musher-live</h1>" in shown


def test_a_job_that_sent_the_load_is_billed_named_and_linked() -> None:
    job = {"job_name": "musher-load-1", "billed_seconds": 90.0}
    linking = replace(facts(), console=AwsConsole(region="us-east-1"))
    found = build_summary(linking, {**NOTHING, "load": {**load_result(), "job": job}})
    assert found["stages"]["load_test"]["billed_seconds"] == 90.0
    assert found["links"]["musher-load-1"].endswith("#/processing-jobs/musher-load-1")
    assert "Sent by the processing job <a " in page(found, evaluation=None, history=None, load=LOAD)
    assert "Sent by" not in page(load=LOAD)


def test_the_summary_holds_the_figures_of_the_load_test() -> None:
    found = build_summary(facts(), {**RESULTS, "load": load_result()})["load"]
    assert (found["sent"], found["errors"], found["predicted"]["p99_ms"]) == (50, {}, 1250)
    assert "output_uri" not in found
    assert summary()["load"] is None


def load_result() -> Any:
    """Return what the stage hands on of LOAD."""
    return {
        **LOAD["measured"],
        **{name: LOAD[name] for name in ("target", "instances", "predicted")},
        "output_uri": "s3://b/load_test.json",
        "seconds": 12.0,
    }
