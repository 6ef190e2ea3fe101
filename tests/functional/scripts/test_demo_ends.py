"""What ends a demo at once, and the true reason given: with real processes."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from localaws.processes import Child, Supervisor
from scripts.dag_runs import wait_for_run
from scripts.local_stack import Stack, StackError
from scripts.progress import Progress


@pytest.fixture
def quiet() -> Progress:
    return Progress(lambda line: None, tell=lambda line: None)


@pytest.fixture
def processes(tmp_path: Path) -> Any:
    """Yield a stack whose localaws and Airflow are shells that sleep, or run a given script."""
    supervisor = Supervisor()

    def start(name: str, script: str = "sleep 60", **options: Any) -> Child:
        environment = {"PATH": os.environ["PATH"]}
        argv = ["/bin/sh", "-c", script]
        return supervisor.start(name=name, argv=argv, env=environment, cwd=tmp_path, **options)

    def make(script: str, **options: Any) -> tuple[Stack, Child]:
        stack = Stack(
            url="http://127.0.0.1:1",
            home=tmp_path,
            supervisor=supervisor,
            localaws=start("localaws"),
            environment={},
        )
        return stack, start("Airflow", script, **options)

    yield make
    supervisor.close(grace_s=0.1)


def test_a_dead_embedded_aws_ends_the_demo_at_once_with_the_true_reason(
    processes: Any, quiet: Progress
) -> None:
    """Airflow would try its calls for minutes, and name the last of them."""
    stack, airflow = processes("sleep 60")
    quiet.errors.append("ValueError: an old line of the log")
    stack.localaws.kill()
    started = time.monotonic()
    with pytest.raises(StackError, match=r"^the embedded AWS was killed by SIGKILL$"):
        wait_for_run(stack, airflow, progress=quiet, limit_s=None)
    assert time.monotonic() - started < 5
    assert airflow.poll() is not None


def test_a_killed_airflow_is_named_as_such(processes: Any, quiet: Progress) -> None:
    stack, airflow = processes("sleep 60")
    quiet.errors.append("ValueError: an old line of the log")
    airflow.kill()
    with pytest.raises(StackError, match=r"^Airflow was killed by SIGKILL$"):
        wait_for_run(stack, airflow, progress=quiet, limit_s=None)


def test_an_airflow_that_refuses_says_what_it_said(processes: Any, quiet: Progress) -> None:
    stack, airflow = processes("echo 'ParamValidationError: epochs is 0'; exit 1", on_line=quiet)
    with pytest.raises(StackError, match="exit code 1: ParamValidationError: epochs is 0"):
        wait_for_run(stack, airflow, progress=quiet, limit_s=None)


def test_a_run_that_has_ended_is_not_waited_for_longer(processes: Any, quiet: Progress) -> None:
    stack, airflow = processes(
        "echo 'DagRun Finished: dag_id=x, state=success, y=z'; sleep 60", on_line=quiet
    )
    started = time.monotonic()
    assert wait_for_run(stack, airflow, progress=quiet, limit_s=None) == "success"
    assert time.monotonic() - started < 5


def test_a_run_that_takes_too_long_is_given_up(processes: Any, quiet: Progress) -> None:
    stack, airflow = processes("sleep 60")
    with pytest.raises(StackError, match="took more than 0 s; --limit-s"):
        wait_for_run(stack, airflow, progress=quiet, limit_s=0.2)
