"""The pipeline under single faults, from the command line: what is broken ends as what is not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NONE = {"duplicates": 0, "orphans": 0, "not_fired": 0}
LIMIT_S = 900
"""Far more than it takes, on a machine that has other work."""


@pytest.mark.slow
def test_a_lost_answer_a_refusal_and_a_death_change_nothing(tmp_path: Path) -> None:
    cases = [
        "register/sagemaker:CreateModelPackage/first/lost",
        "register/sagemaker:UpdateModelPackage/first/throttled",
        "register/sagemaker:CreateModelPackage/first/kill-after",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.chaos", "--folder", str(tmp_path), "--case", *cases],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["same"] * 4
    assert [line.split()[-1] for line in lines[:-1]] == ["register/undisturbed", cases[0], cases[2], cases[1]]
    figures = json.loads(lines[-1])
    figures.pop("seconds")
    assert figures == {**NONE, "cases": 3, "same_end_state": 3, "steady": True}


def test_a_case_that_does_not_exist_is_refused_before_anything_is_started() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.chaos",
            "--case",
            "register/no:Such/first/lost",
            "nowhere/at:All/first/lost",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "nowhere/at:All/first/lost" in done.stderr
