"""What identity policies allow."""

import json
from typing import Any

import pytest

from localaws.iam.policies import ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY, decide, read_statements

BUCKET = "arn:aws:s3:::photos/*"


def statement(**members: Any) -> dict[str, Any]:
    """Return an Allow of reading one bucket, changed."""
    return {"Effect": "Allow", "Action": "s3:Get*", "Resource": BUCKET} | members


@pytest.mark.parametrize(
    ("statements", "action", "resource", "outcome"),
    [
        ([statement()], "s3:GetObject", "arn:aws:s3:::photos/a", ALLOWED),
        ([statement()], "S3:getobject", "arn:aws:s3:::photos/a", ALLOWED),
        ([statement()], "s3:GetObject", "arn:aws:s3:::Photos/a", IMPLICIT_DENY),
        ([statement()], "s3:PutObject", "arn:aws:s3:::photos/a", IMPLICIT_DENY),
        ([statement(Resource=["x", "*"])], "s3:GetObject", "*", ALLOWED),
        ([statement(), statement(Effect="Deny")], "s3:GetObject", "arn:aws:s3:::photos/a", EXPLICIT_DENY),
        ([statement(Action="*", Resource="*")], "iam:PassRole", "*", ALLOWED),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "iam:PassRole", "*", IMPLICIT_DENY),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "s3:GetObject", "*", ALLOWED),
        ([statement(Action="s3:[x]*")], "s3:x", "arn:aws:s3:::photos/a", IMPLICIT_DENY),
        ([], "s3:GetObject", "*", IMPLICIT_DENY),
    ],
)
def test_a_deny_wins_and_nothing_is_allowed_by_itself(
    statements: list[dict[str, Any]], action: str, resource: str, outcome: str
) -> None:
    assert decide(statements, action=action, resource=resource).outcome == outcome


def test_a_statement_with_conditions_does_not_apply_and_names_its_keys() -> None:
    conditional = statement(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})
    decision = decide([conditional], action="s3:GetObject", resource="arn:aws:s3:::photos/a")
    assert decision.outcome == IMPLICIT_DENY
    assert decision.missing_keys == ("aws:RequestedRegion",)


def test_a_document_may_hold_one_statement_or_many() -> None:
    documents = [json.dumps({"Statement": statement()}), json.dumps({"Statement": [statement()] * 2})]
    assert len(read_statements(documents)) == 3
