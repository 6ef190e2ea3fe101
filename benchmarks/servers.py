"""The servers that benchmarks compare, and clients of them."""

import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[1]
WAIT_S = 60.0
ROLE = "arn:aws:iam::123456789012:role/benchmark"
TRUST = """{"Statement": {
    "Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"
}}"""
BUCKET = "benchmark"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/benchmark:latest"


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def localaws_argv(port: int) -> list[str]:
    """Return the command that starts localaws."""
    return [sys.executable, "-m", "localaws", "serve", "--port", str(port)]


def moto_argv(port: int) -> list[str]:
    """Return the command that starts moto's own server."""
    return [str(Path(sys.executable).with_name("moto_server")), "-p", str(port)]


def client(service: str, *, port: int) -> Any:
    """Return a boto3 client of the localaws on `port`."""
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the embedded AWS takes any key
    )


def make_role(port: int) -> None:
    """Make ROLE, which SageMaker may assume."""
    client("iam", port=port).create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument=TRUST)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running S3."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"

    def memory_mb(self, line: str = "VmRSS") -> float:
        """Return a line of /proc/PID/status in MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{line}:\s+(\d+) kB", text)
        if found is None:
            raise RuntimeError(f"no {line} in {text}")
        return int(found[1]) / 1024

    def forget_peak(self) -> None:
        """Let VmHWM count from now (proc(5), clear_refs)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def running(name: str, argv: Sequence[str], *, port: int) -> Generator[Server, None, None]:
    """Run a server until the end of the block; it answers once it takes connections."""
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            yield Server(name=name, port=port, process=process)
        finally:
            process.terminate()
            process.wait(timeout=WAIT_S)


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a port takes connections; raises RuntimeError after WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port} after {WAIT_S} s")
