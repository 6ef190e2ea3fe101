"""Resources that a function makes: it is invoked, and its answer ends the stack's creation."""

import json
import time
import uuid
from typing import Any

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
    client, name = localaws.client("cloudformation"), f"custom-{uuid.uuid4().hex[:8]}"
    client.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"])
    ends = time.monotonic() + ANSWER_S
    while client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS":
        assert time.monotonic() < ends, "the function's answer has not come"
        time.sleep(0.2)
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert [output["OutputValue"] for output in stack["Outputs"]] == ["haha"]
    client.delete_stack(StackName=name)


def test_stock_moto_lets_it_answer_to_docker() -> None:
    assert settings.is_docker() or settings.moto_server_host() == "http://host.docker.internal"
