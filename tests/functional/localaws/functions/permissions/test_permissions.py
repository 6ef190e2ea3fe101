"""Resource policies: statements for a function, a version, an alias."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

CODE = "def handler(event, context):\n    return 1\n"
ARN = "arn:aws:lambda:us-east-1:123456789012:function"


@pytest.fixture
def name(functions: Any) -> str:
    """A function with a version and an alias."""
    made = functions.create(CODE, Publish=True)
    functions.lam.create_alias(FunctionName=made, Name="live", FunctionVersion="1")
    return str(made)


def allow(functions: Any, name: str, sid: str, **options: Any) -> Any:
    """Add a statement; return it."""
    request = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"} | options
    answer = functions.lam.add_permission(FunctionName=name, StatementId=sid, **request)
    return json.loads(answer["Statement"])


def sids(functions: Any, name: str, **options: Any) -> list[str]:
    """Return the ids of a policy's statements."""
    policy = json.loads(functions.lam.get_policy(FunctionName=name, **options)["Policy"])
    return [statement["Sid"] for statement in policy["Statement"]]


def test_each_qualifier_has_a_policy_of_its_own(functions: Any, name: str) -> None:
    assert allow(functions, name, "all")["Resource"] == f"{ARN}:{name}"
    assert allow(functions, name, "one", Qualifier="live")["Resource"] == f"{ARN}:{name}:live"
    assert allow(functions, f"{name}:1", "two")["Resource"] == f"{ARN}:{name}:1"
    assert sids(functions, name) == ["all"]
    assert sids(functions, name, Qualifier="live") == ["one"]
    assert sids(functions, name, Qualifier="1") == ["two"]
    functions.lam.remove_permission(FunctionName=name, StatementId="one", Qualifier="live")
    for qualified in ({"Qualifier": "live"}, {"Qualifier": "$LATEST"}):
        if qualified["Qualifier"] == "live":
            with pytest.raises(ClientError, match="The resource you requested does not exist") as error:
                functions.lam.get_policy(FunctionName=name, **qualified)
            assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert sids(functions, name) == ["all"]


def test_a_statement_id_is_given_once(functions: Any, name: str) -> None:
    allow(functions, name, "same")
    with pytest.raises(ClientError, match=r"The statement id \(same\) provided already exists") as error:
        allow(functions, name, "same")
    response = error.value.response
    assert response["Error"]["Code"] == "ResourceConflictException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 409
    with pytest.raises(ClientError, match="Statement other is not found in resource policy"):
        functions.lam.remove_permission(FunctionName=name, StatementId="other")
    assert sids(functions, name) == ["same"]


def test_a_policy_is_changed_at_its_latest_revision_only(functions: Any, name: str) -> None:
    allow(functions, name, "first")
    revision = functions.lam.get_policy(FunctionName=name)["RevisionId"]
    with pytest.raises(ClientError, match="Call the GetPolicy API") as error:
        allow(functions, name, "second", RevisionId=str(uuid.uuid4()))
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    allow(functions, name, "second", RevisionId=revision)
    with pytest.raises(ClientError, match="Call the GetPolicy API"):
        functions.lam.remove_permission(FunctionName=name, StatementId="second", RevisionId=revision)
    assert sids(functions, name) == ["first", "second"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"Principal": "nobody"}, "The provided principal was invalid"),
        ({"Action": "invoke"}, "at 'action' failed to satisfy constraint"),
        ({"Qualifier": "$LATEST"}, "We currently do not support adding policies for"),
        ({"Qualifier": "9"}, "Function not found"),
    ],
)
def test_what_cannot_be_allowed_is_refused(
    functions: Any, name: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        allow(functions, name, "sid", **options)


def test_another_account_may_do_what_the_policy_grants_it(functions: Any, name: str) -> None:
    session = functions.server.client("sts").assume_role(
        RoleArn="arn:aws:iam::210987654321:role/stranger", RoleSessionName="stranger"
    )["Credentials"]
    stranger = boto3.client(
        "lambda",
        region_name="us-east-1",
        endpoint_url=functions.server.url,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    arn = f"{ARN}:{name}:live"
    with pytest.raises(ClientError, match="no resource-based policy allows the lambda:InvokeFunction action"):
        stranger.invoke(FunctionName=arn)
    allow(functions, name, "them", Principal="210987654321", Qualifier="live")
    assert stranger.invoke(FunctionName=arn)["Payload"].read() == b"1"
    with pytest.raises(ClientError, match="is not authorized to perform: lambda:GetFunction"):
        stranger.get_function(FunctionName=arn)
    with pytest.raises(ClientError, match="is not authorized to perform"):
        stranger.invoke(FunctionName=f"{ARN}:{name}")
