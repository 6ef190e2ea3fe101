"""Run DAGs on the local stack by `airflow dags test`, and fetch what they write of themselves."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localaws.processes import Child, Supervisor
from scripts.local_stack import BUCKET, DAG_ID, PYTHON, ROOT, Stack, StackError, describe_end
from scripts.progress import Progress

LIMIT_S = 900.0
"""Seconds after which a run on the digits is given up."""

LOOK_S = 0.1
REPORTS = "musher/reports/"
FILES = ("report.html", "summary.json")


def start_run(
    supervisor: Supervisor,
    *,
    environment: dict[str, str],
    conf: Mapping[str, Any],
    progress: Progress,
    go: Sequence[Path] = (),
    dag_id: str = DAG_ID,
) -> Child:
    """Start `airflow dags test`; with `go` a run begins when each file appears, as it says."""
    argv = [str(PYTHON), "-m", "scripts.run_dag", dag_id, "--conf", json.dumps(conf)]
    argv += ["--go", *map(str, go)] if go else []
    return supervisor.start(name="Airflow", argv=argv, env=environment, cwd=ROOT, on_line=progress)


def wait_for_run(stack: Stack, child: Child, *, progress: Progress, limit_s: float | None) -> str:
    """Return the state in which Airflow says that its last run has ended, and end Airflow at once.

    Raises StackError as `wait_for_state` does.
    """
    try:
        return wait_for_state(stack, child, progress=progress, limit_s=limit_s)
    finally:
        stack.supervisor.reap(child)  # its database holds all that it knows


def wait_for_state(stack: Stack, child: Child, *, progress: Progress, limit_s: float | None) -> str:
    """Return the state in which Airflow says that a run has ended.

    Raises StackError at once where Airflow or the embedded AWS ends by itself.
    """
    deadline = None if limit_s is None else time.monotonic() + limit_s
    while progress.run_state is None:
        stack.check_alive()
        if child.poll() is not None:
            return _last_state(child, progress)
        if deadline and time.monotonic() > deadline:
            raise StackError(f"the DAG run took more than {limit_s:.0f} s; --limit-s gives it longer")
        time.sleep(LOOK_S)
    return progress.run_state


def _last_state(child: Child, progress: Progress) -> str:
    """Return the state that a child that has ended has told; StackError where it told none."""
    child.join_output()
    if progress.run_state:
        return progress.run_state
    code = child.poll()
    if code is not None and code > 0 and progress.reason:
        raise StackError(f"Airflow ended with exit code {code}: {progress.reason}")
    raise StackError(f"Airflow {describe_end(child)}")


def run_dag(stack: Stack, *, conf: Mapping[str, Any], progress: Progress, dag_id: str = DAG_ID) -> None:
    """Run a DAG to its end; raises StackError with the reason where it fails."""
    child = start_run(
        stack.supervisor, environment=stack.environment, conf=conf, progress=progress, dag_id=dag_id
    )
    if wait_for_run(stack, child, progress=progress, limit_s=LIMIT_S) != "success":
        raise StackError(f"the DAG run failed: {progress.reason}")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run has written of itself."""

    key: str
    """Of its folder in the bucket."""
    summary: dict[str, Any]
    path: Path
    """Of the page."""


def fetch_report(stack: Stack, *, folder: Path, but: str | None = None) -> Report | None:
    """Download the summary and HTML report of the only run, besides the one at `but`; None without them."""
    s3 = stack.client("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=REPORTS).get("Contents", [])
    keys = {path.name: path for item in listed if str((path := Path(item["Key"])).parent) != but}
    if set(FILES) - keys.keys():
        return None
    folder.mkdir(exist_ok=True)
    for name in FILES:
        s3.download_file(BUCKET, str(keys[name]), str(folder / name))
    summary = json.loads((folder / "summary.json").read_text())
    return Report(key=str(keys["summary.json"].parent), summary=summary, path=folder / "report.html")


def write_go(path: Path, *, variables: Mapping[str, str], conf: Mapping[str, Any]) -> None:
    """Let a run begin that waits for this file, which is there as a whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"variables": dict(variables), "conf": dict(conf)}))
    partial.replace(path)
