"""A load test in the report: charts that show what was measured, beside what was predicted."""

import re
from typing import Any

import pytest

from musher.report.load import HEIGHT, WIDTH, as_ms, as_steps, compare, draw_histogram, draw_load
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


def test_bars_are_as_high_as_their_bins_and_stay_within_the_chart() -> None:
    drawn = draw_histogram(LOAD["bins"])
    assert drawn is not None
    tall, short = drawn["bars"]
    assert (tall["height"], tall["y"], drawn["top"]) == (HEIGHT, 0, "49")
    assert short["height"] == pytest.approx(HEIGHT / 49, abs=0.1)
    assert short["x"] + short["width"] <= WIDTH
    assert tall["title"].endswith(": 49")
    assert draw_histogram([]) is None


def test_steps_keep_their_height_until_the_next() -> None:
    assert as_steps([(0, 1), (4, 2), (9, 1)]) == [(0, 1), (4, 1), (4, 2), (9, 2), (9, 1)]
    assert as_steps([]) == []


def test_load_and_instances_are_drawn_over_the_same_time() -> None:
    rates, instances = draw_load(LOAD)["charts"]
    assert rates["names"] == ["due", "answered"]
    assert rates["lines"][0]["points"][0] == (WIDTH * 0.05, 0.0)
    assert rates["labels"][-1] == {"x": WIDTH, "text": "10 s"}
    assert instances["names"] == ["wanted", "serving", "predicted"]
    wanted, serving, predicted = (line["points"] for line in instances["lines"])
    assert wanted[1:3] == [(WIDTH * 0.4, 135.0), (WIDTH * 0.4, 90.0)]
    assert serving[-1] == (WIDTH * 0.8, 90.0)
    assert predicted[-1] == (WIDTH * 0.9, 45.0)


def test_failures_have_a_line_only_where_there_are_any() -> None:
    found = draw_load(store_all(measure_all([0.02] * 40, failures=["http_503"] * 5, dropped=5)))
    assert found["charts"][0]["names"] == ["due", "answered", "failed"]
    assert found["errors"] == {"http_503": 5, "never sent": 5}


def test_what_was_measured_stands_beside_what_was_predicted() -> None:
    rows = {name: (measured, predicted) for name, measured, predicted in compare(LOAD)}
    assert rows["Median"] == ("20 ms", "21 ms")
    assert rows["99th percentile"][1] == "1.25 s"
    assert rows["Slowest"] == ("500 ms", "-")
    assert rows["Most instances"] == ("2", "3")


def test_a_function_has_no_instances_and_a_load_test_without_answers_no_times() -> None:
    found = draw_load(store_all(measure_all([], failures=["http_429"] * 5), instances=[]))
    assert [chart["title"] for chart in found["charts"]] == ["Requests a second"]
    assert found["histogram"] is None
    assert found["rows"][0] == ("Median", "-", "-")


def test_a_load_test_that_was_stopped_is_drawn_as_far_as_it_came() -> None:
    stopped = measure_all([0.02] * 50, is_complete=False) | {"took_s": 5.0}
    assert draw_load(store_all(stopped))["charts"][0]["labels"][-1]["text"] == "5 s"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.1234, "0.123 ms"), (12.34, "12.3 ms"), (999.6, "1000 ms"), (1500, "1.5 s")],
)
def test_times_are_written_as_people_read_them(value: float | None, text: str) -> None:
    assert as_ms(value) == text


def test_the_page_shows_the_load_test_and_still_needs_nothing_else() -> None:
    shown = page(load=LOAD)
    assert "<h2>Load test: 50 requests to musher-live</h2>" in shown
    assert 'aria-label="Instances during the load test: wanted, serving, predicted"' in shown
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
