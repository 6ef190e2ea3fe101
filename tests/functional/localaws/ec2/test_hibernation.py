"""An instance that hibernates does nothing, and goes on afterwards where it was."""

import re
import time
from typing import Any

import pytest

from tests.functional.localaws.ec2.conftest import Instances

COUNTS = """#!/usr/bin/env python3
import os, time
for number in range(10_000):
    print("count", os.getpid(), number, flush=True)
    time.sleep(0.05)
"""


@pytest.fixture
def sleeper(boxes: Any) -> str:
    """Return an instance that counts, and is made to hibernate."""
    (image,) = boxes.ec2.describe_images(ImageIds=[boxes.image])["Images"]
    disk = {"DeviceName": image["RootDeviceName"], "Ebs": {"Encrypted": True}}
    instance_id = boxes.run(COUNTS, HibernationOptions={"Configured": True}, BlockDeviceMappings=[disk])
    boxes.wait_for_line(instance_id, "count")
    boxes.ec2.stop_instances(InstanceIds=[instance_id], Hibernate=True)
    boxes.wait(instance_id, "stopped")
    return str(instance_id)


def count(boxes: Instances, instance_id: str) -> list[tuple[str, int]]:
    """Return process and number of each line."""
    found = re.findall(r"count (\d+) (\d+)", boxes.console(instance_id))
    return [(pid, int(number)) for pid, number in found]


def test_nothing_runs_until_it_is_started_and_then_goes_on(boxes: Any, sleeper: str) -> None:
    instance = boxes.describe(sleeper)
    assert instance["HibernationOptions"] == {"Configured": True}
    assert instance["StateReason"]["Code"] == "Client.UserInitiatedHibernate"
    time.sleep(0.3)  # what was on its way to the console
    before = count(boxes, sleeper)
    time.sleep(1.0)
    assert count(boxes, sleeper) == before
    boxes.ec2.start_instances(InstanceIds=[sleeper])
    boxes.wait(sleeper, "running")
    last_pid, last = before[-1]
    boxes.wait_for_line(sleeper, f"count {last_pid} {last + 5}")
    numbers = [number for pid, number in count(boxes, sleeper) if pid == last_pid]
    assert numbers == list(range(len(numbers)))  # it has lost none, and not begun anew
    boxes.end(sleeper)


def test_it_can_be_terminated_and_stopped_for_good(boxes: Any, sleeper: str) -> None:
    boxes.ec2.start_instances(InstanceIds=[sleeper])
    boxes.wait(sleeper, "running")
    boxes.ec2.stop_instances(InstanceIds=[sleeper], Hibernate=True)
    boxes.wait(sleeper, "stopped")
    boxes.end(sleeper)
    assert not any(sleeper in child["name"] for child in boxes.aws.children())
