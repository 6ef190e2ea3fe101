"""Buckets of stacks have the versions, the public access block and the policy that their template says."""

import json
import uuid
import warnings
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

BLOCKED = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def template(name: str, *, effect_of_plain: str = "Deny", **properties: Any) -> str:
    """Return a template of a bucket, and of a policy about requests without TLS."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": effect_of_plain,
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **properties}}
    attached = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": policy},
    }
    return json.dumps({"Resources": {"Bucket": bucket, "Policy": attached}})


@pytest.fixture
def name(localaws: Any) -> str:
    """The name of a bucket in order, and of its stack."""
    made = f"stacked-{uuid.uuid4().hex[:8]}"
    body = template(
        made,
        VersioningConfiguration={"Status": "Enabled"},
        PublicAccessBlockConfiguration=BLOCKED,
    )
    stacks = localaws.client("cloudformation")
    stacks.create_stack(StackName=made, TemplateBody=body)
    assert stacks.describe_stacks(StackName=made)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    return made


def test_a_new_bucket_is_as_its_template_says(localaws: Any, name: str) -> None:
    s3 = localaws.client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == BLOCKED
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_its_policy_lets_requests_on_loopback_in(localaws: Any, name: str) -> None:
    s3 = localaws.client("s3")
    s3.put_object(Bucket=name, Key="a", Body=b"one")
    s3.put_object(Bucket=name, Key="a", Body=b"two")
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"two"
    assert len(s3.list_object_versions(Bucket=name)["Versions"]) == 2


def test_an_update_changes_what_the_template_changes(localaws: Any, name: str) -> None:
    stacks, s3 = localaws.client("cloudformation"), localaws.client("s3")
    stacks.update_stack(StackName=name, TemplateBody=template(name, effect_of_plain="Allow"))
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket=name)
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][0]["Effect"] == "Allow"


def test_the_policy_goes_with_its_resource(localaws: Any, name: str) -> None:
    stacks, s3 = localaws.client("cloudformation"), localaws.client("s3")
    rest = json.loads(template(name, VersioningConfiguration={"Status": "Enabled"}))
    del rest["Resources"]["Policy"]
    stacks.update_stack(StackName=name, TemplateBody=json.dumps(rest))
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=name)
    stacks.delete_stack(StackName=name)
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket=name)


def test_stock_moto_passes_all_that_over() -> None:
    with mock_aws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto warns of what it passes over
        session = boto3.Session("test", "test", region_name="us-east-1")
        body = template("stock", VersioningConfiguration={"Status": "Enabled"})
        session.client("cloudformation").create_stack(StackName="stock", TemplateBody=body)
        assert "Status" not in session.client("s3").get_bucket_versioning(Bucket="stock")
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            session.client("s3").get_bucket_policy(Bucket="stock")
