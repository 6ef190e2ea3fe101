"""Run the main job on the embedded AWS and say how it went: `make demo`.

Prints a line at each task's start and end, and a summary; the last line of stdout is one JSON object. Exit
code 0 only if the trials finished, the model is accurate enough, as many instances as asked for trained it,
and the Lambda answered with a number for each class. Everything lies in a folder of its own: logs, report,
Airflow's database.
"""

import argparse
import datetime
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localaws.processes import Child, Supervisor
from scripts.database import prepare_database
from scripts.local_stack import (
    BUCKET,
    DAG_ID,
    PYTHON,
    ROOT,
    Stack,
    StackError,
    airflow_environment,
    aws_variables,
    describe_end,
    line_writer,
    local_stack,
)
from scripts.only_one import only_one
from scripts.progress import Progress, say
from scripts.verdict import DIGITS, check, describe, describe_failures, finished_trials, wanted_accuracy

DIGITS_LIMIT_S = 900.0
"""Seconds after which a run on the digits is given up; other data take as long as their tasks may."""

LOOK_S = 0.1
REPORTS = "musher/reports/"
FILES = ("report.html", "summary.json")


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What is asked of a demo."""

    conf: Mapping[str, Any]
    folder: Path
    port: int
    limit_s: float | None
    min_accuracy: float


def start_run(
    supervisor: Supervisor,
    *,
    environment: dict[str, str],
    conf: Mapping[str, Any],
    progress: Progress,
    dag_id: str = DAG_ID,
    go: Path | None = None,
) -> Child:
    """Start `airflow dags test`; with `go` it begins when that file appears."""
    argv = [str(PYTHON), "-m", "scripts.run_dag", dag_id, "--conf", json.dumps(conf)]
    argv += ["--go", str(go)] if go else []
    return supervisor.start(name="Airflow", argv=argv, env=environment, cwd=ROOT, on_line=progress)


def wait_for_run(stack: Stack, child: Child, *, progress: Progress, limit_s: float | None) -> str:
    """Return the state in which Airflow says that the run has ended, without waiting for Airflow's own end.

    Raises StackError at once where Airflow or the embedded AWS ends by itself.
    """
    deadline = None if limit_s is None else time.monotonic() + limit_s
    try:
        while progress.run_state is None:
            stack.check_alive()
            if child.poll() is not None:
                return _last_state(child, progress)
            if deadline and time.monotonic() > deadline:
                raise StackError(f"the DAG run took more than {limit_s:.0f} s; --limit-s gives it longer")
            time.sleep(LOOK_S)
    finally:
        stack.supervisor.reap(child)  # its database holds all that it knows
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
    if wait_for_run(stack, child, progress=progress, limit_s=DIGITS_LIMIT_S) != "success":
        raise StackError(f"the DAG run failed: {progress.reason}")


def fetch_report(stack: Stack, *, folder: Path) -> tuple[dict[str, Any], Path] | None:
    """Download the only run's summary and HTML report; return the summary and the report's path, or None."""
    s3 = stack.client("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=REPORTS).get("Contents", [])
    keys = {Path(item["Key"]).name: item["Key"] for item in listed}
    if set(FILES) - keys.keys():
        return None
    for name in FILES:
        s3.download_file(BUCKET, keys[name], str(folder / name))
    return json.loads((folder / "summary.json").read_text()), folder / "report.html"


def run(demo: Demo) -> dict[str, Any]:
    """Run the whole demo, with its logs and report in the demo's folder; return the JSON result."""
    started = time.monotonic()
    folder, go = demo.folder, demo.folder / "go.json"
    say(f"Starting the embedded AWS and Airflow; logs and report: {folder}")
    with (folder / "airflow.log").open("w") as log:
        progress = Progress(line_writer(log))
        children: list[Child] = []

        def start_airflow(supervisor: Supervisor) -> None:
            home = folder / "airflow"
            prepare_database(supervisor, home=home, on_line=progress)
            environment = airflow_environment(home)
            children.append(
                start_run(supervisor, environment=environment, conf=demo.conf, progress=progress, go=go)
            )

        with local_stack(
            home=folder / "airflow", port=demo.port, log=folder / "localaws.log", meanwhile=start_airflow
        ) as stack:
            setup_s = time.monotonic() - started
            say(f"{setup_s:7.1f} s  embedded AWS at {stack.url}, infra/bootstrap.yaml applied; DAG {DAG_ID}")
            write_whole(go, json.dumps(aws_variables(stack.url)))
            state = wait_for_run(stack, children[0], progress=progress, limit_s=demo.limit_s)
            found = fetch_report(stack, folder=folder)
    if found is None:
        raise StackError(f"the run ended as {state} and wrote no report: {progress.reason}")
    summary, report = found
    say(f"{describe(summary)}\nReport     {report.as_uri()}")
    failure = None
    if state != "success":
        failure = describe_failures(summary.get("failures") or {}, logged=progress.reason)
    return make_result(demo, failure=failure, summary=summary, report=report) | {
        "seconds": count_seconds(summary, setup_s=setup_s, total_s=time.monotonic() - started)
    }


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def make_result(
    demo: Demo, *, failure: str | None, summary: Mapping[str, Any], report: Path
) -> dict[str, Any]:
    """Return the JSON result, less its seconds, of a run that failed for this reason, or of a good one."""
    reason = failure or check(summary, conf=demo.conf, min_accuracy=demo.min_accuracy)
    answered, dataset = summary["lambda"] or {}, summary["dataset"] or {}
    result = {
        "ok": reason is None,
        "accuracy": summary["accuracy"],
        "instances": summary["instances"],
        "trials": finished_trials(summary),
        "lambda_status": answered.get("status"),
        "classes": dataset.get("classes"),
        "report": str(report),
    }
    return result if reason is None else result | {"reason": reason}


def count_seconds(summary: Mapping[str, Any], *, setup_s: float, total_s: float) -> dict[str, float]:
    """Return the seconds of the set-up, of each stage, and of everything."""
    stages = {name: figures["seconds"] for name, figures in summary["stages"].items()}
    return {"setup": round(setup_s, 1), **stages, "total": round(total_s, 1)}


def make_folder(parent: Path) -> Path:
    """Make this run's folder, named by the time, and let `latest` lead to it."""
    name = datetime.datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    folder, latest, new = parent / name, parent / "latest", parent / ".latest"
    folder.mkdir()
    new.unlink(missing_ok=True)
    new.symlink_to(name)
    new.replace(latest)
    return folder


def read_conf(text: str) -> dict[str, Any]:
    """Return the Params of the run, a JSON object."""
    try:
        conf = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(conf, dict):
        raise argparse.ArgumentTypeError(f'{text!r} is no JSON object such as {{"epochs": 5}}')
    return conf


def read_seconds(text: str) -> float:
    """Return a time limit."""
    return read_number(text, is_fine=lambda number: number > 0, wanted="seconds above 0")


def read_share(text: str) -> float:
    """Return an accuracy."""
    return read_number(text, is_fine=lambda number: 0 <= number <= 1, wanted="a share from 0 to 1")


def read_number(text: str, *, is_fine: Callable[[float], bool], wanted: str) -> float:
    """Return a number; the error names what is wanted."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not is_fine(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return number


def read_arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--conf", type=read_conf, default={}, help="Params of the run, as JSON")
    parser.add_argument("--port", type=int, default=0, help="port of the embedded AWS (default: a free one)")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "var" / "demo", help="where each run has its folder"
    )
    parser.add_argument(
        "--limit-s",
        type=read_seconds,
        help=f"give up after so many seconds (default: {DIGITS_LIMIT_S:.0f} for the digits, else never: "
        "each task has its own limit)",
    )
    parser.add_argument(
        "--min-accuracy",
        type=read_share,
        help="test accuracy to ask for (default: the conf's min_accuracy, else 0.95 for the digits)",
    )
    return parser.parse_args()


def main() -> int:
    """Parse, run, print the JSON line; returns the exit code."""
    arguments = read_arguments()
    conf = arguments.conf
    is_digits = conf.get("source", DIGITS) == DIGITS
    try:
        with only_one(arguments.folder.resolve(), what="demo"):
            demo = Demo(
                conf=conf,
                folder=make_folder(arguments.folder.resolve()),
                port=arguments.port,
                limit_s=arguments.limit_s or (DIGITS_LIMIT_S if is_digits else None),
                min_accuracy=(
                    wanted_accuracy(conf) if arguments.min_accuracy is None else arguments.min_accuracy
                ),
            )
            result = run(demo)
    except StackError as error:
        result = {"ok": False, "reason": str(error)}
    except KeyboardInterrupt:
        result = {"ok": False, "reason": "stopped by Ctrl-C; all its processes have ended"}
    if not result["ok"]:
        print(f"demo failed: {result['reason']}", file=sys.stderr)
    say(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
