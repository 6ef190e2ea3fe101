"""SimulatePrincipalPolicy, as clients ask for it."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.sagemaker_role import TRUST


def document(action: str, resource: str = "*", effect: str = "Allow") -> str:
    """Return a policy of one statement."""
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def decisions(iam: Any, arn: str, actions: list[str], **more: Any) -> dict[str, str]:
    """Return what a simulation says of each action."""
    pages = iam.get_paginator("simulate_principal_policy")
    found = [
        result
        for page in pages.paginate(PolicySourceArn=arn, ActionNames=actions, **more)
        for result in page["EvaluationResults"]
    ]
    return {result["EvalActionName"]: result["EvalDecision"] for result in found}


def make_role(iam: Any) -> str:
    """Make a role with an inline policy and an attached one; return its ARN."""
    name = f"simulated-{uuid.uuid4().hex[:8]}"
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document("logs:*"))
    policy = iam.create_policy(PolicyName=name, PolicyDocument=document("s3:GetObject", "arn:aws:s3:::a/*"))
    iam.attach_role_policy(RoleName=name, PolicyArn=policy["Policy"]["Arn"])
    return arn


def test_inline_and_attached_policies_of_a_role_count(localaws: Any) -> None:
    iam = localaws.client("iam")
    arn = make_role(iam)
    actions = ["logs:PutLogEvents", "s3:GetObject", "iam:PassRole"]
    at_any = {"logs:PutLogEvents": "allowed", "s3:GetObject": "implicitDeny", "iam:PassRole": "implicitDeny"}
    assert decisions(iam, arn, actions) == at_any
    assert decisions(iam, arn, ["s3:GetObject"], ResourceArns=["arn:aws:s3:::a/b"]) == {
        "s3:GetObject": "allowed"
    }
    more = {"PolicyInputList": [document("logs:Put*", effect="Deny")]}
    assert decisions(iam, arn, ["logs:PutLogEvents"], **more) == {"logs:PutLogEvents": "explicitDeny"}


def test_a_user_has_its_groups_policies_too(localaws: Any) -> None:
    iam = localaws.client("iam")
    name = f"simulated-{uuid.uuid4().hex[:8]}"
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    iam.put_group_policy(GroupName=name, PolicyName="inline", PolicyDocument=document("ecr:*"))
    assert decisions(iam, arn, ["ecr:GetAuthorizationToken"]) == {"ecr:GetAuthorizationToken": "allowed"}


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:iam::123456789012:role/absent", "NoSuchEntity"),
        ("arn:aws:iam::123456789012:group/absent", "NoSuchEntity"),
        ("arn:aws:iam::123456789012:user/absent", "NoSuchEntity"),
        ("arn:aws:iam::123456789012:policy/some", "InvalidInput"),
        ("arn:aws:iam::123456789012:root/", "InvalidInput"),
        ("arn:aws:sts::123456789012:assumed-role/a/b", "InvalidInput"),
    ],
)
def test_a_principal_that_is_none_is_refused(localaws: Any, arn: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        decisions(localaws.client("iam"), arn, ["s3:GetObject"])
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"PolicyInputList": ["{"]}, "no policy in JSON"),
        ({"PolicyInputList": ["[]"]}, "no policy in JSON"),
        ({"PolicyInputList": ['{"Statement": [{"Action": "*", "Resource": "*"}]}']}, "without Effect"),
        ({"PolicyInputList": ['{"Statement": "Allow"}']}, "without Effect"),
        ({"ResourceArns": ["my-bucket"]}, "ResourceNames are not in a valid ARN format: my-bucket."),
    ],
)
def test_what_cannot_be_simulated_is_the_clients_mistake(
    localaws: Any, more: dict[str, Any], message: str
) -> None:
    iam = localaws.client("iam")
    with pytest.raises(ClientError, match=message) as caught:
        decisions(iam, make_role(iam), ["s3:GetObject"], **more)
    assert caught.value.response["Error"]["Code"] == "InvalidInput"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_the_version_that_counts_is_the_default_one(localaws: Any) -> None:
    iam, name = localaws.client("iam"), f"versions-{uuid.uuid4().hex[:8]}"
    role = iam.create_role(RoleName=name, Path="/training/", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    policy = iam.create_policy(PolicyName=name, PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document("ecr:*"))
    assert decisions(iam, role, ["s3:GetObject", "ecr:BatchGetImage"]) == {
        "s3:GetObject": "allowed",
        "ecr:BatchGetImage": "implicitDeny",
    }
    iam.set_default_policy_version(PolicyArn=policy, VersionId="v2")
    assert decisions(iam, role, ["s3:GetObject"]) == {"s3:GetObject": "implicitDeny"}
    iam.detach_role_policy(RoleName=name, PolicyArn=policy)
    assert decisions(iam, role, ["ecr:BatchGetImage"]) == {"ecr:BatchGetImage": "implicitDeny"}


def test_each_action_is_decided_for_each_resource(localaws: Any) -> None:
    iam = localaws.client("iam")
    resources = ["arn:aws:s3:::a/b", "arn:aws:s3:::c/d"]
    answer = iam.simulate_principal_policy(
        PolicySourceArn=make_role(iam), ActionNames=["s3:GetObject", "s3:PutObject"], ResourceArns=resources
    )
    found = [
        (result["EvalActionName"], result["EvalResourceName"], result["EvalDecision"])
        for result in answer["EvaluationResults"]
    ]
    assert found == [
        ("s3:GetObject", resources[0], "allowed"),
        ("s3:GetObject", resources[1], "implicitDeny"),
        ("s3:PutObject", resources[0], "implicitDeny"),
        ("s3:PutObject", resources[1], "implicitDeny"),
    ]
    assert answer["IsTruncated"] is False


def test_stock_moto_has_no_simulation() -> None:
    with mock_aws():
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        iam = boto3.client("iam", **keys)
        arn = make_role(iam)
        with pytest.raises(NotImplementedError, match="simulate_principal_policy"):
            decisions(iam, arn, ["logs:PutLogEvents"])
