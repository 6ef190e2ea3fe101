"""AWS's own managed policies are there."""

import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.sagemaker_role import TRUST

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


def test_stock_moto_has_none() -> None:
    with mock_aws(), pytest.raises(ClientError, match="NoSuchEntity"):
        boto3.client("iam", region_name="us-east-1").get_policy(PolicyArn=READ_ONLY)
