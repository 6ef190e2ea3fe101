"""Run the embedded AWS and Airflow's UI until Ctrl-C: `make up`.

The components are those of `airflow standalone`, started one by one, because standalone's log servers listen
on every address of the machine; the components share a disk here and need none.
"""

import argparse
import json
import secrets
import signal
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from localaws.processes import Child
from scripts.local_stack import DAG_ID, ROOT, Stack, StackError, line_writer, local_stack, migrate

FOLDER = ROOT / "var" / "up"
READY_S = 240.0
STOP_S = 20.0
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


def start_components(stack: Stack) -> list[Child]:
    """Start Airflow's components, each with a log file of its own in var/up."""
    children = []
    for component in COMPONENTS:
        log = (FOLDER / f"{component[0]}.log").open("w")
        children.append(stack.airflow(*component, name=component[0], on_line=line_writer(log)))
    return children


def check_alive(children: list[Child]) -> None:
    """Raise StackError where a component has ended."""
    for child in children:
        if (code := child.poll()) is not None:
            last = child.tail[-1] if child.tail else "no output"
            raise StackError(f"airflow {child.name} ended with {code}: {last}")


def call(url: str, *, body: dict[str, str] | None = None, token: str = "") -> Any:
    """Call Airflow's REST API and return the answer's JSON."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def is_ready(url: str, *, home: Path) -> bool:
    """Return whether the scheduler is healthy and the DAG can be triggered."""
    try:
        if call(f"{url}/api/v2/monitor/health")["scheduler"]["status"] != "healthy":
            return False
        [(user, password)] = passwords(home).items()
        login = call(f"{url}/auth/token", body={"username": user, "password": password})
        return bool(call(f"{url}/api/v2/dags/{DAG_ID}", token=login["access_token"])["is_paused"] is False)
    except (OSError, ValueError):  # not up yet: no server, no password file, no DAG, or half an answer
        return False


def wait_until_ready(children: list[Child], *, url: str, home: Path, stopped: threading.Event) -> None:
    """Wait until the DAG can be triggered; raises StackError where a component ends or it takes too long."""
    deadline = time.monotonic() + READY_S
    while not stopped.is_set() and not is_ready(url, home=home):
        check_alive(children)
        if time.monotonic() > deadline:
            raise StackError(f"Airflow was not ready at {url} within {READY_S:.0f} s; see {FOLDER}")
        stopped.wait(0.5)


def passwords(home: Path) -> dict[str, str]:
    """Return the passwords that Airflow generated for this run, by user."""
    users: dict[str, str] = json.loads((home / PASSWORDS).read_text())
    return users


def up(*, aws_port: int, ui_port: int, stopped: threading.Event) -> None:
    """Run both until `stopped`; raises StackError where one of them ends by itself."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{ui_port}"
    with local_stack(home=FOLDER / "airflow", port=aws_port, log=FOLDER / "localaws.log") as stack:
        print(f"Embedded AWS   {stack.url}", flush=True)
        stack.environment.update(ui_environment(url))
        with (FOLDER / "migrate.log").open("w") as log:
            migrate(stack, on_line=line_writer(log))
        children = start_components(stack)
        try:
            wait_until_ready(children, url=url, home=stack.home, stopped=stopped)
            if not stopped.is_set():
                [(user, password)] = passwords(stack.home).items()
                print(f"Airflow        {url}  (user {user}, password {password})", flush=True)
                print(f"Trigger the DAG {DAG_ID} there. Ctrl-C stops everything.", flush=True)
            while not stopped.wait(0.5):
                check_alive(children)
        finally:
            print("Stopping", flush=True)
            for child in reversed(children):
                stack.supervisor.stop(child, grace_s=STOP_S)


def main() -> int:
    """Parse, run until a signal; returns the exit code."""
    parser = argparse.ArgumentParser(prog="up", description=__doc__)
    parser.add_argument("--aws-port", type=int, default=4566, help="port of the embedded AWS")
    parser.add_argument("--ui-port", type=int, default=8080, help="port of Airflow's UI")
    arguments = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        up(aws_port=arguments.aws_port, ui_port=arguments.ui_port, stopped=stopped)
    except StackError as error:
        print(f"up failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
