"""The main job as a newcomer starts it, and what it leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT_S = 1200
"""More than the demo takes on two cores that are busy with other things."""


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
    assert (result["load_failed"], result["update_failed"]) == (0, 0)
    assert result["load_requests"] == 270  # 30 s in which the rate goes from 3 to 15 a second
    assert result["update_requests"] > 0
    assert result["endpoint_instances"][0] == 1
    page = Path(result["report"]).read_text()
    assert "<html" in page
    assert "Instances" in page, "the chart of the load test"
    second = json.loads((tmp_path / "latest" / "second-release" / "summary.json").read_text())
    first = json.loads((tmp_path / "latest" / "summary.json").read_text())
    assert second["endpoint"]["previous_config_name"] == first["endpoint"]["config_name"]
    assert "load test:" in (tmp_path / "latest" / "airflow.log").read_text()
    assert processes_in(tmp_path) == []
