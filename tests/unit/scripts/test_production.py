"""The production shape as processes: commands, variables and signals are those of the containers."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography.fernet import Fernet

from localaws.processes import Child, Supervisor
from scripts import production as module
from scripts.production import LONG_RUNNING, Production, dotenv, local_variables
from scripts.production_compose import Addresses, read_services

REPOSITORY = Path(__file__).parents[3]
ADDRESSES = Addresses(postgres=1, redis=2, api_server=3, scheduler_health=4, localaws=5)


class FakeSupervisor:
    """Keeps what it was asked to start; starts a process that sleeps instead."""

    def __init__(self) -> None:
        self.started: dict[str, dict[str, Any]] = {}
        self.reaped: list[str] = []
        self.real = Supervisor()

    def start(self, *, name: str, **asked: Any) -> Child:
        self.started[name] = asked
        argv = ["/bin/sh", "-c", "setsid sleep 60 & sleep 60"]
        return self.real.start(name=name, argv=argv, env={"PATH": os.environ["PATH"]}, cwd=Path("/"))

    def reap(self, child: Child) -> None:
        self.real.reap(child)
        self.reaped.append(child.name)

    def stop(self, child: Child, *, grace_s: float = 0.0) -> None:
        self.reap(child)


@pytest.fixture
def supervisor() -> Iterator[FakeSupervisor]:
    made = FakeSupervisor()
    yield made
    made.real.close(grace_s=0)


@pytest.fixture
def deployment(tmp_path: Path, supervisor: FakeSupervisor) -> Any:
    """A deployment whose services do not really start; all that it started is stopped at the end."""
    variables = dotenv(api_server=3) | {"MUSHER_ACCOUNT_ID": "123456789012"}
    with ExitStack() as files:
        made = Production(
            home=tmp_path,
            logs=tmp_path,
            programs=Path("/venv/bin"),
            services=read_services(
                REPOSITORY / "docker-compose.yaml", variables=variables, addresses=ADDRESSES
            ),
            addresses=ADDRESSES,
            supervisor=supervisor,  # type: ignore[arg-type]  # has what is used
            password="secret",
            aws_url="http://127.0.0.1:5",
            files=files,
        )
        yield made
        made.stop()


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_is_started_by_composes_command(
    deployment: Production, supervisor: FakeSupervisor, name: str
) -> None:
    deployment.start(name)
    argv = supervisor.started[name]["argv"]
    assert argv[:2] == ["/venv/bin/airflow", name]
    own = {"api-server": ["--host", "127.0.0.1", "--port", "3"], "dag-processor": []}
    assert argv[2:] == own.get(name, ["--skip-serve-logs"])


def test_workers_have_names_of_their_own(deployment: Production, supervisor: FakeSupervisor) -> None:
    for name in ("worker-1", "worker-2"):
        deployment.start(name)
        assert supervisor.started[name]["argv"][-2:] == ["--celery-hostname", name]
        assert supervisor.started[name]["env"]["HOSTNAME"] == name


def test_variables_are_composes_and_nothing_of_the_caller(
    deployment: Production, supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the caller")
    monkeypatch.setenv("MUSHER_PROJECT", "of the caller")
    deployment.start("scheduler")
    environment = supervisor.started["scheduler"]["env"]
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].endswith("@127.0.0.1:1/airflow")
    assert environment["AIRFLOW__CELERY__BROKER_URL"].endswith("@127.0.0.1:2/0")
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:3/execution/"
    assert environment["MUSHER_PROJECT"] == "musher"
    assert "AWS_SECRET_ACCESS_KEY" not in environment


def test_draining_asks_the_main_process_alone(
    deployment: Production, supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = deployment.start("worker-1")
    asked: list[tuple[int, int]] = []
    kill = os.kill
    monkeypatch.setattr(
        module.os, "kill", lambda pid, number: asked.append((pid, number)) or kill(pid, number)
    )
    assert deployment.drain("worker-1") == -signal.SIGTERM
    assert asked == [(child.pid, signal.SIGTERM)]
    assert supervisor.reaped == ["worker-1"]
    assert deployment.running == {}


def test_a_killed_worker_takes_all_that_it_started_with_it(
    deployment: Production, supervisor: FakeSupervisor
) -> None:
    child = deployment.start("worker-1")
    while len(family := psutil.Process(child.pid).children(recursive=True)) < 2:
        time.sleep(0.01)
    deployment.kill("worker-1")
    assert child.poll() == -signal.SIGKILL
    assert not any(process.is_running() for process in family)


def test_a_failure_names_the_service_its_log_and_its_last_words(
    deployment: Production, tmp_path: Path
) -> None:
    (tmp_path / "scheduler.log").write_text("\n".join(f"line {number}" for number in range(100)))
    text = str(deployment.failure("scheduler", "ended with 1"))
    assert text.startswith(f"scheduler ended with 1; see {tmp_path / 'scheduler.log'}\n")
    assert text.endswith("line 99")
    assert "line 79" not in text
    assert str(deployment.failure("triggerer", "fell")) == f"triggerer fell; see {tmp_path / 'triggerer.log'}"


def test_made_up_secrets_are_what_the_example_asks_for() -> None:
    first, second = dotenv(api_server=8080), dotenv(api_server=8080)
    Fernet(first["AIRFLOW_FERNET_KEY"].encode())
    secrets = [name for name in first if name.endswith(("KEY", "SECRET", "PASSWORD"))]
    assert len(secrets) == 6
    assert all(first[name] != second[name] for name in secrets)
    required = [
        line.split("=")[0]
        for line in (REPOSITORY / ".env.example").read_text().splitlines()
        if line.endswith("=") and line[0] != "#"
    ]
    assert set(required) - set(first) == {"MUSHER_ACCOUNT_ID"}


def test_the_variables_are_the_examples_for_localaws() -> None:
    found = local_variables((REPOSITORY / ".env.example").read_text())
    assert set(found) == {"MUSHER_ACCOUNT_ID", "MUSHER_MODEL_IMAGE", "AIRFLOW_CONN_AWS_DEFAULT"}
    assert found["MUSHER_ACCOUNT_ID"] == "123456789012"
    assert json.loads(found["AIRFLOW_CONN_AWS_DEFAULT"])["extra"]["endpoint_url"] == "http://localaws:4566"
