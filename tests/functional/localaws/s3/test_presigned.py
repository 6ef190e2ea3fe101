"""Presigned URLs, signed by boto3 with both versions of the signature."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.config import Config

from tests.sagemaker_role import ensure_role


@pytest.fixture(params=["s3", "s3v4"], ids=["version 2", "version 4"])
def version(request: pytest.FixtureRequest) -> str:
    """The signature, as botocore calls it."""
    return str(request.param)


def make_signer(localaws: Any, version: str, **key: str) -> Any:
    """Return a client that signs with a key."""
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=localaws.url,
        config=Config(signature_version=version, s3={"addressing_style": "path"}),
        **(key or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}),
    )


@pytest.fixture(scope="module")
def user_key(localaws: Any) -> dict[str, str]:
    """A key that this localaws made."""
    iam = localaws.client("iam")
    iam.create_user(UserName="presigner")
    made = iam.create_access_key(UserName="presigner")["AccessKey"]
    return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}


@pytest.fixture(scope="module")
def role_key(localaws: Any) -> dict[str, str]:
    """The key of a role's session."""
    iam = localaws.client("iam")
    arn = ensure_role(iam, "presigner")
    made = localaws.client("sts").assume_role(RoleArn=arn, RoleSessionName="presigner")["Credentials"]
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }


def test_a_url_holds_until_it_ends(localaws: Any, s3: Any, bucket: str, send: Any, version: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    signer = make_signer(localaws, version)
    asked = {"Params": {"Bucket": bucket, "Key": "k"}, "ExpiresIn": 60}
    assert send("GET", signer.generate_presigned_url("get_object", **asked), signed=False).status == 200
    with signed_at(datetime.now(UTC) - timedelta(seconds=90)):
        url = signer.generate_presigned_url("get_object", **asked)
        listing = signer.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket}, ExpiresIn=60)
    for ended in (url, listing):
        answer = send("GET", ended, signed=False)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert b"<Message>Request has expired</Message>" in answer.body


def signed_at(moment: datetime) -> Any:
    """Let botocore sign at another time."""
    return mock.patch.multiple(
        "botocore.auth",
        get_current_datetime=lambda: moment.replace(tzinfo=None),
        time=mock.Mock(time=lambda: moment.timestamp()),
    )


@pytest.mark.parametrize("who", ["user_key", "role_key"])
def test_a_url_holds_for_what_was_signed_alone(
    localaws: Any, bucket: str, send: Any, version: str, who: str, request: pytest.FixtureRequest
) -> None:
    signer = make_signer(localaws, version, **request.getfixturevalue(who))
    put = signer.generate_presigned_url(
        "put_object",
        Params={"Bucket": bucket, "Key": "a b/ü", "ContentType": "text/plain", "Metadata": {"m": "1"}},
    )
    headers = {"content-type": "text/plain", "x-amz-meta-m": "1"}
    assert send("PUT", put, body="x", headers=headers, signed=False).status == 200
    get = signer.generate_presigned_url(
        "get_object",
        Params={"Bucket": bucket, "Key": "a b/ü", "ResponseContentType": "image/png"},
    )
    answer = send("GET", get, signed=False)
    assert (answer.status, answer.headers["content-type"], answer.headers["x-amz-meta-m"]) == (
        200,
        "image/png",
        "1",
    )
    for method, url in (
        ("GET", get.replace("image%2Fpng", "text%2Fhtml")),
        ("DELETE", get),
        ("GET", get.replace("a%20b", "a%20c")),
    ):
        altered = send(method, url, signed=False)
        assert (altered.status, altered.code) == (403, "SignatureDoesNotMatch"), url
    other = {"content-type": "text/html", "x-amz-meta-m": "1"}
    assert send("PUT", put, body="x", headers=other, signed=False).code == "SignatureDoesNotMatch"


def test_what_lacks_a_parameter_or_lasts_too_long(localaws: Any, bucket: str, send: Any) -> None:
    signer = make_signer(localaws, "s3v4")
    url = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    for old, new in (
        ("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        ("X-Amz-Expires=60", "X-Amz-Expires=soon"),
        ("X-Amz-Expires=60", "x=1"),
        ("X-Amz-Date=2", "X-Amz-Date=x"),
    ):
        answer = send("GET", url.replace(old, new), signed=False)
        assert (answer.status, answer.code) == (400, "AuthorizationQueryParametersError"), new
