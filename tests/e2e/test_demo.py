"""The main job as a newcomer starts it, and what it leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
