"""Templates that lie in S3, at the addresses of localaws itself."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

TEMPLATE = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}


@pytest.fixture(scope="module")
def bucket(localaws: Any) -> str:
    """A bucket with a template, a long text and what is no text."""
    s3, name = localaws.client("s3"), f"templates-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a/t.json", Body=json.dumps(TEMPLATE))
    s3.put_object(Bucket=name, Key="long", Body=b" " * 1_000_001)
    s3.put_object(Bucket=name, Key="bytes", Body=b"\xff")
    return name


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_template_is_read_from_where_localaws_answers(localaws: Any, bucket: str, host: str) -> None:
    url = f"{localaws.url.replace('127.0.0.1', host)}/{bucket}/a/t.json"
    answer = localaws.client("cloudformation").validate_template(TemplateURL=url)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_stack_is_made_from_a_presigned_address(localaws: Any, bucket: str) -> None:
    client, name = localaws.client("cloudformation"), f"addresses-{uuid.uuid4().hex[:8]}"
    url = localaws.client("s3").generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a/t.json"})
    client.create_stack(StackName=name, TemplateURL=url)
    assert client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    client.delete_stack(StackName=name)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no-such-bucket-here/t.json", "S3 error: The specified bucket does not exist"),
        ("{bucket}/no-such-key", "S3 error: The specified key does not exist."),
        ("{bucket}/long", "Template may not exceed 1000000 bytes in size."),
        ("{bucket}/bytes", "Template format error: the object is no text in UTF-8."),
        ("{bucket}", "TemplateURL must be a supported URL."),
    ],
)
def test_what_is_no_template_is_refused(localaws: Any, bucket: str, path: str, said: str) -> None:
    url = f"{localaws.url}/{path.format(bucket=bucket)}"
    with pytest.raises(ClientError) as caught:
        localaws.client("cloudformation").create_stack(StackName="never", TemplateURL=url)
    assert caught.value.response["Error"] == {"Type": "Sender", "Code": "ValidationError", "Message": said}


def test_stock_moto_takes_127_for_a_bucket(bucket: str) -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="t.json", Body=json.dumps(TEMPLATE))
        client = boto3.client("cloudformation", region_name="us-east-1")
        with pytest.raises(ClientError, match="NoSuchBucket"):
            client.create_stack(StackName="s", TemplateURL=f"http://127.0.0.1:4566/{bucket}/t.json")
