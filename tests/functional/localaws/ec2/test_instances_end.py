"""Nothing of an instance outlives moto's reset, or localaws."""

import subprocess
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.functional.localaws.ec2.conftest import Instances
from tests.namespaces import has_namespaces
from tests.sagemaker_jobs import wait_until

STAYS = """#!/bin/sh
trap '' TERM
setsid sh -c 'trap "" TERM; echo started; while true; do sleep 7; done # {mark}' &
wait
"""


def count(mark: str) -> int:
    """Return how many processes of this machine have a word among theirs."""
    found = subprocess.run(["pgrep", "-f", "-c", mark], capture_output=True, text=True, check=False)
    return int(found.stdout)


@pytest.mark.skipif(not has_namespaces(), reason="instances need namespaces")
def test_instances_end_with_a_reset_and_with_localaws(start_server: Callable[..., Any]) -> None:
    server, mark = start_server("--speed", "30"), f"mark{uuid.uuid4().hex}"
    for is_reset in (True, False):
        boxes = Instances(server)
        instance_id = boxes.run(STAYS.format(mark=mark))
        boxes.wait_for_line(instance_id, "started")
        assert count(mark)
        if is_reset:
            requests.post(f"{server.url}/moto-api/reset", timeout=60).raise_for_status()
        else:
            server.process.terminate()
            assert server.process.wait(timeout=60) == 0
        wait_until(lambda: not count(mark), timeout_s=60, describe=server.log.read_text)
