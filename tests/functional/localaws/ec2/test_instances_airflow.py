"""Airflow's Amazon provider against instances."""

from pathlib import Path
from typing import Any

from tests.airflow_hook import run_with_airflow

PROGRAM = """
import json, sys
from airflow.providers.amazon.aws.hooks.ec2 import EC2Hook
from airflow.providers.amazon.aws.operators.ec2 import (
    EC2CreateInstanceOperator,
    EC2RebootInstanceOperator,
    EC2StartInstanceOperator,
    EC2StopInstanceOperator,
    EC2TerminateInstanceOperator,
)
from airflow.providers.amazon.aws.sensors.ec2 import EC2InstanceStateSensor

request = json.loads(sys.stdin.read())
image, waits = request.pop("ImageId"), {"poll_interval": 1, "max_attempts": 200}
for name in ("MinCount", "MaxCount"):
    del request[name]
create = EC2CreateInstanceOperator(
    task_id="create", image_id=image, config=request, wait_for_completion=True, **waits
)
(instance_id,) = create.execute({})
hook, states = EC2Hook(api_type="client_type"), []

def look():
    states.append(hook.get_instance_state(instance_id))

look()
EC2StopInstanceOperator(task_id="stop", instance_id=instance_id, check_interval=1).execute({})
look()
EC2StartInstanceOperator(task_id="start", instance_id=instance_id, check_interval=1).execute({})
sensor = EC2InstanceStateSensor(task_id="sense", target_state="running", instance_id=instance_id)
states.append(sensor.poke({}))
common = {"instance_ids": instance_id, "wait_for_completion": True, **waits}
EC2RebootInstanceOperator(task_id="reboot", **common).execute({})
look()
EC2TerminateInstanceOperator(task_id="terminate", **common).execute({})
look()
print(json.dumps(states))
"""


def test_the_operators_lead_an_instance_through_its_life(boxes: Any, tmp_path: Path) -> None:
    request = boxes.request("#!/bin/sh\ntrue\n", InstanceType="m5.large")
    states = run_with_airflow(PROGRAM, given=request, url=boxes.aws.url, folder=tmp_path)
    assert states == ["running", "stopped", True, "running", "terminated"]
