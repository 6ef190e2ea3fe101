"""What identity policies allow."""

import json
from typing import Any

import pytest

from localaws.iam.policies import (
    ALLOWED,
    EXPLICIT_DENY,
    IMPLICIT_DENY,
    decide,
    is_statement,
    match,
    read_statements,
)

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


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("s3:Get*", "s3:GetObject", True),
        ("s3:Get?bject", "s3:GetObject", True),
        ("s3:Get?", "s3:Get", False),
        ("*", "", True),
        ("arn:aws:s3:::a.b/*", "arn:aws:s3:::axb/c", False),
        ("arn:aws:s3:::a/*", "arn:aws:s3:::a/b/c/d", True),
        ("s3:[Gg]et*", "s3:Get", False),
        ("s3:[Gg]et*", "s3:[Gg]etObject", True),
        ("s3:(Get|Put)*", "s3:Get", False),
        ("a*" * 40 + "b", "a" * 4000, False),
    ],
)
def test_star_and_question_mark_alone_have_a_meaning(pattern: str, value: str, expected: bool) -> None:
    """The last of these takes a backtracking matcher longer than anybody waits."""
    assert (match(pattern, value) is not None) is expected


@pytest.mark.parametrize(
    ("statements", "outcome", "keys"),
    [
        ([statement(Condition={"Bool": {"aws:SecureTransport": "true"}})], IMPLICIT_DENY, 1),
        ([statement(), statement(Effect="Deny", Condition={"Bool": {"a": "b"}})], ALLOWED, 1),
        ([statement(), statement(Effect="Deny", Action="sqs:*", Condition={"Bool": {"a": "b"}})], ALLOWED, 0),
        ([statement(Condition={"Bool": {"a": "1"}, "StringLike": {"b": "2", "a": "3"}})], IMPLICIT_DENY, 2),
        ([statement(Condition={})], ALLOWED, 0),
        ([statement(Action=[])], IMPLICIT_DENY, 0),
        ([{"Effect": "Deny", "Action": "s3:*", "NotResource": BUCKET}, statement()], ALLOWED, 0),
        ([{"Effect": "Deny", "Action": "s3:*", "NotResource": ["x"]}, statement()], EXPLICIT_DENY, 0),
    ],
)
def test_conditions_are_told_and_their_statements_left_out(
    statements: list[dict[str, Any]], outcome: str, keys: int
) -> None:
    decision = decide(statements, action="s3:GetObject", resource="arn:aws:s3:::photos/a")
    assert (decision.outcome, len(decision.missing_keys)) == (outcome, keys)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (statement(), True),
        (statement(Action=["a", "b"]), True),
        ({"Effect": "Deny", "NotAction": "iam:*", "NotResource": "*"}, True),
        (statement(Condition={"Bool": {"a": "b"}}), True),
        (statement(Effect="allow"), False),
        (statement(Action=None), False),
        (statement(Action=[1]), False),
        (statement(Resource={"Ref": "Bucket"}), False),
        (statement(Condition=["Bool"]), False),
        (statement(Condition={"Bool": "a"}), False),
        ({"Effect": "Allow", "Action": "*"}, False),
        ("Allow", False),
    ],
)
def test_a_statement_has_all_that_a_decision_looks_at(found: Any, expected: bool) -> None:
    assert is_statement(found) is expected
