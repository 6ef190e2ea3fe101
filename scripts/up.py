"""Run the embedded AWS and Airflow's UI until Ctrl-C: `make up`.

The components are those of `airflow standalone`, started one by one, because standalone's log servers listen
on every address of the machine; the components share a disk here and need none.

What stays in var/up for the next time: Airflow's database (runs, logs, the password) and the reports. All
else that lies in the embedded AWS (data sets, models, deployments) ends with it.
"""

import argparse
import json
import secrets
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localaws.processes import Child, Supervisor
from scripts.database import prepare_database
from scripts.local_stack import (
    DAG_ID,
    ROOT,
    STATUS_PAGE,
    Stack,
    StackError,
    describe_end,
    line_writer,
    local_stack,
)
from scripts.only_one import only_one
from scripts.progress import say
from scripts.reports import load_reports, save_reports
from scripts.scratch import scratch_folder

FOLDER = ROOT / "var" / "up"
READY_S = 240.0
REMIND_S = 15.0
"""Seconds without news after which a line says what is waited for."""

STOP_S = 10.0
SERVER_STOP_S = 1.0
"""The API server waits for connections that the UI keeps open; what it knows lies in the database."""

SAVE_S = 10.0
PASSWORDS = "simple_auth_manager_passwords.json.generated"
COMPONENTS = (
    ("api-server", "--host", "127.0.0.1", "--workers", "1"),
    ("scheduler", "--skip-serve-logs"),
    ("dag-processor",),
    ("triggerer", "--skip-serve-logs"),
)


def ui_environment(url: str) -> dict[str, str]:
    """Return what the components of one Airflow share: the UI's address and the key they sign tokens with."""
    return {
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__PORT": url.rsplit(":", 1)[1],
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
    }


def check_port(port: int, *, option: str, use: str) -> None:
    """Raise StackError where another process listens on a port of 127.0.0.1 (0: any is good)."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(
                f"{use} cannot listen on 127.0.0.1:{port} ({error.strerror}). `ss -ltnp 'sport = :{port}'` "
                f"shows who does: stop that, or take another port with {option}=PORT"
            ) from error


def start_components(stack: Stack, folder: Path) -> list[Child]:
    """Start Airflow's components, each with a log file of its own."""
    children = []
    for component in COMPONENTS:
        log = (folder / f"{component[0]}.log").open("w")
        children.append(stack.airflow(*component, name=component[0], on_line=line_writer(log)))
    return children


def stop_components(supervisor: Supervisor, children: Sequence[Child]) -> None:
    """Stop all at once, the API server last: running tasks tell it how they end."""
    server, *others = children
    for child in others:
        child.terminate()
    for child in others:
        supervisor.stop(child, grace_s=STOP_S)
    supervisor.stop(server, grace_s=SERVER_STOP_S)


def check_alive(stack: Stack, children: Sequence[Child]) -> None:
    """Raise StackError where a component or the embedded AWS has ended."""
    stack.check_alive()
    for child in children:
        if child.poll() is not None:
            raise StackError(f"airflow {child.name} {describe_end(child)}")


def call(url: str, *, body: dict[str, str] | None = None, token: str = "") -> Any:
    """Call Airflow's REST API and return the answer's JSON."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def find_missing(url: str, *, home: Path) -> str | None:
    """Return what is still missing before the DAG can be triggered, or None."""
    try:
        health = call(f"{url}/api/v2/monitor/health")
    except (OSError, ValueError):  # no server yet, or half an answer
        return "the API server"
    for component in ("scheduler", "dag_processor", "triggerer"):
        if health[component]["status"] != "healthy":
            return f"the {component.replace('_', ' ')}"
    try:
        [(user, password)] = passwords(home).items()
        login = call(f"{url}/auth/token", body={"username": user, "password": password})
        dag = call(f"{url}/api/v2/dags/{DAG_ID}", token=login["access_token"])
    except (OSError, ValueError):  # no password file, or no DAG yet
        return f"the DAG {DAG_ID} to be parsed"
    return None if dag["is_paused"] is False else f"the DAG {DAG_ID} to be unpaused"


class Waiting:
    """Say what is waited for whenever that changes, and from time to time that it still is."""

    def __init__(self) -> None:
        self._origin = self._last = time.monotonic()
        self._missing = ""

    def show(self, missing: str) -> None:
        """Print a line where there is news."""
        now = time.monotonic()
        if missing != self._missing or now - self._last > REMIND_S:
            still = "still " if missing == self._missing else ""
            say(f"{now - self._origin:7.1f} s  {still}waiting for {missing}")
            self._missing, self._last = missing, now


def wait_until_ready(
    stack: Stack, children: Sequence[Child], *, url: str, folder: Path, stopped: threading.Event
) -> None:
    """Wait until the DAG can be triggered; raises StackError where a component ends or it takes too long."""
    deadline, waiting = time.monotonic() + READY_S, Waiting()
    while not stopped.is_set() and (missing := find_missing(url, home=stack.home)):
        check_alive(stack, children)
        waiting.show(missing)
        if time.monotonic() > deadline:
            raise StackError(
                f"{missing} was not ready within {READY_S:.0f} s; the logs of all components lie in {folder}"
            )
        stopped.wait(0.5)


def passwords(home: Path) -> dict[str, str]:
    """Return the passwords that Airflow generated for this installation, by user."""
    users: dict[str, str] = json.loads((home / PASSWORDS).read_text())
    return users


def keep_running(stack: Stack, children: Sequence[Child], *, folder: Path, stopped: threading.Event) -> None:
    """Look after everything until `stopped`, and copy new reports out of the embedded AWS."""
    saved = time.monotonic()
    while not stopped.wait(0.5):
        check_alive(stack, children)
        if time.monotonic() - saved > SAVE_S:
            save_reports(stack.client("s3"), folder=folder / "reports")
            saved = time.monotonic()


def up(*, folder: Path, scratch: Path, aws_port: int, ui_port: int, stopped: threading.Event) -> None:
    """Run both until `stopped`, temporary files in `scratch`; raises StackError where one of them ends."""
    check_port(aws_port, option="make up AWS_PORT", use="the embedded AWS")
    check_port(ui_port, option="make up UI_PORT", use="Airflow's UI")
    home, url = folder / "airflow", f"http://127.0.0.1:{ui_port}"
    say("Starting the embedded AWS, and Airflow's database (ten seconds more the first time)")
    with (folder / "migrate.log").open("w") as log:

        def prepare(supervisor: Supervisor) -> None:
            prepare_database(supervisor, home=home, on_line=line_writer(log))

        aws_log = folder / "localaws.log"
        with local_stack(home=home, port=aws_port, log=aws_log, scratch=scratch, meanwhile=prepare) as stack:
            say(f"Embedded AWS   {stack.url}  (what runs there: {stack.url}{STATUS_PAGE})")
            if found := load_reports(stack.client("s3"), folder=folder / "reports"):
                say(f"Reports        {found} of earlier runs")
            stack.environment.update(ui_environment(url))
            run_airflow(stack, url=url, folder=folder, stopped=stopped)


def run_airflow(stack: Stack, *, url: str, folder: Path, stopped: threading.Event) -> None:
    """Run Airflow's components until `stopped`."""
    children = start_components(stack, folder)
    try:
        wait_until_ready(stack, children, url=url, folder=folder, stopped=stopped)
        if not stopped.is_set():
            [(user, password)] = passwords(stack.home).items()
            say(f"Airflow        {url}  (user {user}, password {password})")
            say(f"Trigger the DAG {DAG_ID} there. Ctrl-C stops everything.")
        keep_running(stack, children, folder=folder, stopped=stopped)
    finally:
        say("Stopping; runs and reports are kept in var/up")
        stop_components(stack.supervisor, children)
        if stack.localaws.poll() is None:
            save_reports(stack.client("s3"), folder=folder / "reports")


def main() -> int:
    """Parse, run until a signal; returns the exit code."""
    parser = argparse.ArgumentParser(prog="up", description=__doc__)
    parser.add_argument("--aws-port", type=int, default=4566, help="port of the embedded AWS")
    parser.add_argument("--ui-port", type=int, default=8080, help="port of Airflow's UI")
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where database, reports and logs are kept"
    )
    arguments = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    folder = arguments.folder.resolve()
    try:
        with only_one(folder, what="`make up`"), scratch_folder(folder) as scratch:
            ports = {"aws_port": arguments.aws_port, "ui_port": arguments.ui_port}
            up(folder=folder, scratch=scratch, **ports, stopped=stopped)
    except StackError as error:
        print(f"up failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
