"""Forks that work, fail, are killed and take too long: in a process of their own, which has no threads."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, pathlib, subprocess, sys, time
from benchmarks.chaos.processes import run_forked

folder = pathlib.Path(sys.argv[1])
begun = folder / "begun"

def work():
    print("at work", flush=True)
    {work}

end = run_forked(work, folder=folder, limit_s={limit_s}, must_die={must_die})
print(json.dumps({{"result": end.result, "reason": end.reason}}))
"""
SLEEPS = "child = subprocess.Popen(['sleep', '60']); begun.write_text(str(child.pid)); time.sleep(60)"


def run(folder: Path, work: str, *, limit_s: float = 30.0, must_die: str = "lambda: False") -> Any:
    """Let a new process fork; return what it says of the fork's end."""
    program = PROGRAM.format(work=work, limit_s=limit_s, must_die=must_die)
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_a_fork_returns_what_it_found_and_prints_into_its_log(tmp_path: Path) -> None:
    assert run(tmp_path, "return {'tasks': 3}") == {"result": {"tasks": 3}, "reason": ""}
    assert (tmp_path / "log").read_text() == "at work\n"


@pytest.mark.parametrize("work", ["raise ValueError('broken')", "import os; os._exit(3)"])
def test_a_fork_that_fails_has_no_result(work: str, tmp_path: Path) -> None:
    assert run(tmp_path, work) == {"result": None, "reason": "it ended without an answer"}


@pytest.mark.parametrize(
    ("limit_s", "must_die", "reason"), [(60, "begun.exists", "died"), (1.5, "lambda: False", "late")]
)
def test_a_fork_is_killed_with_what_it_started(
    limit_s: float, must_die: str, reason: str, tmp_path: Path
) -> None:
    assert run(tmp_path, SLEEPS, limit_s=limit_s, must_die=must_die)["reason"] == reason
    begun = Path("/proc") / (tmp_path / "begun").read_text() / "cmdline"
    deadline = time.monotonic() + 10
    while begun.exists() and begun.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not begun.exists() or not begun.read_bytes()
