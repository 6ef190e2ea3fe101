"""Nothing survives localaws: no environment in the middle of an event, no child of it, no folder."""

import os
import signal
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

STUBBORN = """
import signal, subprocess, time
def handler(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    time.sleep(600)
"""


def marked(mark: str) -> list[str]:
    """Return the processes of this machine that have the variable MARK with this value."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"MARK={mark}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


def wait_for(mark: str, *, count: int) -> None:
    """Wait until so many processes have the mark."""
    deadline = time.monotonic() + 20
    while len(marked(mark)) != count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(marked(mark)) == count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_an_environment_in_the_middle_of_an_event_ends_with_localaws(
    own_functions: Any, number: signal.Signals
) -> None:
    mark = uuid.uuid4().hex
    name = own_functions.create(STUBBORN, Timeout=900, Environment={"Variables": {"MARK": mark}})

    def invoke() -> None:
        with suppress(BotoCoreError, ClientError):
            own_functions.invoke(name)

    caller = threading.Thread(target=invoke)
    caller.start()
    wait_for(mark, count=2)
    process = own_functions.server.process
    os.kill(process.pid, number)
    code = process.wait(timeout=20)
    assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    caller.join(timeout=10)
    if number == signal.SIGTERM:
        assert marked(mark) == []
    wait_for(mark, count=0)


def test_a_retired_environment_leaves_no_process(own_functions: Any) -> None:
    mark = uuid.uuid4().hex
    source = STUBBORN.replace("time.sleep(600)", "return 1")
    name = own_functions.create(source, Environment={"Variables": {"MARK": mark}})
    own_functions.invoke(name)
    assert len(marked(mark)) == 2
    own_functions.lam.delete_function(FunctionName=name)
    wait_for(mark, count=0)
