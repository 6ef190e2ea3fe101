"""Nothing of a notebook instance outlives moto's reset, or localaws."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.namespaces import has_namespaces
from tests.sagemaker_jobs import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # a server starts in seconds, or in many where all cores are busy
    pytest.mark.skipif(not has_namespaces(), reason="notebook instances need namespaces"),
]


def is_running(mark: str) -> bool:
    """Tell whether a process of this machine has a word among its variables."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in entry.read_bytes():
                return True
        except OSError:
            continue
    return False


def test_instances_end_with_a_reset_and_with_localaws(
    start_server: Callable[..., Any], notebooks_of: Any
) -> None:
    server, mark = start_server("--speed", "30"), f"mark{uuid.uuid4().hex}"
    script = (
        f"#!/bin/bash\nMARK={mark} nohup sh -c 'trap \"\" TERM; while true; do sleep 7; done' > /dev/null &\n"
    )
    for is_reset in (True, False):
        notebooks = notebooks_of(server)
        name = notebooks.create(LifecycleConfigName=notebooks.configure(on_start=script))
        notebooks.wait(name, "InService")
        assert is_running(mark)
        if is_reset:
            requests.post(f"{server.url}/moto-api/reset", timeout=60).raise_for_status()
        else:
            server.process.terminate()
            assert server.process.wait(timeout=60) == 0
        wait_until(lambda: not is_running(mark), timeout_s=60, describe=server.log.read_text)
