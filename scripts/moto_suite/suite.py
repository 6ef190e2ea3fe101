"""Run moto's tests of one service against a server, and read what came of each."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TEST_S, SERVICE_S = 60, 900
"""Real seconds that one test, and that all of a service, may take."""
SELECTED = "not network and not requires_docker"
PREPARED = ("sagemaker",)
"""Services whose tests need what `preparation` makes."""
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
SETTINGS = """\
[pytest]
markers =
    network: needs the internet
    requires_docker: needs Docker
    aws_verified: also run on AWS
    requires_clean_slate: needs a server of its own
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one test."""

    status: str
    message: str = ""
    """pytest's, of a failure."""


def run_service(service: str, *, folder: Path, url: str) -> Mapping[str, Outcome]:
    """Return what came of each test of `folder`/tests/test_`service` against the server at `url`.

    A test is named by its file and its name: `test_s3.py::test_put`.
    """
    (folder / "pytest.ini").write_text(SETTINGS)
    report = folder / f"{service}.xml"
    report.unlink(missing_ok=True)
    plugins = ["-p", "preparation"] if service in PREPARED else []
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", "--rootdir", "."]
    command += ["-p", "no:cacheprovider", *plugins, "--timeout", str(TEST_S), "-m", SELECTED]
    command += ["--junitxml", str(report), f"tests/test_{service}"]
    done = subprocess.run(
        command,
        cwd=folder,
        env=make_environment(folder=folder, url=url),
        capture_output=True,
        text=True,
        timeout=SERVICE_S,
        check=False,
    )
    assert report.exists(), f"moto's tests of {service} did not run: {done.stdout}{done.stderr}"
    return read_report(report)


def make_environment(*, folder: Path, url: str) -> dict[str, str]:
    """Return the variables that moto's tests read."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join([str(folder / "helpers"), str(HERE)]),
        "TEST_SERVER_MODE": "true",
        "TEST_SERVER_MODE_ENDPOINT": url,
        "AWS_ACCESS_KEY_ID": "server_key",
        "AWS_SECRET_ACCESS_KEY": "server_secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def read_report(path: Path) -> dict[str, Outcome]:
    """Return what a report of pytest in JUnit's form says of each test."""
    return {name_of(case): outcome_of(case) for case in ElementTree.parse(path).iter("testcase")}  # noqa: S314 - ours


def name_of(case: ElementTree.Element) -> str:
    """Return the name of a test: its file, its class where it has one, and its own."""
    modules, _, classes = case.get("classname", "").partition(".Test")
    own = [f"Test{classes}"] if classes else []
    return "::".join([f"{modules.rsplit('.', 1)[-1]}.py", *own, case.get("name", "")])


def outcome_of(case: ElementTree.Element) -> Outcome:
    """Return what came of a test; an error of its fixtures is a failure."""
    for child in case:
        if child.tag in ("failure", "error"):
            return Outcome(status=FAILED, message=f"{child.get('message', '')}\n{child.text or ''}")
        if child.tag == "skipped":
            return Outcome(status=SKIPPED)
    return Outcome(status=PASSED)
