"""The command line: from a trace and load tests to the cheapest plan."""

import json
from pathlib import Path

import pytest

from musher.errors import ScalingError
from musher.scaling.__main__ import main, requests_per_second
from musher.traffic.load_test import measured
from musher.traffic.recorder import Recorder
from musher.traffic.traces import ArrivalsTrace, CountsTrace


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A trace of ten minutes with 20 requests a second, and a load test whose answers took 0.1 s."""
    trace, result = tmp_path / "trace.csv", tmp_path / "result.json"
    trace.write_text("second,requests\n" + "".join(f"{second},20\n" for second in range(600)))
    recorder = Recorder(duration_s=10)
    for _ in range(100):
        recorder.send(0.0, late_s=0.0, in_flight=1)
        recorder.finish(0.0, latency_s=0.1, service_s=0.1, failure=None)
    result.write_text(json.dumps(measured(recorder, took_s=10, is_complete=True)))
    return str(trace), str(result)


def test_the_cheapest_plan_is_printed_with_all_others(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    trace, result = files
    words = ["--trace", trace, "--p99-ms", "300", "--instance", "ml.m5.large", "2", result]
    assert main([*words, "--instance", "ml.m5.xlarge", "4", result]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["best"]["latencies"]["p99_ms"] <= 300
    assert {row["instance_type"] for row in answer["tried"]} == {"ml.m5.large", "ml.m5.xlarge"}
    assert answer["best"] in answer["tried"]
    assert "noted" in answer["prices"]


def test_where_nothing_keeps_the_goal_that_is_the_status(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    trace, result = files
    assert main(["--trace", trace, "--p99-ms", "50", "--instance", "ml.m5.large", "2", result]) == 1
    assert json.loads(capsys.readouterr().out)["best"] is None


@pytest.mark.parametrize(
    ("instance", "says"),
    [
        (("ml.none", "2"), "No price is noted for ml.none"),
        (("ml.m5.large", "two"), "'two' slots"),
        (("ml.m5.large", "0"), "0 slots"),
    ],
)
def test_a_wrong_question_is_said(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str], instance: tuple[str, str], says: str
) -> None:
    trace, result = files
    assert main(["--trace", trace, "--p99-ms", "50", "--instance", *instance, result]) == 2
    assert says in capsys.readouterr().err


def test_a_trace_is_no_result(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    trace, _ = files
    assert main(["--trace", trace, "--p99-ms", "50", "--instance", "ml.m5.large", "1", trace]) == 2
    assert "no JSON of a load test" in capsys.readouterr().err


def test_both_kinds_of_trace_become_counts() -> None:
    assert list(requests_per_second(CountsTrace(counts=[2, 0, 1]))) == [2, 0, 1]
    assert list(requests_per_second(ArrivalsTrace(offsets_s=[0.1, 0.9, 2.0]))) == [2, 0, 1]


def test_a_trace_of_years_is_refused() -> None:
    with pytest.raises(ScalingError, match="Cut it"):
        requests_per_second(ArrivalsTrace(offsets_s=[1e8]))
