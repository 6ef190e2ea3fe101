"""Run the main job on the embedded AWS and say how it went: `make demo`.

The digits' model goes live, is loaded for 30 s, in which its endpoint gets more instances, and is then
replaced by a second one while requests arrive. Of other data, or before another kind of endpoint, there is
one run, with the load that the conf asks for.

Prints a line at each task's start and end, and a summary; the last line of stdout is one JSON object. Exit
code 0 only if the trials finished, the model is accurate enough, as many instances as asked for trained it,
the Lambda (or an asynchronous endpoint) answered with a number for each class, the endpoint grew, the second
model serves, no request failed, and the runs have left nothing that is not live. Everything lies in a folder
of its own: logs, reports, Airflow's database.
"""

import argparse
import datetime
import itertools
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localaws.processes import Child, Supervisor
from scripts.dag_runs import LIMIT_S, Report, start_run
from scripts.database import prepare_database
from scripts.leftovers import Counter
from scripts.local_stack import DAG_ID, ROOT, StackError, airflow_environment, line_writer, local_stack
from scripts.only_one import only_one
from scripts.progress import Progress, say
from scripts.releases import GO, Session, release, release_again
from scripts.scratch import scratch_folder
from scripts.second_release import SecondRelease, check_second, describe_second
from scripts.verdict import (
    check,
    check_leftovers,
    check_load,
    count_instances,
    count_lost,
    describe,
    describe_leftovers,
    finished_trials,
    is_digits,
    is_measured,
    wanted_accuracy,
)

LIVE = "live"
LOAD: Mapping[str, Any] = {
    "load_test_s": 30,
    "load_test_profile": "ramp",
    "load_test_rate": 3,
    "load_test_peak_rate": 15,
    "autoscale_target": 15,
}
"""Params of the digits' load. The target is far below what an instance can do, so that a load that two slow
cores answer asks for a second and a third instance."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What is asked of a demo."""

    conf: Mapping[str, Any]
    folder: Path
    scratch: Path
    """Where all that it starts has its temporary files."""
    port: int
    limit_s: float | None
    """Of each run, in seconds; None: as long as its tasks may."""
    min_accuracy: float

    @property
    def is_updated(self) -> bool:
        """Whether a second release follows: of the digits, where the first one stays."""
        return is_measured(self.conf) and self.conf.get("lifetime", LIVE) == LIVE

    @property
    def must_grow(self) -> bool:
        """Whether the load is the demo's own, under which the endpoint gets more instances."""
        return self.conf.items() >= LOAD.items()


def run(demo: Demo) -> dict[str, Any]:
    """Run the whole demo, with its logs and reports in the demo's folder; return the JSON result."""
    started, folder = time.monotonic(), demo.folder
    say(f"Starting the embedded AWS and Airflow; logs and report: {folder}")
    with (folder / "airflow.log").open("w") as log:
        progress = Progress(line_writer(log))
        children: list[Child] = []

        def start_airflow(supervisor: Supervisor) -> None:
            home, go = folder / "airflow", [folder / name for name in GO]
            prepare_database(supervisor, home=home, on_line=progress)
            environment = airflow_environment(home)
            children.append(start_run(supervisor, environment=environment, conf={}, progress=progress, go=go))

        with local_stack(
            home=folder / "airflow",
            port=demo.port,
            log=folder / "localaws.log",
            scratch=demo.scratch,
            meanwhile=start_airflow,
        ) as stack:
            setup_s = time.monotonic() - started
            say(f"{setup_s:7.1f} s  embedded AWS at {stack.url}, infra/bootstrap.yaml applied; DAG {DAG_ID}")
            session = Session(
                stack=stack, airflow=children[0], progress=progress, folder=folder, limit_s=demo.limit_s
            )
            first, failure = release(session, conf=add_ec2(demo.conf, refusal=stack.supervisor.refusal))
            counter = Counter(stack, go=folder / "count")  # gets ready beside the second release
            goes_on = failure is None and demo.is_updated
            second = release_again(session, first, conf=demo.conf) if goes_on else None
            stack.supervisor.reap(children[0])  # its database holds all that it knows
            left = counter.count()
    say(
        "\n".join(
            [
                describe(first.summary),
                *describe_second(second),
                describe_leftovers(left),
                f"Report     {first.path.as_uri()}",
            ]
        )
    )
    seconds = count_seconds(first.summary, setup_s=setup_s, total_s=time.monotonic() - started, second=second)
    result = make_result(demo, failure=failure, report=first, second=second, left=left)
    return result | {"seconds": seconds}


def add_ec2(conf: Mapping[str, Any], *, refusal: str) -> dict[str, Any]:
    """Return the conf of the first run: the digits are trained on an EC2 instance, too, where one can run."""
    wants_ec2 = is_measured(conf) and not refusal
    return {"train_on_ec2": True, **conf} if wants_ec2 else dict(conf)


def make_result(
    demo: Demo, *, failure: str | None, report: Report, second: SecondRelease | None, left: Sequence[str]
) -> dict[str, Any]:
    """Return the JSON result, less its seconds, of a run that failed for this reason, or of a good one."""
    summary = report.summary
    reason = (
        failure
        or check(summary, conf=demo.conf, min_accuracy=demo.min_accuracy)
        or check_load(summary, must_grow=demo.must_grow)
        or (check_second(second) if second else None)
        or check_leftovers(left)
    )
    answered, dataset = summary["lambda"] or {}, summary["dataset"] or {}
    result = {
        "ok": reason is None,
        "accuracy": summary["accuracy"],
        "instances": summary["instances"],
        "trials": finished_trials(summary),
        "lambda_status": answered.get("status"),
        "classes": dataset.get("classes"),
        **count_requests(summary, second),
        "left": len(left),
        "ec2_accuracy": accuracy_on_ec2(summary),
        "report": str(report.path),
    }
    return result if reason is None else result | {"reason": reason}


def accuracy_on_ec2(summary: Mapping[str, Any]) -> float | None:
    """Return the accuracy of the model that an EC2 instance trained; None where none did."""
    trained = summary.get("ec2")
    return trained["rows"][0]["accuracy"] if trained else None


def count_requests(summary: Mapping[str, Any], second: SecondRelease | None) -> dict[str, Any]:
    """Return the JSON result's members on load and update, where there were any."""
    load = summary.get("load")
    loaded = (
        {"load_requests": load["sent"] + load["dropped"], "load_failed": count_lost(load)} if load else {}
    )
    grown = {"endpoint_instances": count_instances(load)} if load else {}
    updated = {"update_requests": second.requests, "update_failed": second.failed} if second else {}
    return loaded | grown | updated


def count_seconds(
    summary: Mapping[str, Any], *, setup_s: float, total_s: float, second: SecondRelease | None
) -> dict[str, float]:
    """Return the seconds of set-up, each stage, the main job (all but load and second release), and all."""
    stages = {name: figures["seconds"] for name, figures in summary["stages"].items()}
    again_s = second.seconds if second else 0.0
    main_s = total_s - again_s - stages.get("load_test", 0.0)
    rest = {"main_job": main_s, "second_release": again_s, "total": total_s}
    return {
        "setup": round(setup_s, 1),
        **stages,
        **{name: round(seconds, 1) for name, seconds in rest.items()},
    }


def make_folder(parent: Path) -> Path:
    """Make this run's folder, named by the time, and let `latest` lead to it."""
    name = time_name = datetime.datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    for number in itertools.count(2):  # of one that was killed within this second
        if not (parent / name).exists():
            break
        name = f"{time_name}-{number}"
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
        help=f"give up after so many seconds (default: {LIMIT_S:.0f} for the digits, else never: "
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
    conf = {**LOAD, **arguments.conf} if is_measured(arguments.conf) else arguments.conf
    try:
        folder = arguments.folder.resolve()
        with only_one(folder, what="demo"), scratch_folder(folder) as scratch:
            demo = Demo(
                conf=conf,
                folder=make_folder(folder),
                scratch=scratch,
                port=arguments.port,
                limit_s=arguments.limit_s or (LIMIT_S if is_digits(conf) else None),
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
