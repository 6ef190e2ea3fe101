"""Resources that a function makes: it is invoked, and its answer ends the stack's creation."""

import json
import time
import uuid
from typing import Any

import pytest
import requests
from moto import settings

ANSWER_S = 60.0
"""Real seconds until the function has answered, on a busy machine."""
CODE = """import cfnresponse

def handler(event, context):
    data = {"Said": event["ResourceProperties"]["Word"] * 2}
    cfnresponse.send(event, context, cfnresponse.SUCCESS, data)
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"ZipFile": CODE},
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Runtime": "python3.11",
            },
        },
        "Custom": {
            "Type": "Custom::Word",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Word": "ha"},
        },
    },
    "Outputs": {"Said": {"Value": {"Fn::GetAtt": ["Custom", "Said"]}}},
}


def test_the_answer_of_a_custom_resource_s_function_arrives(localaws: Any) -> None:
    """Its function is made by the same stack, and asked only once it can be."""
    client, name = localaws.client("cloudformation"), f"custom-{uuid.uuid4().hex[:8]}"
    template = json.dumps(TEMPLATE)
    client.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"])
    ends = time.monotonic() + ANSWER_S
    while client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS":
        assert time.monotonic() < ends, "the function's answer has not come"
        time.sleep(0.2)
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert [output["OutputValue"] for output in stack["Outputs"]] == ["haha"]
    client.delete_stack(StackName=name)


def test_a_function_that_fails_takes_the_stack_back_with_its_reason(localaws: Any) -> None:
    """moto heeds no such answer, and the stack is being made for ever."""
    client, name = localaws.client("cloudformation"), f"custom-{uuid.uuid4().hex[:8]}"
    body = (
        json.dumps(TEMPLATE)
        .replace("cfnresponse.SUCCESS", "cfnresponse.FAILED")
        .replace(", data)", ", {}, reason='no')")
    )
    client.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    ends = time.monotonic() + ANSWER_S
    while client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] != "ROLLBACK_COMPLETE":
        assert time.monotonic() < ends, "the function's answer has not come"
        time.sleep(0.2)
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    (failed,) = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert failed["LogicalResourceId"] == "Custom"
    assert failed["ResourceStatusReason"].startswith(
        "Received response status [FAILED] from custom resource."
    )
    client.delete_stack(StackName=name)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\xff", 400),
        (b"{}", 404),
        (b'{"Status": "SUCCESS", "StackId": "none", "LogicalResourceId": "Custom"}', 404),
        (b'{"Status": "SUCCESS", "StackId": 5, "LogicalResourceId": ["Custom"]}', 404),
    ],
)
def test_an_answer_that_nobody_waits_for_is_refused(localaws: Any, body: bytes, status: int) -> None:
    """It was a failure of localaws, or success."""
    address = f"{localaws.url}/cloudformation_us-east-1/cfnresponse?stack=none"
    answer = requests.put(address, data=body, timeout=60)
    assert answer.status_code == status, answer.text


def test_stock_moto_lets_it_answer_to_docker() -> None:
    assert settings.is_docker() or settings.moto_server_host() == "http://host.docker.internal"
