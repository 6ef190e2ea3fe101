"""Documents that IAM refuses, by its API and in stacks."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.sagemaker_role import TRUST, ensure_role

OLD = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
ROLE: dict[str, Any] = {
    "Type": "AWS::IAM::Role",
    "Properties": {"AssumeRolePolicyDocument": json.loads(TRUST)},
}


@pytest.fixture(scope="module")
def iam(localaws: Any) -> Any:
    """Return a client of IAM."""
    return localaws.client("iam")


def refusal(call: Any, **arguments: Any) -> tuple[int, str, str]:
    """Return status, code and message of what a call answers."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_a_role_has_a_trust_policy_that_is_one(iam: Any) -> None:
    said = (400, "MalformedPolicyDocument", "Missing required field Statement")
    assert refusal(iam.create_role, RoleName="absent", AssumeRolePolicyDocument="{}") == said
    assert refusal(iam.get_role, RoleName="absent")[1] == "NoSuchEntity"
    ensure_role(iam, "documented")
    assert refusal(iam.update_assume_role_policy, RoleName="documented", PolicyDocument="{}") == said
    iam.update_assume_role_policy(
        RoleName="documented", PolicyDocument=TRUST.replace("AssumeRole", "SetContext")
    )
    kept = iam.get_role(RoleName="documented")["Role"]["AssumeRolePolicyDocument"]
    assert kept["Statement"][0]["Action"] == "sts:SetContext"


@pytest.mark.parametrize("kind", ["Role", "User", "Group"])
def test_an_inline_policy_needs_no_version_and_names_no_principal(iam: Any, kind: str) -> None:
    name = f"inline-{uuid.uuid4().hex[:8]}"
    more = {"AssumeRolePolicyDocument": TRUST} if kind == "Role" else {}
    getattr(iam, f"create_{kind.lower()}")(**{f"{kind}Name": name}, **more)
    put = getattr(iam, f"put_{kind.lower()}_policy")
    owner = {f"{kind}Name": name, "PolicyName": "p"}
    put(**owner, PolicyDocument=OLD)
    found = getattr(iam, f"get_{kind.lower()}_policy")(**owner)["PolicyDocument"]
    assert found == json.loads(OLD)
    status, code, said = refusal(put, **owner, PolicyDocument=TRUST)
    assert (status, code) == (400, "MalformedPolicyDocument")
    assert said in (
        "Policy document should not specify a principal.",
        "Policy statement must contain resources.",
    )


def test_a_managed_policy_needs_the_newest_version(iam: Any) -> None:
    said = "Policy document must be version 2012-10-17 or greater."
    expected = (400, "MalformedPolicyDocument", said)
    assert refusal(iam.create_policy, PolicyName="old", PolicyDocument=OLD) == expected


def test_a_role_s_inline_policies_are_bounded_together(iam: Any) -> None:
    ensure_role(iam, "bounded")
    big = OLD.replace("s3:GetObject", "s3:" + "x" * 6000)
    iam.put_role_policy(RoleName="bounded", PolicyName="a", PolicyDocument=big)
    expected = (409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role bounded")
    owner = {"RoleName": "bounded", "PolicyDocument": big}
    assert refusal(iam.put_role_policy, PolicyName="b", **owner) == expected
    iam.put_role_policy(PolicyName="a", **owner)


def make_stack(localaws: Any, name: str, role: dict[str, Any]) -> str:
    """Create a stack of a role; return the role's name, or why it was refused."""
    client = localaws.client("cloudformation")
    template = json.dumps({"Resources": {"Role": role}})
    client.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    for event in client.describe_stack_events(StackName=name)["StackEvents"]:
        if event["ResourceStatus"] == "CREATE_FAILED":
            return str(event["ResourceStatusReason"])
    (resource,) = client.describe_stack_resources(StackName=name)["StackResources"]
    return str(resource["PhysicalResourceId"])


def test_a_stacks_role_has_policies_that_are_some(localaws: Any, iam: Any) -> None:
    name = f"roles-{uuid.uuid4().hex[:8]}"
    listed = [{"PolicyName": "p", "PolicyDocument": json.loads(OLD)}]
    role = make_stack(localaws, name, {**ROLE, "Properties": {**ROLE["Properties"], "Policies": listed}})
    found = iam.get_role_policy(RoleName=role, PolicyName="p")["PolicyDocument"]
    assert found == json.loads(OLD)
    refused = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    assert "Statement is empty!" in make_stack(localaws, f"{name}-2", refused)


@mock_aws
def test_stock_moto_takes_any_trust_policy() -> None:
    client = boto3.client("iam", region_name="us-east-1")
    client.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    with pytest.raises(ClientError, match="must be version"):
        client.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=OLD)
