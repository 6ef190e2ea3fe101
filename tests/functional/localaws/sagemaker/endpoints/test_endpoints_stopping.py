"""Endpoints do not outlive localaws."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).parents[5]
TIMEOUT_S = 20.0


class Server:
    """A localaws of this test's own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "localaws", "serve", "--port", "0", "--data-dir", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]
        self.process.stdout.close()

    def client(self, service: str) -> Any:
        """Return a client."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )


def processes_in(folder: Path) -> list[str]:
    """Return the ids of the processes whose working directory is below `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(folder):
                found.append(entry.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_serving_process_outlives_localaws(number: int, make_endpoint: Any, tmp_path: Path) -> None:
    """Neither after a clean stop, nor after a kill; one endpoint serves, another is still starting."""
    server = Server(tmp_path)
    serving = make_endpoint(server, "ep-stop", variants=[("AllTraffic", 1.0, 2)])
    serving.wait("InService")
    make_endpoint(server, "ep-stop-starting", environment={"START_S": "60"})
    deadline = time.monotonic() + TIMEOUT_S
    while len(processes_in(tmp_path)) < 3:
        assert time.monotonic() < deadline, "the processes did not start"
        time.sleep(0.05)
    server.process.send_signal(number)
    code = server.process.wait(timeout=TIMEOUT_S)
    assert code == (-number if number == signal.SIGKILL else 0)
    deadline = time.monotonic() + TIMEOUT_S
    while left := processes_in(tmp_path):
        assert time.monotonic() < deadline, f"{left} still run"
        time.sleep(0.05)
