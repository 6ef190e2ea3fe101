"""A localaws process that all functional tests of a run share."""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localaws.faults.client import FaultClient

ROOT = Path(__file__).parents[2]
READY_S = 30.0
STOP_S = 20.0

# A shell starts what is to run in its background with SIGINT ignored; what tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class LocalAws:
    """A running localaws: its address, its process and clients of it."""

    url: str
    process: "subprocess.Popen[str]"
    log: Path

    def client(self, service: str, **config: Any) -> Any:
        """Return a boto3 client with made-up administrator credentials."""
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    def children(self) -> list[dict[str, Any]]:
        """Return the child processes that localaws has now."""
        with urllib.request.urlopen(f"{self.url}/_localaws/health", timeout=10) as answer:
            return list(json.load(answer)["children"])

    def pid_of(self, variable: str) -> int | None:
        """Return the process of the child that has `NAME=value` in its environment, None where there is none.

        A child knows its process by another number, that of its own namespace.
        """
        for child in self.children():
            with contextlib.suppress(OSError):
                environment = Path(f"/proc/{child['pid']}/environ").read_bytes().split(b"\0")
                if variable.encode() in environment:
                    return int(child["pid"])
        return None


def start_localaws(*options: str) -> LocalAws:
    """Start `python -m localaws serve --port 0` and wait for its ready line."""
    with tempfile.NamedTemporaryFile(prefix="localaws-log-", delete=False) as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localaws", "serve", "--port", "0", "--verbose", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("localaws ready http://"), (
        f"no ready line, but {line!r}; {Path(log.name).read_text()}"
    )
    return LocalAws(url=line.split()[-1], process=process, log=Path(log.name))


def stop_localaws(server: LocalAws) -> int:
    """Send SIGTERM, wait, and return the exit code."""
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(timeout=STOP_S)
    assert server.process.stdout is not None
    server.process.stdout.close()
    return code


@pytest.fixture(scope="session")
def localaws() -> Generator[LocalAws, None, None]:
    """Yield the shared localaws; its exit code must be 0."""
    server = start_localaws()
    yield server
    assert stop_localaws(server) == 0, server.log.read_text()[-3000:]
    server.log.unlink()


@pytest.fixture
def fault_rules(localaws: LocalAws) -> Generator[FaultClient, None, None]:
    """Yield the fault rules of the shared localaws, which are forgotten afterwards."""
    client = FaultClient(localaws.url)
    yield client
    client.clear()


@pytest.fixture(scope="session")
def fast_localaws() -> Generator[LocalAws, None, None]:
    """Yield a second localaws, in which a second counts for 30 AWS seconds."""
    server = start_localaws("--speed", "30")
    yield server
    assert stop_localaws(server) == 0, server.log.read_text()[-3000:]
    server.log.unlink()


@pytest.fixture(scope="session")
def start_server() -> Generator[Callable[..., LocalAws], None, None]:
    """Yield a function that starts a localaws with options; what is left running is stopped at the end."""
    servers: list[LocalAws] = []

    def start(*options: str) -> LocalAws:
        servers.append(start_localaws(*options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            assert stop_localaws(server) == 0, server.log.read_text()[-3000:]
        elif server.process.stdout is not None:
            server.process.stdout.close()
        server.log.unlink()
