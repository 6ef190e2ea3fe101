"""Run programs with Airflow's Amazon provider, each in a process of its own: Airflow keeps state."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_with_airflow(program: str, *, given: Any, url: str, folder: Path) -> Any:
    """Run a program that reads JSON from its input; return what its last line of output holds."""
    connection = {
        "conn_type": "aws",
        "login": "test",
        "password": "test",
        "extra": {"endpoint_url": url, "region_name": "us-east-1"},
    }
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(given),
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
