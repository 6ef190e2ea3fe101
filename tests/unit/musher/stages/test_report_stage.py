"""The report's task: it shows what there is, of this attempt, and never fails for what is missing."""

from typing import Any

import pytest

from musher.errors import ArchiveError
from musher.settings import Settings
from musher.stages import report
from musher.stages.failures import failures_of_run
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
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(settings: Settings, *, output_uri: str, names: list[str]) -> Any:
        raise ArchiveError(f"{output_uri} has no evaluation.json")

    monkeypatch.setattr(report, "load_outputs", refuse)
    outputs = report.load_run_outputs(settings, {**NOTHING, "job": JOB})
    assert (outputs.evaluation, outputs.history, outputs.pictures) == (None, None, {})
    assert "the report lacks a part: s3://b/output.tar.gz has no evaluation.json" in caplog.text


def test_every_result_has_the_task_that_makes_it() -> None:
    from musher.results import RunResults

    assert set(report.TASK_OF) == set(RunResults.__annotations__)


def test_a_run_that_was_marked_as_failed_says_so() -> None:
    instance: Any = FakeInstance(failed=("evaluate",), skipped=("run_succeeded",))
    assert failures_of_run(instance) == {
        "evaluate": "why evaluate failed",
        "run_succeeded": "Somebody marked the run as failed.",
    }
