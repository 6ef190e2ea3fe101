"""The local stack: an embedded AWS, the bootstrap stack on it, and an Airflow that is pointed at it."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from localaws.processes import Child, Supervisor

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"
DAG_ID = "operationalize_model"
PROJECT = "musher"
ACCOUNT_ID = "123456789012"
AIRFLOW_PRINCIPAL = f"arn:aws:iam::{ACCOUNT_ID}:user/airflow"
"""Who may assume the role that the stack makes for Airflow."""
MODEL_IMAGE = "localaws/code-of-the-archive"
"""A name only: localaws runs the code in the model's archive, and builds no images."""
STATUS_PAGE = "/_localaws/"
"""Where the embedded AWS shows what runs in it."""

REGION = "us-east-1"
BUCKET = f"{PROJECT}-{ACCOUNT_ID}-{REGION}"
STACK_NAME = "musher-bootstrap"
READY_S = 60.0
STACK_S = 60
LOOK_S = 0.05


class StackError(RuntimeError):
    """The local stack could not be started, or one of its parts ended by itself; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A running localaws, and the environment that points Airflow at it."""

    url: str
    home: Path
    supervisor: Supervisor
    localaws: Child
    environment: dict[str, str]

    def client(self, service: str) -> Any:
        """Return a boto3 client of the embedded AWS."""
        return make_client(service, url=self.url)

    def airflow(self, *arguments: str, name: str, on_line: Callable[[str], None]) -> Child:
        """Start an `airflow` command as a child of its own process group."""
        return start_airflow(
            self.supervisor, *arguments, name=name, environment=self.environment, on_line=on_line
        )

    def check_alive(self) -> None:
        """Raise StackError where the embedded AWS has ended."""
        if self.localaws.poll() is not None:
            raise StackError(f"the embedded AWS {describe_end(self.localaws)}")


def start_airflow(
    supervisor: Supervisor,
    *arguments: str,
    name: str,
    environment: dict[str, str],
    on_line: Callable[[str], None],
) -> Child:
    """Start an `airflow` command."""
    program = str(ROOT / ".venv" / "bin" / "airflow")
    return supervisor.start(name=name, argv=[program, *arguments], env=environment, cwd=ROOT, on_line=on_line)


def make_client(service: str, *, url: str) -> Any:
    """Return a boto3 client of the AWS at `url`, which takes any key."""
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the embedded AWS takes any key
    )


def describe_end(child: Child) -> str:
    """Return how a child ended, and its last line where that can be the reason."""
    code = child.poll()
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    child.join_output()
    return f"ended with exit code {code}: {child.tail[-1] if child.tail else 'it printed nothing'}"


def airflow_variables(home: Path) -> dict[str, str]:
    """Return the variables of a laptop's Airflow: SQLite in `home`, this checkout's DAGs and plugins."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__AWS__SESSION_FACTORY": "musher.hooks.sessions.OneLoaderSessionFactory",
    }


def aws_variables(url: str) -> dict[str, str]:
    """Return the variables that lead to the AWS at `url`: all that differs from a run on AWS.

    It is near, and its jobs take seconds, so that it is looked at five times a second.
    """
    connection = {
        "conn_type": "aws",
        "login": "test",
        "password": "test",
        "extra": {"endpoint_url": url, "region_name": REGION},
    }
    return {
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "MUSHER_ACCOUNT_ID": ACCOUNT_ID,
        "MUSHER_REGION": REGION,
        "MUSHER_MODEL_IMAGE": MODEL_IMAGE,
        "MUSHER_POLL_INTERVAL_S": "0.2",
        "MUSHER_CONSOLE_URL": f"{url}{STATUS_PAGE}",
    }


def airflow_environment(home: Path) -> dict[str, str]:
    """Return the environment of an Airflow that does not know of an AWS yet."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "AWS_", "MUSHER_"))}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return inherited | {"PATH": path} | airflow_variables(home)


@contextlib.contextmanager
def local_stack(
    *,
    home: Path,
    port: int,
    log: Path,
    scratch: Path | None = None,
    meanwhile: Callable[[Supervisor], None] | None = None,
) -> Generator[Stack, None, None]:
    """Start localaws and apply `infra/bootstrap.yaml` to it; stop everything at the end.

    `scratch` is removed where this process is killed. `meanwhile` is called while localaws starts. Raises
    StackError where localaws does not get ready, or the stack cannot be created.
    """
    home.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(scratch=scratch)
    try:
        with log.open("w") as log_file:
            starting = LocalAws(supervisor, port=port, log_line=line_writer(log_file))
            if meanwhile:
                meanwhile(supervisor)
            url = starting.wait_ready()
            stack = Stack(
                url=url,
                home=home,
                supervisor=supervisor,
                localaws=starting.child,
                environment=airflow_environment(home) | aws_variables(url),
            )
            apply_bootstrap(url)
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


class LocalAws:
    """A localaws that is starting."""

    def __init__(self, supervisor: Supervisor, *, port: int, log_line: Callable[[str], None]) -> None:
        self._log_line = log_line
        self._ready = threading.Event()
        self._url = ""
        argv = [str(PYTHON), "-m", "localaws", "serve", "--verbose", "--port", str(port)]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.child = supervisor.start(
            name="localaws", argv=argv, env=environment, cwd=ROOT, on_line=self._take
        )

    def _take(self, line: str) -> None:
        self._log_line(line)
        if line.startswith("localaws ready "):
            self._url = line.split()[-1]
            self._ready.set()

    def wait_ready(self) -> str:
        """Return its address once it answers; raise StackError where it ends, or takes too long."""
        deadline = time.monotonic() + READY_S
        while not self._ready.wait(LOOK_S):
            if self.child.poll() is not None:
                raise StackError(f"the embedded AWS {describe_end(self.child)}")
            if time.monotonic() > deadline:
                raise StackError(f"the embedded AWS was not ready within {READY_S:.0f} s")
        return self._url


def find_default_vpc(url: str) -> str:
    """Return the id of the region's default VPC; raises StackError where there is none."""
    try:
        filters = [{"Name": "is-default", "Values": ["true"]}]
        [vpc] = make_client("ec2", url=url).describe_vpcs(Filters=filters)["Vpcs"]
    except (BotoCoreError, ClientError, ValueError) as error:
        raise StackError(f"the embedded AWS shows no default VPC: {error}") from error
    return str(vpc["VpcId"])


def apply_bootstrap(url: str) -> None:
    """Create the stacks of `infra/`, first `bootstrap.yaml`'s; raises StackError where that fails."""
    parameters = {"AirflowPrincipalArn": AIRFLOW_PRINCIPAL, "Ec2Vpc": find_default_vpc(url)}
    _apply(url, template="bootstrap.yaml", stack=STACK_NAME, parameters=parameters)
    for name in ("functions", "notebooks", "reaping", "auditing"):
        _apply(url, template=f"{name}.yaml", stack=f"{STACK_NAME}-{name}", parameters={})


def _apply(url: str, *, template: str, stack: str, parameters: Mapping[str, str]) -> None:
    client = make_client("cloudformation", url=url)
    try:
        client.create_stack(
            StackName=stack,
            TemplateBody=(ROOT / "infra" / template).read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
            ],
        )
        waiter = client.get_waiter("stack_create_complete")
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": STACK_S})
    except (BotoCoreError, ClientError, WaiterError) as error:
        raise StackError(f"infra/{template} cannot be applied: {error}") from error
