"""Images by their parameters, launch templates and stacks lead to instances that run."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sagemaker_jobs import wait_until

DEEP_LEARNING = (
    "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.7-ubuntu-22.04/latest/ami-id"
)


def test_a_deep_learning_image_is_found_by_its_parameter(boxes: Any) -> None:
    image_id = boxes.aws.client("ssm").get_parameter(Name=DEEP_LEARNING)["Parameter"]["Value"]
    image = boxes.ec2.describe_images(ImageIds=[image_id])["Images"][0]
    assert (image["Architecture"], image["State"], image["Public"]) == ("x86_64", "available", True)
    instance_id = boxes.run(ImageId=image_id, DisableApiTermination=True)
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        boxes.ec2.terminate_instances(InstanceIds=[instance_id])
    boxes.ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": False})
    boxes.end(instance_id)


def test_a_launch_template_gives_user_data_profile_and_behavior(boxes: Any) -> None:
    script = f"#!/bin/sh\necho by template | {boxes.put('template')}\nshutdown -h now\n"
    data = {
        "ImageId": boxes.image,
        "InstanceType": "m5.large",
        "IamInstanceProfile": {"Name": boxes.name},
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {"HttpTokens": "required"},
        "UserData": encode(script),
    }
    boxes.ec2.create_launch_template(LaunchTemplateName=boxes.name, LaunchTemplateData=data)
    answer = boxes.ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": boxes.name}, MinCount=1, MaxCount=1
    )
    instance_id = answer["Instances"][0]["InstanceId"]
    assert boxes.describe(instance_id)["MetadataOptions"]["HttpTokens"] == "required"
    boxes.wait(instance_id, "terminated")
    assert boxes.read("template").strip() == "by template"


def encode(text: str) -> str:
    """Return a text in base64, as launch templates take it."""
    return base64.b64encode(text.encode()).decode()


def test_a_stack_makes_an_instance_that_runs_and_ends_with_it(boxes: Any) -> None:
    script = f"#!/bin/sh\necho by stack | {boxes.put('stack')}\n"
    instance = {
        "ImageId": boxes.image,
        "InstanceType": "m5.large",
        "IamInstanceProfile": boxes.name,
        "UserData": {"Fn::Base64": script},
    }
    template = {"Resources": {"Box": {"Type": "AWS::EC2::Instance", "Properties": instance}}}
    stacks = boxes.aws.client("cloudformation")
    stacks.create_stack(StackName=boxes.name, TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName=boxes.name)
    resource = stacks.describe_stack_resource(StackName=boxes.name, LogicalResourceId="Box")
    instance_id = resource["StackResourceDetail"]["PhysicalResourceId"]
    boxes.wait_for_line(instance_id, "Cloud-init finished.")
    assert boxes.read("stack").strip() == "by stack"
    stacks.delete_stack(StackName=boxes.name)
    boxes.wait(instance_id, "terminated")
    wait_until(
        lambda: not [child for child in boxes.aws.children() if instance_id in child["name"]],
        timeout_s=60,
        describe=boxes.aws.children,
    )


def test_a_group_makes_instances_that_run_and_end_with_it(boxes: Any) -> None:
    groups, name = boxes.aws.client("autoscaling"), f"group-{boxes.name}"
    script = f"#!/bin/sh\necho by group | {boxes.put('group')}\n"
    data = {
        "ImageId": boxes.image,
        "InstanceType": "m5.large",
        "IamInstanceProfile": {"Name": boxes.name},
        "UserData": encode(script),
    }
    boxes.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    groups.create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"},
        MinSize=0,
        MaxSize=1,
        DesiredCapacity=1,
        AvailabilityZones=["us-east-1a"],
    )
    group = groups.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    instance_id = group["Instances"][0]["InstanceId"]
    boxes.wait_for_line(instance_id, "Cloud-init finished.")
    assert boxes.read("group").strip() == "by group"
    groups.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    boxes.wait(instance_id, "terminated")
