"""Users have permissions boundaries, which stock moto takes no notice of."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.iam.responses import IamResponse

from localaws.iam.boundaries import add_actions

POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)
NONE = "arn:aws:iam::123456789012:policy/none"


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a moto with boundaries."""
    monkeypatch.setattr(IamResponse, "create_user", IamResponse.create_user)  # put back at the end
    add_actions()
    with mock_aws():
        yield boto3.client("iam", region_name="us-east-1")


def boundary_of(iam: Any, name: str) -> str | None:
    """Return the ARN of a user's boundary."""
    shown = iam.get_user(UserName=name)["User"].get("PermissionsBoundary", {})
    return shown.get("PermissionsBoundaryArn")  # type: ignore[no-any-return]


def test_a_user_is_made_with_a_boundary_gets_another_and_loses_it(iam: Any) -> None:
    first, second = (
        iam.create_policy(PolicyName=name, PolicyDocument=POLICY)["Policy"]["Arn"] for name in ("a", "b")
    )
    made = iam.create_user(UserName="ann", PermissionsBoundary=first)["User"]
    assert made["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": first,
    }
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=second)
    assert boundary_of(iam, "ann") == second
    assert "PermissionsBoundary" not in iam.list_users()["Users"][0]
    iam.delete_user_permissions_boundary(UserName="ann")
    assert boundary_of(iam, "ann") is None
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="ann does not have a permissions bound"):
        iam.delete_user_permissions_boundary(UserName="ann")


def test_a_boundary_is_a_policy_that_is_there(iam: Any) -> None:
    with pytest.raises(ClientError, match="policy/none"):
        iam.create_user(UserName="ann", PermissionsBoundary=NONE)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName="ann")
    iam.create_user(UserName="ann")
    with pytest.raises(ClientError, match="policy/none"):
        iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=NONE)
    assert boundary_of(iam, "ann") is None
