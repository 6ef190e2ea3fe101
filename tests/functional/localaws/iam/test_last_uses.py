"""When a key or a role was last used is told of every request, whoever answers it."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.sagemaker_role import TRUST


def session_of(aws: Any, role_arn: str, *, url: str | None) -> Callable[[str], Any]:
    """Return clients with the credentials of a role's session, in eu-west-1."""
    found = aws("sts").assume_role(RoleArn=role_arn, RoleSessionName="uses")["Credentials"]
    session = boto3.Session(
        found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], region_name="eu-west-1"
    )
    return lambda service: session.client(service, endpoint_url=url)


def make_role(aws: Any) -> tuple[str, str]:
    """Return name and ARN of a new role."""
    name = f"uses-{uuid.uuid4().hex[:8]}"
    return name, aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]


def ask(client: Any, method: str, **arguments: Any) -> None:
    """Make a call, whatever it answers."""
    try:
        getattr(client, method)(**arguments)
    except ClientError:
        return


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("sagemaker", "list_training_jobs", {}),
    ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "none", "Body": b""}),
    ("lambda", "invoke", {"FunctionName": "none"}),
    ("s3", "list_buckets", {}),
    ("s3", "get_object", {"Bucket": "uses-of-roles", "Key": "none"}),
    ("logs", "describe_log_groups", {}),
]


@pytest.mark.parametrize(("service", "method", "arguments"), CALLS, ids=lambda value: str(value))
def test_a_role_s_last_use_has_time_and_region(
    localaws: Any, service: str, method: str, arguments: dict[str, Any]
) -> None:
    name, arn = make_role(localaws.client)
    localaws.client("s3").create_bucket(Bucket="uses-of-roles")
    iam = localaws.client("iam")
    assert iam.get_role(RoleName=name)["Role"].get("RoleLastUsed", {}).get("LastUsedDate") is None
    clients = session_of(localaws.client, arn, url=localaws.url)
    assert iam.get_role(RoleName=name)["Role"].get("RoleLastUsed", {}).get("LastUsedDate") is None
    ask(clients(service), method, **arguments)
    used = iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]
    assert abs(used["LastUsedDate"] - datetime.now(UTC)) < timedelta(minutes=1)
    assert used["Region"] == "eu-west-1"
    (detail,) = [
        role
        for role in iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
        if role["RoleName"] == name
    ]
    assert detail["RoleLastUsed"] == used


def test_a_key_s_last_use_names_the_service(localaws: Any) -> None:
    iam, name = localaws.client("iam"), f"uses-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(made["AccessKeyId"], made["SecretAccessKey"], region_name="eu-west-1")
    runtime = session.client("sagemaker-runtime", endpoint_url=localaws.url)
    ask(runtime, "invoke_endpoint", EndpointName="none", Body=b"")
    used = iam.get_access_key_last_used(AccessKeyId=made["AccessKeyId"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sagemaker", "eu-west-1")
    iam.delete_access_key(UserName=name, AccessKeyId=made["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_stock_moto_does_not_tell_the_region() -> None:
    with mock_aws():
        clients = boto3.Session("test", "test", region_name="us-east-1").client
        name, arn = make_role(clients)
        session_of(clients, arn, url=None)("s3").list_buckets()
        used = clients("iam").get_role(RoleName=name)["Role"]["RoleLastUsed"]
        assert "LastUsedDate" in used
        assert "Region" not in used
