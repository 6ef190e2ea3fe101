"""Deferred waits, a person's cancel and clearing, against jobs that really run."""

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, TaskDeferred

from musher import names
from musher.hooks.connection import sagemaker_hook
from musher.operators import base
from musher.operators.training import RunTrainingJobOperator
from musher.payloads.training import build_training_job
from musher.settings import Settings
from musher.triggers.here import run_here
from tests.functional.musher.scripts import COUNTS, COUNTS_SLOWLY, NEVER_ENDS, WRITES_FEATURES
from tests.unit.musher.operators.fakes import FakeTask

Make = Callable[..., Any]


@pytest.fixture
def make(installation: Settings, plan_for: Make, with_settings: Make) -> Make:
    """Return a function that makes the operator of a job, which defers its waits."""

    def made(script: str, **changes: Any) -> RunTrainingJobOperator:
        marker = changes.pop("marker", "")
        job_name = changes.pop("job_name", None) or names.training_job(
            installation, slug=uuid.uuid4().hex[:8]
        )
        plan = plan_for(script, job_name=job_name, is_compressed=not marker, **changes)
        request = build_training_job(installation, plan=plan)
        operator = RunTrainingJobOperator(task_id="run_job", config=request, marker=marker, deferrable=True)
        return with_settings(operator)  # type: ignore[no-any-return]

    return made


def defer(operator: RunTrainingJobOperator, context: Any) -> Any:
    """Run a try up to its deferral; return the trigger as the triggerer makes it from what is stored."""
    with pytest.raises(TaskDeferred) as wait:
        operator.execute(context)
    kind = type(wait.value.trigger)
    return kind(**wait.value.trigger.serialize()[1])


def run_deferred(operator: RunTrainingJobOperator, context: Any) -> Any:
    """Run a try to its end, with every wait deferred; return its result."""
    trigger = defer(operator, context)
    while True:
        event = run_here(trigger, must_leave=lambda: False)
        try:
            return operator.resume(context, event)
        except TaskDeferred as again:
            trigger = again.trigger


def status_of(installation: Settings, name: str) -> str:
    """Return a training job's status."""
    found = sagemaker_hook(installation).find_training_job(name)
    assert found
    return str(found["TrainingJobStatus"])


def wait_for_end(installation: Settings, name: str) -> str:
    """Return the status in which a job ends."""
    deadline = time.monotonic() + 30
    while (status := status_of(installation, name)) in ("InProgress", "Stopping"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return status


def test_a_deferred_job_shows_its_log_and_the_task_goes_on_in_another_process(
    make: Make, airflow_task: FakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    operator = make(COUNTS)
    trigger = defer(operator, airflow_task.context())
    event = run_here(trigger, must_leave=lambda: False)
    assert event["outcome"] == "success"
    assert "[algo-1] counted to 3" in caplog.text
    assert "Training" in caplog.text
    other = make(COUNTS, job_name=operator.config["TrainingJobName"])
    found = other.resume(airflow_task.context(), event)
    assert (found["job_name"], found["status"]) == (operator.config["TrainingJobName"], "Completed")


def test_a_person_who_cancels_a_deferred_task_stops_its_job(
    make: Make, installation: Settings, airflow_task: FakeTask
) -> None:
    operator = make(NEVER_ENDS)
    trigger = defer(operator, airflow_task.context())
    asyncio.run(trigger.on_kill())
    assert wait_for_end(installation, operator.config["TrainingJobName"]) == "Stopped"


def test_the_task_that_follows_a_cancel_while_deferred_trains_anew(
    make: Make, installation: Settings, airflow_task: FakeTask
) -> None:
    operator = make(NEVER_ENDS)
    name = operator.config["TrainingJobName"]
    asyncio.run(defer(operator, airflow_task.context()).on_kill())
    cleared = make(COUNTS, job_name=name)
    assert run_deferred(cleared, airflow_task.clear())["job_name"] == f"{name}-2"
    assert status_of(installation, name) == "Stopped"


def test_a_cleared_task_with_another_learning_rate_trains_anew_while_the_old_job_runs(
    make: Make, installation: Settings, airflow_task: FakeTask
) -> None:
    """The triggerer was down: nothing stopped the job at 0.1, and a person now wants 0.2."""
    operator = make(NEVER_ENDS, hyperparameters={"learning_rate": 0.1})
    name = operator.config["TrainingJobName"]
    defer(operator, airflow_task.context())
    cleared = make(COUNTS, job_name=name, hyperparameters={"learning_rate": 0.2})
    cleared.deferrable = False
    found = cleared.execute(airflow_task.clear())
    assert found["job_name"] == f"{name}-2"
    assert status_of(installation, name) == "Stopped"
    described = sagemaker_hook(installation).find_training_job(found["job_name"])
    assert described
    assert described["HyperParameters"]["learning_rate"] == "0.2"


def test_killing_one_runs_embed_leaves_the_run_that_waits_for_it_alive(
    make: Make, installation: Settings, airflow_task: FakeTask, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.1)\n"
    name = names.embed_job(installation, features_id=uuid.uuid4().hex[:16])
    other_run = FakeTask()
    other_run.run_id = f"manual__{uuid.uuid4().hex}"
    embed = {"job_name": name, "marker": "features.json"}
    ours = defer(make(waits + WRITES_FEATURES, **embed), airflow_task.context())
    operator = make(waits + WRITES_FEATURES, **embed)
    theirs = defer(operator, other_run.context())
    asyncio.run(ours.on_kill())
    assert status_of(installation, name) == "InProgress"
    go_on.touch()
    event = run_here(theirs, must_leave=lambda: False)
    assert operator.resume(other_run.context(), event)["job_name"] == name


def test_killing_the_last_run_that_waits_stops_the_embed_job(
    make: Make, installation: Settings, airflow_task: FakeTask
) -> None:
    name = names.embed_job(installation, features_id=uuid.uuid4().hex[:16])
    ours = defer(make(NEVER_ENDS, job_name=name, marker="features.json"), airflow_task.context())
    asyncio.run(ours.on_kill())
    assert wait_for_end(installation, name) == "Stopped"


def test_a_worker_that_is_drained_leaves_its_job_to_the_next(
    make: Make, installation: Settings, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = make(COUNTS_SLOWLY)
    operator.deferrable = False
    name = operator.config["TrainingJobName"]

    def drained(trigger: Any, *, must_leave: Callable[[], bool]) -> Any:
        threading.Timer(2, operator.on_kill).start()
        return run_here(trigger, must_leave=must_leave)

    with monkeypatch.context() as patch:
        patch.setattr(base, "run_here", drained)
        with pytest.raises(AirflowRescheduleException):
            operator.execute(airflow_task.context())
    other = make(COUNTS_SLOWLY, job_name=name)
    other.deferrable = False
    assert other.execute(airflow_task.context())["job_name"] == name
    assert sagemaker_hook(installation).find_training_job(f"{name}-2") is None


def test_what_aws_refuses_says_so_in_one_line(
    make: Make, airflow_task: FakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    operator = make(COUNTS)
    operator.config["TrainingJobName"] = "no_such_name"
    with pytest.raises(
        AirflowFailException, match=r"AWS refuses CreateTrainingJob \(ValidationException\): "
    ):
        operator.execute(airflow_task.context())
    assert [record.name for record in caplog.records if record.levelno == logging.ERROR] == [base.__name__]
