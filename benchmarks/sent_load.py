"""Send a load by `python -m musher.traffic`, in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT
from scripts.traffic import SENDING, argv_of, environment

STOP_S = 30.0
START_S = 60.0
FAILED = "WARNING:musher.traffic.exchanges:"
"""What its lines on the answers of failed requests begin with."""


@contextlib.contextmanager
def sending(
    *load: str, endpoint: str, port: int, folder: Path, is_stopped: bool = False
) -> Generator[dict[str, Any], None, None]:
    """Send a load; the block begins once it is being sent, and its end fills the result in.

    `is_stopped`: the end of the block ends the load by SIGTERM; else it is waited for. `failures` of the
    result are the words of the answers that were none.
    """
    body, output, log = (folder / name for name in ("body.json", "load.json", "load.log"))
    body.write_text("[1]")
    result: dict[str, Any] = {}
    argv = argv_of(load, endpoint=endpoint, body=body, content_type="application/json", output=output)
    variables = {**os.environ, **environment(f"http://127.0.0.1:{port}")}
    with (
        log.open("wb") as sink,
        subprocess.Popen(argv, env=variables, cwd=ROOT, stderr=sink) as process,
    ):
        try:
            wait_until_sending(process, log)
            yield result
            if is_stopped:
                process.send_signal(signal.SIGTERM)
            if process.wait(None if not is_stopped else STOP_S):
                raise RuntimeError(f"the load generator ended with {process.returncode}")
        finally:
            process.kill()
    result.update(json.loads(output.read_text()), failures=read_failures(log.read_text()))


def read_failures(log: str) -> list[str]:
    """Return what the generator has logged of answers that were failures, each that differs once."""
    return [line.removeprefix(FAILED) for line in log.splitlines() if line.startswith(FAILED)]


def wait_until_sending(process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the generator has begun; raises RuntimeError where it does not."""
    deadline = time.monotonic() + START_S
    while SENDING not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the load generator did not begin: {log.read_text()[-500:]}")
        time.sleep(0.02)
