"""Run the embedded AWS and Airflow's UI until Ctrl-C: `make up`."""

import argparse
import json
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from localaws.processes import Child
from scripts.local_stack import ROOT, StackError, line_writer, local_stack

FOLDER = ROOT / "var" / "up"
READY_S = 240.0
PASSWORDS = "simple_auth_manager_passwords.json.generated"


def wait_until_ready(child: Child, *, url: str, stopped: threading.Event) -> None:
    """Wait until Airflow's API server answers; raises StackError where it ends or takes too long."""
    deadline = time.monotonic() + READY_S
    while not stopped.wait(0.5):
        if child.poll() is not None:
            last = child.tail[-1] if child.tail else "no output"
            raise StackError(f"airflow standalone ended with {child.poll()}: {last}")
        if time.monotonic() > deadline:
            raise StackError(f"Airflow did not answer at {url} within {READY_S:.0f} s")
        try:
            with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5):  # noqa: S310 - our own URL
                return
        except (urllib.error.URLError, OSError):
            continue


def credentials(home: Path) -> str:
    """Return the user and password that Airflow generated for this run."""
    users = json.loads((home / PASSWORDS).read_text())
    return ", ".join(f"user {user}, password {password}" for user, password in users.items())


def up(*, aws_port: int, ui_port: int, stopped: threading.Event) -> None:
    """Run both until `stopped`; raises StackError where one of them ends by itself."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{ui_port}"
    with (
        local_stack(home=FOLDER / "airflow", port=aws_port, log=FOLDER / "localaws.log") as stack,
        (FOLDER / "airflow.log").open("w") as log,
    ):
        print(f"Embedded AWS   {stack.url}", flush=True)
        stack.environment.update({"AIRFLOW__API__PORT": str(ui_port), "AIRFLOW__API__BASE_URL": url})
        child = stack.airflow("standalone", name="airflow standalone", on_line=line_writer(log))
        wait_until_ready(child, url=url, stopped=stopped)
        if not stopped.is_set():
            print(f"Airflow        {url}  ({credentials(stack.home)})", flush=True)
            print("Trigger the DAG operationalize_model there. Ctrl-C stops everything.", flush=True)
        while not stopped.wait(0.5):
            if child.poll() is not None:
                raise StackError(
                    f"airflow standalone ended with {child.poll()}; see {FOLDER / 'airflow.log'}"
                )
        print("Stopping", flush=True)
        stack.supervisor.stop(child, grace_s=30.0)


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
