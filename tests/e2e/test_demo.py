"""The main job as a newcomer starts it, and what it leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.demo import Progress, check

ROOT = Path(__file__).parents[2]
LIMIT_S = 300
"""What the demo may take on two cores after set-up."""


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of processes that were told of `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in told:
                found.append((entry / "cmdline").read_bytes().decode())
    return found


@pytest.mark.timeout(LIMIT_S + 60)
def test_the_demo_trains_deploys_predicts_and_leaves_nothing_running(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.demo", "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr + done.stdout[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["ok"] is True
    assert result["accuracy"] >= 0.95
    assert result["trials"] == 4
    assert (result["instances"], result["lambda_status"], result["classes"]) == (2, 200, 10)
    assert result["seconds"]["total"] < LIMIT_S
    assert "<html" in Path(result["report"]).read_text()
    assert processes_in(tmp_path) == []


def test_a_run_that_is_not_good_enough_has_a_reason() -> None:
    answer = {"status": 200, "classes": 10, "image": "a.png"}
    finished = {"status": "Completed", "objective": 0.4}
    good = {
        "accuracy": 0.97,
        "instances": 2,
        "dataset": {"classes": 10, "images": {"test": 278}},
        "tuning": {"trials": [finished] * 4},
        "lambda": {"status": 200, "answers": [answer, answer, answer]},
    }
    assert check(good, conf={}) is None
    stopped = {"status": "Stopped", "objective": 0.9}
    assert check(good | {"tuning": {"trials": [finished] * 3 + [stopped]}}, conf={}) is None
    assert check(good | {"tuning": {"trials": [finished] * 3}}, conf={"tuning_strategy": "Grid"}) is None
    few = {
        "dataset": {"classes": 10, "images": {"test": 2}},
        "lambda": {"status": 200, "answers": [answer] * 2},
    }
    assert check(good | few, conf={}) is None
    assert check(good | {"accuracy": 0.9}, conf={}) == "test accuracy is 0.9000, below 0.95"
    assert check(good | {"instances": 1}, conf={}) == "1 instances trained, not 2"
    for trials in ([finished] * 3, [finished] * 3 + [{"status": "Failed", "objective": None}]):
        assert check(good | {"tuning": {"trials": trials}}, conf={}) == "3 trials finished, not 4"
    for wrong, reason in (
        ({"status": 502}, "the Lambda answered 502 for a.png"),
        ({"classes": 9}, "the Lambda answered 9 numbers for 10 classes"),
    ):
        answers = [answer, answer, answer | wrong]
        assert check(good | {"lambda": {"status": 200, "answers": answers}}, conf={}) == reason
    assert (
        check(good | {"lambda": {"status": 200, "answers": []}}, conf={})
        == "the Lambda answered 0 images, not 3"
    )


def test_params_of_the_run_change_what_is_asked() -> None:
    answer = {"status": 200, "classes": 3, "image": "a.png"}
    summary = {
        "accuracy": 0.5,
        "instances": 1,
        "dataset": {"classes": 3, "images": {"test": 6}},
        "tuning": {"trials": []},
        "lambda": {"status": 200, "answers": [answer] * 3},
    }
    conf = {"min_accuracy": 0.4, "instance_count": 1, "tuning_strategy": "none"}
    assert check(summary, conf=conf) is None
    assert check(summary, conf=conf | {"min_accuracy": 0.6}) == "test accuracy is 0.5000, below 0.6"
    assert check(summary, conf={"min_accuracy": 0.4, "instance_count": 1, "tuning_trials": 2}) == (
        "0 trials finished, not 2"
    )


def test_the_reason_is_what_airflow_was_told_to_its_end() -> None:
    progress = Progress(lambda line: None)
    for line in (
        "[2026-01-01T00:00:00] {task.py:1} ERROR - Task failed",
        "airflow.sdk.exceptions.AirflowFailException: 2 things are wrong:",
        "the first, and the second",
        "[2026-01-01T00:00:01] {task.py:1} INFO - [algo-1] error: ValueError: from a job's log",
    ):
        progress(line)
    assert progress.reason == (
        "airflow.sdk.exceptions.AirflowFailException: 2 things are wrong: the first, and the second"
    )
    assert Progress(lambda line: None).reason is None
