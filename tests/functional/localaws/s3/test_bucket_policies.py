"""Policies of buckets: principals and conditions count, for objects and for what moto answers about them."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.sagemaker_role import ensure_role

Guard = Callable[..., str]
UNKNOWN = {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}


@pytest.fixture
def guard(s3: Any) -> Guard:
    """Return a function that makes a bucket with an object `k` and statements; it returns the name."""

    def make(*statements: dict[str, Any]) -> str:
        bucket = f"policies-{uuid.uuid4().hex[:10]}"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
        base = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
        policy = {"Version": "2012-10-17", "Statement": [base | item for item in statements]}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        return bucket

    return make


def denied(call: Any, **request: Any) -> bool:
    """Tell whether a call is answered with AccessDenied."""
    try:
        call(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "403"):
            raise
        return True
    return False


def test_a_bucket_for_https_alone_is_used_as_any_other(s3: Any, guard: Guard) -> None:
    bucket = guard({"Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "t", "Value": "v"}]})
    found = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "k"}]})
    assert [item["Key"] for item in found["Deleted"]] == ["a", "k"]


def test_the_same_condition_the_other_way_denies_all(s3: Any, guard: Guard) -> None:
    bucket = guard({"Condition": {"Bool": {"aws:SecureTransport": "true"}}})
    assert denied(s3.get_object, Bucket=bucket, Key="k")
    assert denied(s3.get_object_tagging, Bucket=bucket, Key="k")
    found = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    assert [item["Code"] for item in found["Errors"]] == ["AccessDenied"]


@pytest.mark.parametrize(
    "condition",
    [
        {"Null": {"s3:x-amz-server-side-encryption": "true"}},
        {"StringNotEquals": {"s3:x-amz-server-side-encryption": ["AES256", "aws:kms"]}},
    ],
)
def test_objects_must_be_encrypted_in_one_piece_and_in_parts(
    s3: Any, guard: Guard, condition: dict[str, Any]
) -> None:
    bucket = guard({"Action": "s3:PutObject", "Condition": condition})
    assert denied(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
    assert denied(s3.create_multipart_upload, Bucket=bucket, Key="a")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1", ServerSideEncryption="AES256")
    begun = s3.create_multipart_upload(Bucket=bucket, Key="b", ServerSideEncryption="AES256")
    where = {"Bucket": bucket, "Key": "b", "UploadId": begun["UploadId"]}
    part = s3.upload_part(**where, PartNumber=1, Body=b"22")
    s3.complete_multipart_upload(
        **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    assert s3.head_object(Bucket=bucket, Key="b")["ContentLength"] == 2


@pytest.mark.parametrize(
    ("condition", "is_denied"),
    [
        ({"StringLike": {"s3:x-amz-acl": "public-*"}}, True),
        ({"StringEquals": {"s3:x-amz-acl": "private"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
        ({"StringNotEquals": {"aws:SourceArn": "arn:aws:s3:::x"}}, True),
        (UNKNOWN, False),
        ({"NumericEquals": {"s3:x-amz-acl": "1"}}, False),
    ],
)
def test_conditions_decide_whether_an_upload_is_denied(
    s3: Any, guard: Guard, condition: dict[str, Any], is_denied: bool
) -> None:
    bucket = guard({"Action": "s3:PutObject", "Condition": condition})
    assert denied(s3.put_object, Bucket=bucket, Key="a", Body=b"1", ACL="public-read") is is_denied


def test_a_role_may_be_the_only_one_that_is_not_denied(localaws: Any, s3: Any, guard: Guard) -> None:
    role = ensure_role(localaws.client("iam"), "policy-tests")
    bucket = guard({"Condition": {"StringNotEquals": {"aws:PrincipalArn": role}}})
    named = guard({"Principal": {"AWS": role}})
    given = localaws.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = boto3.client(
        "s3",
        endpoint_url=localaws.url,
        region_name="us-east-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    assert [denied(each.get_object, Bucket=bucket, Key="k") for each in (s3, session)] == [True, False]
    assert [denied(each.get_object, Bucket=named, Key="k") for each in (s3, session)] == [False, True]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({}, 200),
        ({"StringLike": {"aws:Referer": "https://photos.example/*"}}, 200),
        ({"StringLike": {"aws:Referer": "https://other.example/*"}}, 403),
        (UNKNOWN, 403),
    ],
)
def test_anybody_may_read_where_a_condition_allows_it(
    send: Any, guard: Guard, condition: dict[str, Any], status: int
) -> None:
    bucket = guard({"Effect": "Allow", "Action": "s3:GetObject", "Condition": condition})
    headers = {"Referer": "https://photos.example/page"}
    assert send("GET", f"/{bucket}/k", signed=False, headers=headers).status == status


@pytest.mark.parametrize("condition", [5, {"Bool": "true"}, {"Bool": {"aws:SecureTransport": {}}}])
def test_conditions_of_another_form_are_refused(guard: Guard, condition: Any) -> None:
    with pytest.raises(ClientError, match=r"MalformedPolicy.*Invalid policy syntax"):
        guard({"Condition": condition})
