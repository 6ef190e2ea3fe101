"""The report's task: it shows what there is, of this attempt, and never fails for what is missing."""

import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from musher.errors import ArchiveError
from musher.settings import Settings
from musher.stages import report, report_inputs
from musher.stages.failures import failures_of_run
from musher.stages.run import Run
from tests.unit.musher.happening_records import happen
from tests.unit.musher.stages.test_teardown import FakeInstance

JOB: Any = {"output_uri": "s3://b/output.tar.gz"}
NOTHING: Any = dict.fromkeys(report.TASK_OF)


def test_results_of_an_earlier_attempt_are_dropped() -> None:
    """Airflow deletes a task's result only when the task starts again."""
    states = {"stage_dataset": "success", "train.run_job": "failed", "evaluate": "upstream_failed"}
    results: Any = {**NOTHING, "dataset": {"name": "dogs"}, "evaluation": {"accuracy": 0.9}}
    found = report.drop_old_results(results, {**states, "smoke_test": "upstream_failed"})
    assert found == {**NOTHING, "dataset": {"name": "dogs"}}


def test_the_figures_of_a_gate_that_refused_stay() -> None:
    results: Any = {**NOTHING, "evaluation": {"accuracy": 0.9}}
    assert report.drop_old_results(results, {"evaluate": "failed"})["evaluation"] == {"accuracy": 0.9}


def test_a_job_without_an_evaluation_has_a_report_all_the_same(
    form_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(settings: Settings, *, output_uri: str, names: list[str]) -> Any:
        raise ArchiveError(f"{output_uri} has no evaluation.json")

    monkeypatch.setattr(report_inputs, "load_outputs", refuse)
    outputs = report_inputs.load_run_outputs(form_run(), {**NOTHING, "job": JOB}, was_loaded=False)
    assert (outputs.evaluation, outputs.history, outputs.pictures) == (None, None, {})
    assert "the report lacks a part: s3://b/output.tar.gz has no evaluation.json" in caplog.text


LOADED: Any = {"load": {"target": "musher-live"}}


@pytest.mark.parametrize(
    ("was_loaded", "results", "is_complete", "is_shown"),
    [
        (True, LOADED, True, True),
        (True, {}, False, True),  # stopped before its end
        (True, {}, True, False),  # failed before it stored anything: an earlier attempt's
        (False, {}, False, False),
    ],
)
def test_what_the_last_load_test_measured_is_shown_also_of_one_that_was_stopped(
    was_loaded: bool,
    results: dict[str, Any],
    is_complete: bool,
    is_shown: bool,
    form_run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = {"target": "musher-live", "measured": {"is_complete": is_complete}}

    def download(hook: Any, *, uri: str) -> bytes:
        assert uri.endswith("/load_test.json")
        return json.dumps(record).encode()

    monkeypatch.setattr(report_inputs, "s3_hook", lambda settings: None)
    monkeypatch.setattr(report_inputs, "download", download)
    outputs = report_inputs.load_run_outputs(form_run(), {**NOTHING, **results}, was_loaded=was_loaded)
    assert outputs.load == (record if is_shown else None)


def test_the_results_of_a_load_test_alone_are_a_run_s() -> None:
    assert report.nothing_but(load=None) == NOTHING


def test_every_result_has_the_task_that_makes_it() -> None:
    from musher.results import RunResults

    assert set(report.TASK_OF) == set(RunResults.__annotations__)


def test_a_run_that_was_ended_by_hand_says_so() -> None:
    instance: Any = FakeInstance(failed=("evaluate",), skipped=("run_succeeded",))
    assert failures_of_run(instance) == {
        "evaluate": "why evaluate failed",
        "run_succeeded": "Somebody ended the run by hand: what had not begun was skipped.",
    }


def test_what_is_stored_is_strict_json_and_utf_8(
    form_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN is Python's own, and half a surrogate pair is what it makes of a file name that is not UTF-8."""
    stored: dict[str, bytes] = {}

    def upload(hook: Any, settings: Settings, *, key: str, data: bytes, content_type: str) -> str:
        stored[key.rpartition("/")[2]] = data
        return key

    instance = FakeInstance(failed=("evaluate\udce9",))
    monkeypatch.setattr(report, "current_run", form_run)
    monkeypatch.setattr(report, "get_current_context", lambda: {"ti": instance})
    monkeypatch.setattr(report, "s3_hook", lambda settings: SimpleNamespace(get_conn=lambda: None))
    monkeypatch.setattr("musher.console.find_console", lambda settings, client: None)
    monkeypatch.setattr(report, "upload", upload)
    evaluation: Any = {"accuracy": math.nan, "loss": math.inf, "seconds": 0.1}
    report.report.function({**NOTHING, "evaluation": evaluation})
    summary = json.loads(stored["summary.json"], parse_constant=lambda text: pytest.fail(text))
    assert (summary["accuracy"], summary["loss"]) == (None, None)
    assert summary["failures"] == {"evaluate\ufffd": "why evaluate\ufffd failed"}
    assert b"why evaluate\xef\xbf\xbd failed" in stored["report.html"]


@pytest.mark.parametrize(
    ("failed", "steps"), [(("deploy.run_endpoint",), ["Baking"]), (("stage_dataset",), None)]
)
def test_the_steps_of_a_deployment_that_failed_are_shown_and_none_where_none_was_tried(
    failed: tuple[str, ...],
    steps: list[str] | None,
    form_run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A task that never began has no XComs to ask for."""
    instance, read, shown = FakeInstance(failed=failed), list[Any](), list[Any]()
    reasons = instance.xcom_pull

    def xcom_pull(*, task_ids: str, key: str = "return_value") -> Any:
        return ["Baking"] if key == "steps" else reasons(task_ids=task_ids, key=key)

    def read_happenings(run: Run, *, endpoint_name: str, steps: Any, function: Any) -> Any:
        read.append((endpoint_name, steps))
        return happen()

    def keep(*, summary: Any, outputs: Any) -> str:
        shown.append(outputs.happenings)
        return "page"

    instance.xcom_pull = xcom_pull  # type: ignore[method-assign]  # steps besides the reasons
    monkeypatch.setattr(report, "current_run", form_run)
    monkeypatch.setattr(report, "get_current_context", lambda: {"ti": instance})
    monkeypatch.setattr(report, "s3_hook", lambda settings: SimpleNamespace(get_conn=lambda: None))
    monkeypatch.setattr("musher.console.find_console", lambda settings, client: None)
    monkeypatch.setattr("musher.stages.report_timeline.read_happenings", read_happenings)
    monkeypatch.setattr("musher.report.page.render", keep)
    monkeypatch.setattr(report, "upload", lambda *_, key, **__: key)
    report.report.function(NOTHING)
    assert read == ([("musher-live", steps)] if steps else [])
    assert shown == ([happen()] if steps else [None])
