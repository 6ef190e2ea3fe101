"""What the tests of operators and triggers share: a task, its clock, logs and connection."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from musher import clock
from musher.operators import base, jobs
from musher.operators.training import RunTrainingJobOperator
from musher.settings import Settings
from musher.triggers import jobs as job_triggers
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fake_jobs import REQUEST, FakeS3, FakeTraining
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeLogs, FakeTask

CONNECTION = {"aws_conn_id": "aws_default", "region_name": "us-east-1"}


@pytest.fixture
def fake_clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Time that passes where somebody sleeps."""
    made = FakeClock()
    monkeypatch.setattr(clock, "now", made.now)
    monkeypatch.setattr(clock, "sleep", made.sleep)
    return made


@pytest.fixture(autouse=True)
def log_groups(monkeypatch: pytest.MonkeyPatch) -> FakeLogs:
    """CloudWatch Logs, as every operator and trigger finds it."""
    made = FakeLogs({})
    for module in (base, job_triggers):
        monkeypatch.setattr(module, "AwsLogsHook", lambda **_: FakeHook(made, "logs"))
    return made


@pytest.fixture
def logs(log_groups: FakeLogs) -> dict[str, list[str]]:
    """The lines of each log stream."""
    return log_groups.streams


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hooks be made without an Airflow that has connections."""
    monkeypatch.setattr(base, "hook_parameters", lambda settings, **given: dict(CONNECTION))


@pytest.fixture
def airflow_task() -> FakeTask:
    """The task that the operator is."""
    return FakeTask()


@pytest.fixture
def aws(fake_clock: FakeClock) -> FakeTraining:
    """SageMaker's training jobs."""
    return FakeTraining()


@pytest.fixture
def make_operator(
    aws: FakeTraining, settings: Settings, logs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunTrainingJobOperator]:
    """Return a function that makes the operator anew, as each try's process does."""
    monkeypatch.setattr(jobs, "S3Hook", FakeS3)
    hook = FakeHook(aws, "sagemaker")
    monkeypatch.setattr(WaitTrigger, "hook", hook)

    def make(**changes: Any) -> RunTrainingJobOperator:
        made = RunTrainingJobOperator(**{"task_id": "run_job", "config": REQUEST, **changes})
        made.__dict__ |= {"hook": hook, "settings": replace(settings, poll_interval_s=10)}
        return made

    return make


@pytest.fixture
def operator(make_operator: Callable[..., RunTrainingJobOperator]) -> RunTrainingJobOperator:
    """The operator of a training job."""
    return make_operator()
