"""The script that installs a job's requirements and becomes the job."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from localaws.children import requirements

PYTEST = version("pytest")


def run_script(
    tmp_path: Path, text: str, *, settings: dict[str, str] | None = None
) -> "CompletedProcess[str]":
    """Run the script as a job's first program, with a job that tells that it ran."""
    (tmp_path / "requirements.txt").write_text(text)
    job = [
        sys.executable,
        "-c",
        "import os, sys; print('job', sys.argv[1:], 'LOCALAWS_PIP_ENVIRONMENT' in os.environ)",
    ]
    names = (str(tmp_path / "requirements.txt"), str(tmp_path / "failure"))
    return subprocess.run(
        [sys.executable, requirements.__file__, *names, *job, "a b", "--c=d"],
        env={"PATH": "/usr/bin", "LOCALAWS_PIP_ENVIRONMENT": json.dumps(settings or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_job_with_all_it_needs_becomes_its_program(tmp_path: Path) -> None:
    done = run_script(tmp_path, f"pytest=={PYTEST}\n")
    assert (done.returncode, done.stdout) == (0, "job ['a b', '--c=d'] False\n")
    assert not (tmp_path / "failure").exists()


@pytest.mark.parametrize("text", ["not a requirement at all\n", "-r missing.txt\n"])
def test_a_job_whose_needs_cannot_be_met_never_runs(tmp_path: Path, text: str) -> None:
    """pip refuses these before it asks any index."""
    done = run_script(tmp_path, text, settings={"PIP_NO_INDEX": "1"})
    assert done.returncode == 1
    assert "job [" not in done.stdout
    failure = (tmp_path / "failure").read_text()
    assert failure.startswith("InstallRequirementsError:\nExitCode ")
    assert f'-m pip install -r {tmp_path}/requirements.txt"' in failure
    said = failure.partition('ErrorMessage "')[2].partition('"\nCommand')[0]
    assert said
    assert said.splitlines()[-1] in done.stdout


def test_pips_settings_reach_pip(tmp_path: Path) -> None:
    done = run_script(tmp_path, "no-such-package-of-localaws\n", settings={"PIP_NO_INDEX": "1"})
    assert done.returncode == 1
    assert "No matching distribution found for no-such-package-of-localaws" in done.stdout


def test_a_job_may_have_no_needs_at_all(tmp_path: Path) -> None:
    """An empty file, or one of comments, is as good as none."""
    for text in ("", "# nothing yet\n\n"):
        done = run_script(tmp_path, text)
        assert (done.returncode, done.stderr) == (0, "")
        assert not (tmp_path / "failure").exists()
