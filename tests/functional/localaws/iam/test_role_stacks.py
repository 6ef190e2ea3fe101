"""Roles that stacks make, change and delete."""

import json
import uuid
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.sagemaker_role import TRUST

READ, WRITE = (f"arn:aws:iam::aws:policy/AmazonS3{name}Access" for name in ("ReadOnly", "Full"))


def allow(action: str) -> dict[str, Any]:
    """Return an inline policy of a template, named by its action."""
    statement = {"Effect": "Allow", "Action": f"s3:{action}", "Resource": "*"}
    return {"PolicyName": action, "PolicyDocument": {"Version": "2012-10-17", "Statement": statement}}


def template(*, trust: str = TRUST, **properties: Any) -> dict[str, Any]:
    """Return what a request says of a stack of one role."""
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": json.loads(trust), **properties},
    }
    body = json.dumps({"Resources": {"Role": role}})
    return {"TemplateBody": body, "Capabilities": ["CAPABILITY_NAMED_IAM"]}


@pytest.fixture
def name() -> str:
    """Return a stack's name."""
    return f"role-{uuid.uuid4().hex[:8]}"


def role_of(client: Any, stack: str) -> str:
    """Return the name of a stack's role."""
    return str(client.describe_stack_resources(StackName=stack)["StackResources"][0]["PhysicalResourceId"])


def policies_of(iam: Any, role: str) -> tuple[set[str], set[str]]:
    """Return the names of a role's inline policies, and the ARNs of the others."""
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    inline = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return set(inline), {policy["PolicyArn"] for policy in attached}


def test_a_stack_s_role_follows_its_template(localaws: Any, name: str) -> None:
    client, iam = localaws.client("cloudformation"), localaws.client("iam")
    client.create_stack(
        StackName=name, **template(Policies=[allow("Get"), allow("List")], ManagedPolicyArns=[READ])
    )
    role = role_of(client, name)
    assert policies_of(iam, role) == ({"Get", "List"}, {READ})
    given = allow("Own")
    iam.put_role_policy(RoleName=role, PolicyName="Own", PolicyDocument=json.dumps(given["PolicyDocument"]))
    client.update_stack(
        StackName=name,
        **template(
            trust=TRUST.replace("sagemaker", "lambda"),
            Policies=[allow("List"), allow("Put")],
            ManagedPolicyArns=[WRITE],
            Description="new",
        ),
    )
    assert role_of(client, name) == role
    assert policies_of(iam, role) == ({"List", "Put", "Own"}, {WRITE})
    found = iam.get_role(RoleName=role)["Role"]
    trusted = found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
    assert (trusted, found["Description"]) == ("lambda.amazonaws.com", "new")
    iam.delete_role_policy(RoleName=role, PolicyName="Own")
    client.delete_stack(StackName=name)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=role)


def test_another_name_is_another_role(localaws: Any, name: str) -> None:
    client, iam = localaws.client("cloudformation"), localaws.client("iam")
    client.create_stack(StackName=name, **template(RoleName=f"{name}-a", ManagedPolicyArns=[READ]))
    client.update_stack(StackName=name, **template(RoleName=f"{name}-b"))
    assert role_of(client, name) == f"{name}-b"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=f"{name}-a")


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"ManagedPolicyArns": [f"{READ}x"]}, "does not exist or is not attachable"),
        ({"Policies": [allow("Get") | {"PolicyDocument": {}}]}, "Syntax errors in policy"),
    ],
)
def test_a_role_with_a_refused_policy_is_not_left_behind(
    localaws: Any, name: str, properties: dict[str, Any], said: str
) -> None:
    client, iam = localaws.client("cloudformation"), localaws.client("iam")
    client.create_stack(StackName=name, **template(RoleName=name, **properties))
    reasons = [
        event["ResourceStatusReason"]
        for event in client.describe_stack_events(StackName=name)["StackEvents"]
        if event["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert said in reasons[0]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=name)


@mock_aws
def test_stock_moto_attaches_no_policies_and_updates_none() -> None:
    client, iam = (boto3.client(service, "us-east-1") for service in ("cloudformation", "iam"))
    client.create_stack(StackName="s", **template(RoleName="r", Policies=[allow("Get")]))
    client.update_stack(StackName="s", **template(RoleName="r", Policies=[allow("Put")], Description="new"))
    assert policies_of(iam, "r") == ({"Get"}, set())
