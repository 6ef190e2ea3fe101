"""What a person reads when a task fails: run by Airflow's own task runner, with its log."""

import logging
import traceback
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

import pytest
import structlog
from airflow.sdk import DAG, BaseOperator, task
from airflow.sdk.api.datamodels._generated import DagRun, TIRunContext
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from musher.errors import GateError
from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from tests.unit.musher.operators.fake_jobs import NAME, FakeTraining

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MESSAGE = "The model of job has test accuracy 0.5000; min_accuracy is 0.9. Nothing is deployed."


@task
def judge() -> None:
    """Fail as the gate does."""
    with fail_without_retry():
        try:
            raise KeyError("accuracy")
        except KeyError as error:
            raise GateError(MESSAGE) from error


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseOperator], tuple[str, BaseException]]:
    """Return a function that runs a task and returns its state and the error that Airflow logs."""
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", MagicMock(), raising=False)
    monkeypatch.setattr("airflow.sdk.plugins_manager.integrate_macros_plugins", lambda: None)

    def made(operator: BaseOperator) -> tuple[str, BaseException]:
        run = DagRun.model_construct(
            dag_id="d",
            run_id="r",
            logical_date=NOW,
            run_after=NOW,
            start_date=NOW,
            clear_number=0,
            conf={},
            partition_key=None,
            data_interval_start=None,
            data_interval_end=None,
            consumed_asset_events=[],
        )
        instance = RuntimeTaskInstance.model_construct(
            id=uuid.uuid4(),
            task=operator,
            task_id=operator.task_id,
            dag_id="d",
            run_id="r",
            try_number=1,
            max_tries=2,
            map_index=-1,
            start_date=NOW,
            _ti_context_from_server=TIRunContext.model_construct(dag_run=run, max_tries=2, should_retry=True),
        )
        instance.task = operator
        context = instance.get_template_context()
        context["task_state_store"] = None
        state, _, error = task_runner.run(instance, context, structlog.get_logger())
        assert error is not None
        return state.value, error

    return made


def shown(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    """Return all that stands in the task's log about its error."""
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    return "\n".join(lines) + "\n" + "".join(traceback.format_exception(error))


def list_own_frames(error: BaseException) -> list[str]:
    """Return the functions of the traceback that are not Airflow's, which writes one for whatever fails."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.name for frame in frames if "site-packages" not in frame.filename]


def test_a_users_error_is_one_line_and_no_chain_of_tracebacks(
    run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with DAG("d", schedule=None):
        operator = judge().operator
    state, error = run(operator)
    text = shown(error, caplog)
    assert state == "failed"
    assert text.startswith(f"{MESSAGE}\n")
    assert "KeyError" not in text
    assert "GateError" not in text
    assert "The above exception" not in text
    assert "During handling" not in text
    assert list_own_frames(error) == ["judge", "__exit__"]


def test_a_failed_jobs_log_lines_are_shown_once(
    run: Callable[..., Any],
    make_operator: Callable[..., RunTrainingJobOperator],
    aws: FakeTraining,
    logs: dict[str, list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws.script = ["Failed"]
    logs[f"{NAME}/algo-1-17"] = ["no such class: wolf"]
    with DAG("d", schedule=None):
        operator = make_operator()
    state, error = run(operator)
    text = shown(error, caplog)
    assert state == "failed"
    assert text.count("no such class: wolf") == 1
    assert text.count("then clear this task") == 1
    assert list_own_frames(error)[-1] == "__exit__"
    assert len(list_own_frames(error)) <= 7


def test_a_task_run_alone_says_what_is_missing(
    run: Callable[..., Any],
    make_operator: Callable[..., RunTrainingJobOperator],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with DAG("d", schedule=None):
        operator = make_operator(config=None)
    state, error = run(operator)
    assert state == "failed"
    assert "There is no config: the tasks before this one have left no result" in shown(error, caplog)
    assert "NoneType" not in shown(error, caplog)
