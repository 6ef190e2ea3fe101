"""Nothing survives localaws: no environment in the middle of an event, no child of it, no folder."""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

STUBBORN = """
import os, signal, subprocess, time
def handler(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    open(event["pids"], "w").write(f"{os.getpid()} {child.pid} {os.environ['LAMBDA_TASK_ROOT']}")
    time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_an_environment_in_the_middle_of_an_event_ends_with_localaws(
    own_functions: Any, tmp_path: Path, number: signal.Signals
) -> None:
    name, pids = own_functions.create(STUBBORN, Timeout=900), tmp_path / "pids"

    def invoke() -> None:
        with suppress(BotoCoreError, ClientError):
            own_functions.invoke(name, {"pids": str(pids)})

    caller = threading.Thread(target=invoke)
    caller.start()
    deadline = time.monotonic() + 10
    while not (pids.exists() and pids.read_text().count(" ") == 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    function, child, task_root = pids.read_text().split()
    process = own_functions.server.process
    started = time.monotonic()
    os.kill(process.pid, number)
    code = process.wait(timeout=20)
    assert time.monotonic() - started < 5
    assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    caller.join(timeout=10)
    deadline = time.monotonic() + 2
    while (is_alive(int(function)) or is_alive(int(child))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(int(function))
    assert not is_alive(int(child))
    if number == signal.SIGTERM:
        assert not Path(task_root).exists()
