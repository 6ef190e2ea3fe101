"""What a request for a stack must say, and may hold."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.sagemaker_role import TRUST

TRUSTING = {"AssumeRolePolicyDocument": json.loads(TRUST)}
ROLE = json.dumps({"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": TRUSTING}}})
QUEUE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
REFUSED = {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointConfigName": "no-such-config"}}
FAILING = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}, "E": {**REFUSED, "DependsOn": "Q"}}})


@pytest.fixture(scope="module")
def client(localaws: Any) -> Any:
    """Return a client of CloudFormation."""
    return localaws.client("cloudformation")


@pytest.fixture
def name() -> str:
    """Return a stack's name."""
    return f"asked-{uuid.uuid4().hex[:8]}"


def error_of(caught: pytest.ExceptionInfo[ClientError]) -> tuple[int, str, str]:
    """Return status, code and message of an error."""
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def status_of(client: Any, stack: str) -> str:
    """Return a stack's status."""
    return str(client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def test_roles_of_a_stack_are_to_be_acknowledged_each_time(client: Any, name: str) -> None:
    expected = (400, "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
    with pytest.raises(ClientError) as caught:
        client.create_stack(StackName=name, TemplateBody=ROLE)
    assert error_of(caught) == expected
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_stacks(StackName=name)
    client.create_stack(StackName=name, TemplateBody=ROLE, Capabilities=["CAPABILITY_IAM"])
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["Capabilities"] == ["CAPABILITY_IAM"]
    for change in ({"TemplateBody": ROLE.replace("sagemaker", "lambda")}, {"UsePreviousTemplate": True}):
        with pytest.raises(ClientError) as caught:
            client.update_stack(StackName=name, **change)
        assert error_of(caught) == expected


def test_roles_of_a_change_set_are_to_be_acknowledged(client: Any, name: str) -> None:
    wanted = {"StackName": name, "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": ROLE}
    with pytest.raises(ClientError) as caught:
        client.create_change_set(**wanted)
    assert error_of(caught)[1:] == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_IAM]",
    )
    made = client.create_change_set(**wanted, Capabilities=["CAPABILITY_NAMED_IAM"])["Id"]
    assert client.describe_change_set(ChangeSetName=made)["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    client.execute_change_set(ChangeSetName=made)
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert (stack["StackStatus"], stack["Capabilities"]) == ("CREATE_COMPLETE", ["CAPABILITY_NAMED_IAM"])


@pytest.mark.parametrize("action", ["validate_template", "get_template_summary"])
def test_a_template_s_needs_are_told(client: Any, action: str) -> None:
    told = getattr(client, action)(TemplateBody=ROLE)
    assert told["Capabilities"] == ["CAPABILITY_IAM"]
    assert told["CapabilitiesReason"] == "The following resource(s) require capabilities: [AWS::IAM::Role]"
    assert not getattr(client, action)(TemplateBody=QUEUE).get("Capabilities")


def test_a_template_in_a_request_has_at_most_51200_bytes(client: Any, name: str) -> None:
    rule = (
        "at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200"
    )
    for body in (QUEUE + " " * 51_200, QUEUE[:-1] + ', "Description": "' + "é" * 25_600 + '"}'):
        with pytest.raises(ClientError) as caught:
            client.create_stack(StackName=name, TemplateBody=body)
        assert error_of(caught)[:2] == (400, "ValidationError")
        assert error_of(caught)[2].startswith("1 validation error detected: Value '{")
        assert error_of(caught)[2].endswith(rule)
    client.create_stack(StackName=name, TemplateBody=QUEUE.ljust(51_200))
    assert status_of(client, name) == "CREATE_COMPLETE"


def test_a_template_in_s3_has_at_most_a_million_bytes(localaws: Any, client: Any, name: str) -> None:
    s3 = localaws.client("s3")
    s3.create_bucket(Bucket=name)
    for key, size in (("fits", 1_000_000), ("large", 1_000_001)):
        s3.put_object(Bucket=name, Key=key, Body=QUEUE.ljust(size).encode())
    url = f"https://{name}.s3.amazonaws.com/"
    with pytest.raises(ClientError) as caught:
        client.create_stack(StackName=name, TemplateURL=f"{url}large")
    assert error_of(caught) == (400, "ValidationError", "Template may not exceed 1000000 bytes in size.")
    client.create_stack(StackName=name, TemplateURL=f"{url}fits")
    assert status_of(client, name) == "CREATE_COMPLETE"


def test_a_stack_has_resources(client: Any, name: str) -> None:
    with pytest.raises(ClientError, match="At least one Resources member must be defined"):
        client.create_stack(StackName=name, TemplateBody='{"Resources": {}}')


@pytest.mark.parametrize(
    ("wish", "status"),
    [("DO_NOTHING", "CREATE_FAILED"), ("ROLLBACK", "ROLLBACK_COMPLETE"), ("DELETE", "DELETE_COMPLETE")],
)
def test_a_change_set_says_what_becomes_of_a_failure(client: Any, name: str, wish: str, status: str) -> None:
    made = client.create_change_set(
        StackName=name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=FAILING, OnStackFailure=wish
    )
    assert client.describe_change_set(ChangeSetName=made["Id"])["OnStackFailure"] == wish
    with pytest.raises(ClientError, match="either DisableRollback or OnStackFailure, but not both"):
        client.execute_change_set(ChangeSetName=made["Id"], DisableRollback=True)
    client.execute_change_set(ChangeSetName=made["Id"])
    assert status_of(client, made["StackId"]) == status


def test_an_update_deletes_no_stack(client: Any, name: str) -> None:
    client.create_stack(StackName=name, TemplateBody=QUEUE)
    with pytest.raises(ClientError, match="only valid for a change set of type CREATE"):
        client.create_change_set(
            StackName=name,
            ChangeSetName="c",
            ChangeSetType="UPDATE",
            TemplateBody=FAILING,
            OnStackFailure="DELETE",
        )


@mock_aws
def test_stock_moto_asks_for_nothing() -> None:
    stock = boto3.client("cloudformation", region_name="us-east-1")
    body = ROLE.ljust(60_000)
    assert stock.create_stack(StackName="s", TemplateBody=body)["StackId"]
    made = stock.create_change_set(
        StackName="c", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=QUEUE, OnStackFailure="DELETE"
    )
    assert "OnStackFailure" not in stock.describe_change_set(ChangeSetName=made["Id"])


def test_of_requests_at_once_for_one_name_one_makes_the_stack(localaws: Any, client: Any, name: str) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}
    template = json.dumps({"Resources": {"Bucket": bucket}})
    clients = [localaws.client("cloudformation") for _ in range(4)]

    def create(own: Any) -> str:
        try:
            own.create_stack(StackName=name, TemplateBody=template)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "made"

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = sorted(pool.map(create, clients))
    assert answers == ["AlreadyExistsException"] * 3 + ["made"]
    assert status_of(client, name) == "CREATE_COMPLETE"
