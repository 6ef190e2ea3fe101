"""The production deployment on one machine: docker-compose.yaml's services as processes.

Airflow runs from an environment of exactly the production lock, in a folder that holds what the image holds,
with compose's own variables; PostgreSQL and Redis come from Debian, the AWS API from localaws. What differs
from Docker: hosts and ports (`production_compose.Addresses`); all services share this machine's name, so each
worker is told its own; nobody serves logs, because that server listens on every address, and the services
share the folder of logs here as they share its volume there.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localaws.processes import Child, Supervisor
from scripts.airflow_api import AirflowApi, ApiError
from scripts.local_stack import (
    BUCKET,
    DAG_ID,
    MODEL_IMAGE,
    REGION,
    ROOT,
    LocalAws,
    apply_bootstrap,
    line_writer,
    make_client,
)
from scripts.production_compose import Addresses, Service, read_services
from scripts.production_environment import copy_as_image
from scripts.production_stores import create_database, free_port, start_postgres, start_redis

ADMIN = "admin"
"""The user that compose's service `init` creates."""
LONG_RUNNING = ("api-server", "scheduler", "dag-processor", "triggerer")
NO_LOG_SERVER = ("worker", "scheduler", "triggerer")
"""Services whose command serves logs on every address unless told not to."""
TASK_LOGS = "musher/airflow-logs/"
"""Where in the project's bucket the tasks' logs go."""
INIT_S = 300.0
CHECK_S = 90.0
STOP_S = 30.0


class ProductionError(RuntimeError):
    """A service of the production shape failed; the message names its log."""


@dataclass(kw_only=True)
class Production:
    """A running deployment."""

    home: Path
    logs: Path
    programs: Path
    """The folder of the production environment's programs."""
    services: Mapping[str, Service]
    addresses: Addresses
    supervisor: Supervisor
    password: str
    aws_url: str
    """The address of localaws."""
    files: ExitStack
    """Closes the logs at the end."""
    changes: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, Child] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the UI and of the REST API."""
        return f"http://127.0.0.1:{self.addresses.api_server}"

    def start(self, name: str) -> Child:
        """Start a service, or a worker by a name such as worker-1; return its process."""
        service = self.services["worker" if name.startswith("worker-") else name]
        command = [*service.command]
        if service.name in NO_LOG_SERVER:
            command.append("--skip-serve-logs")
        if service.name == "worker":
            command += ["--celery-hostname", name]
        if service.name == "api-server":
            command += ["--host", "127.0.0.1", "--port", str(self.addresses.api_server)]
        log = self.files.enter_context((self.logs / f"{name}.log").open("a"))
        child = self.supervisor.start(
            name=name,
            argv=[str(self.programs / command[0]) if command[0] == "airflow" else command[0], *command[1:]],
            env=self.environment(service, host=name),
            cwd=self.home,
            on_line=line_writer(log),
        )
        self.running[name] = child
        return child

    def environment(self, service: Service, *, host: str) -> dict[str, str]:
        """Return what the container would have: the image's variables, compose's, its host's name."""
        image = {
            "PATH": f"{self.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "AIRFLOW_HOME": str(self.home),
            "HOSTNAME": host,
        }
        ports = {
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.addresses.scheduler_health),
        }
        return image | dict(service.environment) | ports | dict(self.changes)

    def run_to_end(self, name: str, *, timeout_s: float) -> None:
        """Run a service that ends by itself, such as init; raise ProductionError where it fails."""
        child = self.start(name)
        code = child.wait(timeout_s=timeout_s)
        self.supervisor.stop(self.running.pop(name))
        if code != 0:
            raise self.failure(name, f"ended with {code} (None: not within {timeout_s:.0f} s)")

    def is_healthy(self, name: str) -> bool:
        """Return whether a service passes its own health check."""
        service = self.services["worker" if name.startswith("worker-") else name]
        try:
            done = subprocess.run(
                service.health_check,
                env=self.environment(service, host=name),
                cwd=self.home,
                capture_output=True,
                text=True,
                timeout=CHECK_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        (self.logs / f"{name}.check.log").write_text(done.stdout + done.stderr)
        return done.returncode == 0

    def wait_until_healthy(self, *names: str, timeout_s: float) -> None:
        """Wait until each of these services passes its own health check."""
        deadline = time.monotonic() + timeout_s
        for name in names:
            while not self.is_healthy(name):
                if self.running[name].poll() is not None or time.monotonic() > deadline:
                    raise self.failure(name, f"was not healthy within {timeout_s:.0f} s")
                time.sleep(1.0)

    def log_in(self) -> AirflowApi:
        """Return a client of the REST API, as the first user."""
        return AirflowApi(self.url, user=ADMIN, password=self.password)

    def wait_for_dag(self, api: AirflowApi, *, timeout_s: float) -> None:
        """Wait until the DAG processor has stored the DAG."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                api.get(f"/dags/{DAG_ID}")
            except ApiError:
                if time.monotonic() > deadline:
                    raise self.failure("dag-processor", f"stored no {DAG_ID} in {timeout_s:.0f} s") from None
                time.sleep(1.0)
            else:
                return

    def kill(self, name: str) -> None:
        """End a service as the loss of its machine does: SIGKILL to it and to all that it started."""
        self.supervisor.reap(self.running.pop(name))

    def drain(self, name: str) -> int | None:
        """Stop a service as Docker does: SIGTERM to its main process; return its exit code, None if it stays.

        Docker waits for stop_grace_period, and so does this.
        """
        child = self.running.pop(name)
        os.kill(child.pid, signal.SIGTERM)
        code = child.wait(timeout_s=self.services["worker"].stop_grace_s)
        self.supervisor.reap(child)
        return code

    def stop(self) -> None:
        """Stop all of Airflow, before what it stands on."""
        for child in self.running.values():
            child.terminate()
        for name in list(self.running):
            self.supervisor.stop(self.running.pop(name), grace_s=STOP_S)

    def failure(self, name: str, reason: str) -> ProductionError:
        """Return the error that names the service, its log and the log's last lines."""
        path = self.logs / f"{name}.log"
        tail = path.read_text(errors="replace").splitlines()[-20:] if path.exists() else []
        return ProductionError("\n".join([f"{name} {reason}; see {path}", *tail]))


def dotenv(*, api_server: int) -> dict[str, str]:
    """Return what .env.example asks for, made as it says, with its lines for localaws."""
    return {
        "AIRFLOW_FERNET_KEY": fernet_key(),
        "AIRFLOW_JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW_API_SECRET_KEY": secrets.token_hex(32),
        "POSTGRES_PASSWORD": secrets.token_hex(32),
        "REDIS_PASSWORD": secrets.token_hex(32),
        "AIRFLOW_ADMIN_PASSWORD": secrets.token_hex(16),
        "AIRFLOW_BASE_URL": f"http://127.0.0.1:{api_server}",
        "MUSHER_MODEL_IMAGE": MODEL_IMAGE,
        "MUSHER_REGION": REGION,
        "MUSHER_POLL_INTERVAL_S": "1",
        "AIRFLOW_REMOTE_LOGGING": "true",
        "AIRFLOW_REMOTE_LOG_FOLDER": f"s3://{BUCKET}/{TASK_LOGS.rstrip('/')}",
    }


def fernet_key() -> str:
    """Return a key as `openssl rand -base64 32 | tr '+/' '-_'` prints one."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def local_variables(example: str) -> dict[str, str]:
    """Return what .env.example gives for the profile `local`: the lines after it, up to an empty one."""
    _, _, after = example.partition("--profile local")
    lines = after.split("\n\n")[0].splitlines()[1:]
    return {
        name: value.strip("'")
        for name, _, value in (line.removeprefix("# ").partition("=") for line in lines)
    }


@contextmanager
def production(
    *, folder: Path, python: Path, changes: Mapping[str, str] | None = None
) -> Generator[Production, None, None]:
    """Start the stores, localaws and compose's `init`; stop all that was started at the end.

    `folder` is emptied first; logs stay in `folder`/logs. `changes` are variables of Airflow that an
    installation sets over compose's. Raises StoreError, StackError or ProductionError.
    """
    shutil.rmtree(folder, ignore_errors=True)
    home, logs = folder / "airflow", folder / "logs"
    home.mkdir(parents=True)
    logs.mkdir()
    copy_as_image(root=ROOT, home=home)
    with ExitStack() as files:
        supervisor = Supervisor()
        deployment = None
        try:
            deployment = _start_below(supervisor, files, home=home, logs=logs, python=python)
            deployment.changes = changes or {}
            deployment.run_to_end("init", timeout_s=INIT_S)
            yield deployment
        finally:
            if deployment is not None:
                deployment.stop()
            supervisor.close(grace_s=STOP_S)


def _start_below(
    supervisor: Supervisor, files: ExitStack, *, home: Path, logs: Path, python: Path
) -> Production:
    """Start what Airflow stands on: PostgreSQL, Redis, localaws with the bootstrap stack."""
    api_server = free_port()
    variables = dotenv(api_server=api_server)

    def writer(name: str) -> Callable[[str], None]:
        return line_writer(files.enter_context((logs / f"{name}.log").open("w")))

    def scratch(name: str) -> Path:
        # Not below `folder`: the stores' owner may not be allowed to enter root's checkout.
        return Path(files.enter_context(tempfile.TemporaryDirectory(prefix=f"musher-{name}-")))

    secret = variables["POSTGRES_PASSWORD"]
    postgres = start_postgres(
        supervisor, folder=scratch("postgres"), password=secret, on_line=writer("postgres")
    )
    create_database(port=postgres.port, password=secret)
    redis = start_redis(
        supervisor, folder=scratch("redis"), password=variables["REDIS_PASSWORD"], on_line=writer("redis")
    )
    url = LocalAws(supervisor, port=0, log_line=writer("localaws")).wait_ready()
    apply_bootstrap(url)
    addresses = Addresses(
        postgres=postgres.port,
        redis=redis.port,
        api_server=api_server,
        scheduler_health=free_port(),
        localaws=int(url.rsplit(":", 1)[1]),
    )
    variables |= local_variables((ROOT / ".env.example").read_text())
    return Production(
        home=home,
        logs=logs,
        programs=python.parent,
        services=read_services(ROOT / "docker-compose.yaml", variables=variables, addresses=addresses),
        addresses=addresses,
        supervisor=supervisor,
        password=variables["AIRFLOW_ADMIN_PASSWORD"],
        aws_url=url,
        files=files,
    )


def keep_task_logs(deployment: Production) -> None:
    """Copy the tasks' logs from S3 to the deployment's: Airflow empties its own files once they are there."""
    s3 = make_client("s3", url=deployment.aws_url)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=TASK_LOGS)
    for key in (item["Key"] for page in pages for item in page.get("Contents", [])):
        target = deployment.logs / "tasks" / key.removeprefix(TASK_LOGS)
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(BUCKET, key, str(target))


def training_jobs(client: Any) -> list[str]:
    """Return the names of all training jobs, trials included."""
    pages = client.get_paginator("list_training_jobs").paginate()
    return sorted(job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"])
