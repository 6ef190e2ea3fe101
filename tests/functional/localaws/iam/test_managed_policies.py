"""AWS's own managed policies are there."""

import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.sagemaker_role import TRUST, ensure_role

ALLOWING = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}'
)
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def test_a_policy_of_aws_can_be_read_attached_and_listed(localaws: Any) -> None:
    iam, role = localaws.client("iam"), f"managed-{uuid.uuid4().hex[:8]}"
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["PolicyName"] == "AmazonS3ReadOnlyAccess"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName=role, PolicyArn=READ_ONLY)
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [READ_ONLY]
    assert len(iam.list_policies(Scope="AWS", MaxItems=1000)["Policies"]) > 900


def test_a_policy_that_aws_does_not_have_is_missing(localaws: Any) -> None:
    with pytest.raises(ClientError) as caught:
        localaws.client("iam").get_policy(PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")
    assert caught.value.response["Error"]["Code"] == "NoSuchEntity"


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("delete_policy", {}),
        ("create_policy_version", {"PolicyDocument": ALLOWING}),
        ("delete_policy_version", {"VersionId": "v1"}),
        ("set_default_policy_version", {"VersionId": "v1"}),
        ("tag_policy", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("untag_policy", {"TagKeys": ["a"]}),
    ],
)
def test_nobody_changes_a_policy_of_aws(localaws: Any, action: str, arguments: dict[str, Any]) -> None:
    iam = localaws.client("iam")
    with pytest.raises(
        ClientError, match=f"is not authorized to perform: iam:.* policy {READ_ONLY}"
    ) as caught:
        getattr(iam, action)(PolicyArn=READ_ONLY, **arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["PolicyName"] == "AmazonS3ReadOnlyAccess"


def test_a_policy_is_attached_once_and_deleted_when_nothing_needs_it(localaws: Any) -> None:
    iam, name = localaws.client("iam"), f"owned-{uuid.uuid4().hex[:8]}"
    arn = iam.create_policy(PolicyName=name, PolicyDocument=ALLOWING)["Policy"]["Arn"]
    ensure_role(iam, name)
    for _ in range(2):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    with pytest.raises(iam.exceptions.DeleteConflictException, match="attached to entities"):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOWING)
    with pytest.raises(iam.exceptions.DeleteConflictException, match="more than one version"):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_policy(PolicyArn=arn)


@mock_aws
def test_stock_moto_deletes_what_is_attached_and_counts_twice() -> None:
    iam = boto3.client("iam", region_name="us-east-1")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=ALLOWING)["Policy"]["Arn"]
    ensure_role(iam, "r")
    for _ in range(2):
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 2
    iam.delete_policy(PolicyArn=arn)


def test_stock_moto_has_none() -> None:
    with mock_aws(), pytest.raises(ClientError, match="NoSuchEntity"):
        boto3.client("iam", region_name="us-east-1").get_policy(PolicyArn=READ_ONLY)
