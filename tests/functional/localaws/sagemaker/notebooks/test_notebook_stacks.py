"""Notebook instances in stacks of CloudFormation."""

import base64
import json
import uuid
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # a server starts in seconds, or in many where all cores are busy


def template(name: str, role: str, *, volume_gb: int) -> str:
    """Return a template of an instance whose script fails, so that it is off at once."""
    script = base64.b64encode(b"#!/bin/sh\nexit 1\n").decode()
    config = {
        "Type": "AWS::SageMaker::NotebookInstanceLifecycleConfig",
        "Properties": {
            "NotebookInstanceLifecycleConfigName": name,
            "OnStart": [{"Content": script}],
        },
    }
    instance = {
        "Type": "AWS::SageMaker::NotebookInstance",
        "Properties": {
            "NotebookInstanceName": name,
            "InstanceType": "ml.t3.medium",
            "RoleArn": role,
            "VolumeSizeInGB": volume_gb,
            "LifecycleConfigName": {"Fn::GetAtt": ["Config", "NotebookInstanceLifecycleConfigName"]},
        },
    }
    return json.dumps({"Resources": {"Config": config, "Instance": instance}})


@pytest.mark.slow
def test_a_stack_creates_updates_and_deletes_an_instance(notebooks: Any) -> None:
    stacks, name = notebooks.aws.client("cloudformation"), f"stack-{uuid.uuid4().hex[:8]}"
    body = template(name, notebooks.role, volume_gb=6)
    stacks.create_stack(StackName=name, TemplateBody=body)
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    found = notebooks.wait(name, "Failed")
    assert found["VolumeSizeInGB"] == 6
    assert found["NotebookInstanceLifecycleConfigName"] == name
    stacks.update_stack(StackName=name, TemplateBody=template(name, notebooks.role, volume_gb=8))
    stacks.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert notebooks.wait(name, "Stopped")["VolumeSizeInGB"] == 8
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert name not in notebooks.names()
