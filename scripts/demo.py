"""Run the main job on the embedded AWS and say how it went: `make demo`.

Prints progress and a summary; the last line of stdout is one JSON object. Exit code 0 only if four trials
finished before, the model is accurate enough, two hosts trained it, and the Lambda answered with a number for
each class.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scripts.local_stack import BUCKET, DAG_ID, ROOT, Stack, StackError, line_writer, local_stack, migrate

RUN_S = 900.0
"""Seconds after which the DAG run is given up."""
MIN_ACCURACY = 0.95
INSTANCES = 2
TRIALS = 4
"""What the DAG's form has by default."""
SAMPLES = 3
"""Test images that the smoke test sends, where there are as many."""
LOG_LINE = re.compile(r"\[?\d{4}-\d\d-\d\d")
TASK_LINE = re.compile(r"\[DAG TEST\] (starting|end)\b.*?\btask_id=(\S+)")


def say(text: str) -> None:
    """Print one line for the person at the terminal."""
    print(text, flush=True)


class Progress:
    """Turn the log of `airflow dags test` into a line for each task."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._started: dict[str, float] = {}
        self.errors: list[str] = []
        self._is_open = False

    @property
    def reason(self) -> str | None:
        """Return the last error, rather one that Airflow was told than one of a job's log."""
        told = [error for error in self.errors if "AirflowFailException:" in error]
        return next(reversed(told or self.errors), None)

    def __call__(self, line: str) -> None:
        """Take one log line."""
        self._write(line)
        if "[error" in line.lower() or "Exception:" in line or "Error:" in line:
            self.errors.append(line)
            self._is_open = True
        elif LOG_LINE.match(line):
            self._is_open = False
        elif self._is_open:
            self.errors[-1] += f" {line.strip()}"  # the message goes on
        if not (match := TASK_LINE.search(line)):
            return
        event, task = match.groups()
        if event == "starting":
            self._started[task] = time.monotonic()
        elif task in self._started:
            say(f"  {task:<40} {time.monotonic() - self._started.pop(task):6.1f} s")


def run_dag(stack: Stack, *, conf: dict[str, Any], progress: Progress) -> None:
    """Run the DAG to its end; raises StackError with the reason where it fails."""
    child = stack.airflow(
        "dags", "test", DAG_ID, "--conf", json.dumps(conf), name="airflow dags test", on_line=progress
    )
    code = child.wait(timeout_s=RUN_S)
    stack.supervisor.stop(child)
    if code is None:
        raise StackError(f"the DAG run took more than {RUN_S:.0f} s")
    if code != 0:
        reason = progress.reason or f"airflow dags test ended with {code}"
        raise StackError(f"the DAG run failed: {reason[:500]}")


def fetch_report(stack: Stack, *, folder: Path) -> tuple[dict[str, Any], Path]:
    """Download the only run's summary and HTML report; return the summary and the report's path."""
    s3 = stack.client("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="musher/reports/").get("Contents", [])
    keys = {Path(item["Key"]).name: item["Key"] for item in listed}
    missing = {"summary.json", "report.html"} - keys.keys()
    if missing:
        raise StackError(f"the run wrote no {' and no '.join(sorted(missing))} under musher/reports/")
    for name in ("summary.json", "report.html"):
        s3.download_file(BUCKET, keys[name], str(folder / name))
    return json.loads((folder / "summary.json").read_text()), folder / "report.html"


def check(summary: dict[str, Any], *, conf: Mapping[str, Any]) -> str | None:
    """Return why the run does not count as good, or None; Params that `conf` sets change what is asked."""
    accuracy, minimum = summary["accuracy"], conf.get("min_accuracy", MIN_ACCURACY)
    if accuracy < minimum:
        return f"test accuracy is {accuracy:.4f}, below {minimum}"
    instances = conf.get("instance_count", INSTANCES)
    if summary["instances"] != instances:
        return f"{summary['instances']} instances trained, not {instances}"
    is_tuned = conf.get("tuning_strategy") != "none"
    finished, wanted = finished_trials(summary), conf.get("tuning_trials", TRIALS) if is_tuned else 0
    if conf.get("tuning_strategy") == "Grid":  # it makes as many as it has points
        wanted = len(summary["tuning"]["trials"])
    if finished < wanted:
        return f"{finished} trials finished, not {wanted}"
    return check_answers(summary)


def check_answers(summary: dict[str, Any]) -> str | None:
    """Return what is wrong with the Lambda's answers, or None."""
    classes = summary["dataset"]["classes"]
    answers = summary["lambda"]["answers"]
    wanted = min(SAMPLES, summary["dataset"]["images"]["test"])
    if len(answers) != wanted:
        return f"the Lambda answered {len(answers)} images, not {wanted}"
    for answer in answers:
        if answer["status"] != 200:
            return f"the Lambda answered {answer['status']} for {answer['image']}"
        if answer["classes"] != classes:
            return f"the Lambda answered {answer['classes']} numbers for {classes} classes"
    return None


def finished_trials(summary: dict[str, Any]) -> int:
    """Return how many trials reported their objective; one that early stopping ended did, too."""
    return sum(trial["objective"] is not None for trial in summary["tuning"]["trials"])


def describe_tuning(tuning: dict[str, Any]) -> str:
    """Return the line about the trials."""
    if not tuning["best"]:
        return "Tuning     none"
    values = ", ".join(f"{name} {value:.4g}" for name, value in tuning["best"]["hyperparameters"].items())
    objective = f"{tuning['objective']} {tuning['best']['objective']:.4f}"
    return f"Tuning     {len(tuning['trials'])} trials, {tuning['strategy']}; best: {values} ({objective})"


def describe(summary: dict[str, Any], *, report: Path) -> str:
    """Return the human summary."""
    dataset = summary["dataset"]
    images = sum(dataset["images"].values())
    lines = [
        "",
        f"Data       {dataset['name']}: {images} images of {dataset['classes']} classes",
        describe_tuning(summary["tuning"]),
        f"Accuracy   {summary['accuracy']:.4f} on the test split, by {summary['instances']} instances",
        "Stage            seconds   billed seconds",
    ]
    for stage, figures in summary["stages"].items():
        billed = figures.get("billed_seconds")
        lines.append(f"  {stage:<14} {figures['seconds']:7.1f}   {'-' if billed is None else billed}")
    lines.append("Lambda     truth -> predicted (probability)")
    lines += [
        f"  {answer['truth']} -> {answer['predicted']} ({answer['probability']:.3f})  {answer['image']}"
        for answer in summary["lambda"]["answers"]
    ]
    lines.append(f"Report     {report}")
    return "\n".join(lines)


def run(conf: dict[str, Any], *, port: int, folder: Path) -> dict[str, Any]:
    """Run the whole demo, with its logs and report in `folder`; return the JSON result."""
    folder.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    started = time.monotonic()
    say("Starting the embedded AWS and applying infra/bootstrap.yaml")
    with (
        local_stack(home=folder / "airflow", port=port, log=folder / "localaws.log") as stack,
        (folder / "airflow.log").open("w") as log,
    ):
        progress = Progress(line_writer(log))
        say(f"Embedded AWS at {stack.url}; migrating Airflow's database")
        migrate(stack, on_line=progress)
        seconds["setup"] = round(time.monotonic() - started, 1)
        say(f"Running the DAG {DAG_ID} (log: {folder / 'airflow.log'})")
        run_dag(stack, conf=conf, progress=progress)
        summary, report = fetch_report(stack, folder=folder)
    say(describe(summary, report=report))
    seconds |= {name: figures["seconds"] for name, figures in summary["stages"].items()}
    seconds["total"] = round(time.monotonic() - started, 1)
    reason = check(summary, conf=conf)
    result = {
        "ok": reason is None,
        "accuracy": summary["accuracy"],
        "instances": summary["instances"],
        "trials": finished_trials(summary),
        "lambda_status": summary["lambda"]["status"],
        "classes": summary["dataset"]["classes"],
        "seconds": seconds,
        "report": str(report),
    }
    return result if reason is None else result | {"reason": reason}


def main() -> int:
    """Parse, run, print the JSON line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--conf", type=json.loads, default={}, help="Params of the run, as JSON")
    parser.add_argument("--port", type=int, default=0, help="port of the embedded AWS (default: a free one)")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "demo", help="where logs and report go")
    arguments = parser.parse_args()
    try:
        result = run(arguments.conf, port=arguments.port, folder=arguments.folder.resolve())
    except StackError as error:
        result = {"ok": False, "reason": str(error)}
    if not result["ok"]:
        print(f"demo failed: {result['reason']}", file=sys.stderr)
    say(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
