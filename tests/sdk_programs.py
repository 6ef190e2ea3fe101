"""Programs that use SageMaker's SDK as others would: each a process, with an environment of its own."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "functional" / "localaws" / "clients" / "programs"


def sdk_variables(url: str, folder: Path) -> dict[str, str]:
    """Return the environment of a user of the SDK, who sends no usage data."""
    defaults = folder / "config.yaml"
    defaults.write_text(
        "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(defaults),
    }


def run_program(
    python: str, program: str, *arguments: str, folder: Path, variables: Mapping[str, str], limit_s: float
) -> dict[str, Any]:
    """Run one of PROGRAMS in a folder; return what it answers, as JSON behind `ANSWER`."""
    done = subprocess.run(
        [python, str(PROGRAMS / program), *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return dict(json.loads(done.stdout.rpartition("ANSWER ")[2]))
