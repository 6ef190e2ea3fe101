"""The user data of an instance that trains, run by bash with programs that note what they are told."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "training" / "ec2_user_data.sh"
AWS = """#!/bin/bash
case "$*" in
    *code.tar.gz) tar -czf "${@: -1}" -C "$JOB" ec2_job.py ;;
    *) cat > "$SAID" ;;
esac
"""
NEVER_ENDS = """
import os, pathlib, signal, sys, time
def be_terminated(*_):
    pathlib.Path(os.environ["MUSHER_JOB_TOLD"]).touch()
    os._exit(143)
signal.signal(signal.SIGTERM, be_terminated)
time.sleep(60)
"""
HAS_TOLD = """
import os, pathlib, time
pathlib.Path(os.environ["MUSHER_JOB_TOLD"]).write_text("ended.json")
time.sleep(60)
"""


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """What the script tells of the job's end."""
    return tmp_path / "ended.json"


def run(script: str, tmp_path: Path, said: Path) -> str:
    """Run the user data around a job, with a second for it; return what was asked of `shutdown`."""
    programs, job = tmp_path / "bin", tmp_path / "job"
    programs.mkdir()
    job.mkdir()
    (job / "ec2_job.py").write_text(script)
    fakes = {
        "aws": AWS,
        "shutdown": f'#!/bin/bash\necho "$*" >> {tmp_path}/shutdown\n',
        "sha256sum": "#!/bin/bash\ncat > /dev/null\n",
    }
    for name, text in fakes.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (programs / "python3").symlink_to(sys.executable)
    given = {"JOB_NAME": "job", "OUTPUT_URI": "s3://b/o", "CODE_URI": "s3://b/c", "CODE_SHA256": "0"}
    text = SCRIPT.read_text().replace("/opt/musher", str(tmp_path / "work"))
    for name, value in {**given, "LIMIT_S": "-599", "REGION": "us-east-1", "ORDER": "{}"}.items():
        text = text.replace(f"@{name}@", value)
    path = f"{programs}:{os.environ['PATH']}"
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run(
        [bash, "-c", text],
        env={"PATH": path, "JOB": str(job), "SAID": str(said)},
        timeout=60,
        check=False,
        stdout=subprocess.DEVNULL,
    )
    return (tmp_path / "shutdown").read_text()


def test_a_job_that_outlives_its_time_has_a_word_of_its_own(tmp_path: Path, said: Path) -> None:
    """It is told to end as by a shutdown, which leaves the word to EC2; EC2 knows of nothing here."""
    assert run(NEVER_ENDS, tmp_path, said).endswith("-P now\n")
    told = json.loads(said.read_text())
    assert told["status"] == "Failed"
    assert "took more than 1 s in all" in told["reason"]


def test_a_job_that_has_told_its_end_is_not_contradicted(tmp_path: Path, said: Path) -> None:
    assert run(HAS_TOLD, tmp_path, said).endswith("-P now\n")
    assert not said.exists()
