"""AssumeRole keeps what moto drops: policies, tags and the source identity of a session."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.sts.responses import TokenResponse

from localaws.iam import sessions
from localaws.iam.callers import find_session
from localaws.iam.sessions import add_actions

KEY = "AKIA0123456789ABCDEF"
ROLE = "arn:aws:iam::123456789012:role/trainer"
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Clients of a moto that has our AssumeRole."""
    for name in ("assume_role", "get_caller_identity"):
        monkeypatch.setattr(TokenResponse, name, getattr(TokenResponse, name))  # put back at the end
    add_actions()
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": "test"}
    with mock_aws():
        yield {name: boto3.client(name, region_name="us-east-1", **keys) for name in ("sts", "iam")}


def test_a_session_keeps_what_it_was_opened_with(clients: dict[str, Any]) -> None:
    managed = clients["iam"].create_policy(PolicyName="own", PolicyDocument=POLICY)["Policy"]["Arn"]
    made = clients["sts"].assume_role(
        RoleArn=ROLE,
        RoleSessionName="work",
        DurationSeconds=900,
        Policy=POLICY,
        PolicyArns=[{"arn": managed}],
        Tags=[{"Key": "team", "Value": "dogs"}],
        SourceIdentity="ann",
    )["Credentials"]
    session: Any = find_session(made["AccessKeyId"])
    assert session.session_documents == (POLICY, POLICY)
    assert (session.session_tags, session.source_identity) == ({"team": "dogs"}, "ann")
    assert (session.expiration - session.issued_at).total_seconds() == 900


def test_a_session_without_any_is_not_limited(clients: dict[str, Any]) -> None:
    made = clients["sts"].assume_role(RoleArn=ROLE, RoleSessionName="work")["Credentials"]
    session: Any = find_session(made["AccessKeyId"])
    assert (session.session_documents, session.session_tags, session.source_identity) == ((), {}, None)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"Policy": "{"}, "MalformedPolicyDocument", "The policy is not in the valid JSON format."),
        ({"Policy": '{"Statement": [{"Effect": "Maybe"}]}'}, "MalformedPolicyDocument", "valid JSON"),
        (
            {"PolicyArns": [{"arn": "arn:aws:iam::123456789012:policy/none"}]},
            "MalformedPolicyDocument",
            "policy/none does not exist",
        ),
        (
            {"PolicyArns": [{"arn": f"arn:aws:iam::123456789012:policy/p{n}"} for n in range(11)]},
            "ValidationError",
            "A session has at most 10 managed policies.",
        ),
    ],
    ids=["no json", "no statement", "no policy", "too many"],
)
def test_what_is_no_policy_makes_no_session(
    clients: dict[str, Any], options: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        clients["sts"].assume_role(RoleArn=ROLE, RoleSessionName="work", **options)
    assert error.value.response["Error"]["Code"] == code


def test_the_root_is_told_that_it_is_the_root(
    clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert clients["sts"].get_caller_identity()["Arn"].endswith(":user/moto")
    monkeypatch.setitem(sessions.ROOT_KEYS, KEY, object())
    found = clients["sts"].get_caller_identity()
    assert found["Arn"] == "arn:aws:iam::123456789012:root"
    assert found["UserId"] == found["Account"] == "123456789012"
