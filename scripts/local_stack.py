"""The local stack: an embedded AWS, the bootstrap stack on it, and an Airflow that is pointed at it."""

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from localaws.processes import Child, Supervisor

ROOT = Path(__file__).resolve().parents[1]
DAG_ID = "operationalize_model"
ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
BUCKET = f"musher-{ACCOUNT_ID}-{REGION}"
READY_S = 60.0
STACK_S = 60
MIGRATE_S = 300.0


class StackError(RuntimeError):
    """The local stack could not be started; the message is one line."""


@dataclass(frozen=True)
class Stack:
    """A running localaws, and the environment that points Airflow at it."""

    url: str
    home: Path
    supervisor: Supervisor
    environment: dict[str, str]

    def client(self, service: str) -> Any:
        """Return a boto3 client of the embedded AWS."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the embedded AWS takes any key
        )

    def airflow(self, *arguments: str, name: str, on_line: Callable[[str], None]) -> Child:
        """Start an `airflow` command as a child of its own process group."""
        program = str(ROOT / ".venv" / "bin" / "airflow")
        return self.supervisor.start(
            name=name, argv=[program, *arguments], env=self.environment, cwd=ROOT, on_line=on_line
        )


def airflow_environment(*, url: str, home: Path) -> dict[str, str]:
    """Return the variables of a laptop's Airflow: SQLite, this checkout's DAGs, `aws_default` at `url`.

    These are the only things that differ from a run on AWS.
    """
    connection = {
        "conn_type": "aws",
        "login": "test",
        "password": "test",
        "extra": {"endpoint_url": url, "region_name": REGION},
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "AWS_", "MUSHER_"))}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return inherited | {
        "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "MUSHER_ACCOUNT_ID": ACCOUNT_ID,
        "MUSHER_REGION": REGION,
        # A name only: localaws runs the code in the model's archive, and builds no images.
        "MUSHER_MODEL_IMAGE": "localaws/code-of-the-archive",
        "MUSHER_POLL_INTERVAL_S": "1",
    }


@contextlib.contextmanager
def local_stack(*, home: Path, port: int, log: Path) -> Generator[Stack, None, None]:
    """Start localaws and apply `infra/bootstrap.yaml` to it; stop everything at the end.

    Raises StackError where localaws does not get ready, or the stack cannot be created.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    supervisor = Supervisor()
    try:
        with log.open("w") as log_file:
            url = start_localaws(supervisor, port=port, log_line=line_writer(log_file))
            stack = Stack(url, home, supervisor, airflow_environment(url=url, home=home))
            apply_bootstrap(stack)
            yield stack
    finally:
        supervisor.close(grace_s=15.0)


def line_writer(stream: Any) -> Callable[[str], None]:
    """Return a handler that appends each line to `stream` at once."""

    def write(line: str) -> None:
        if not stream.closed:
            stream.write(line + "\n")
            stream.flush()

    return write


def start_localaws(supervisor: Supervisor, *, port: int, log_line: Callable[[str], None]) -> str:
    """Start localaws and return its address once it answers."""
    ready = threading.Event()
    found: list[str] = []

    def on_line(line: str) -> None:
        log_line(line)
        if line.startswith("localaws ready "):
            found.append(line.split()[-1])
            ready.set()

    python = str(ROOT / ".venv" / "bin" / "python")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    argv = [python, "-m", "localaws", "serve", "--verbose", "--port", str(port)]
    child = supervisor.start(name="localaws", argv=argv, env=environment, cwd=ROOT, on_line=on_line)
    deadline = time.monotonic() + READY_S
    while not ready.wait(0.05):
        if child.poll() is not None or time.monotonic() > deadline:
            child.join_output()
            raise StackError(
                child.tail[-1] if child.tail else f"localaws was not ready within {READY_S:.0f} s"
            )
    return found[0]


def apply_bootstrap(stack: Stack) -> None:
    """Create the CloudFormation stack `musher-bootstrap` from `infra/bootstrap.yaml`."""
    client = stack.client("cloudformation")
    client.create_stack(
        StackName="musher-bootstrap",
        TemplateBody=(ROOT / "infra" / "bootstrap.yaml").read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    waiter = client.get_waiter("stack_create_complete")
    waiter.wait(StackName="musher-bootstrap", WaiterConfig={"Delay": 1, "MaxAttempts": STACK_S})


def migrate(stack: Stack, *, on_line: Callable[[str], None]) -> None:
    """Create Airflow's SQLite database; raises StackError with the last log line."""
    child = stack.airflow("db", "migrate", name="airflow db migrate", on_line=on_line)
    code = child.wait(timeout_s=MIGRATE_S)
    stack.supervisor.stop(child)
    if code != 0:
        last = child.tail[-1] if child.tail else "no output"
        raise StackError(f"airflow db migrate ended with {code} (None = timed out): {last}")
