"""Conditions of policies, operator by operator."""

from typing import Any

import pytest

from localaws.iam.callers import Principal
from localaws.iam.conditions import find_unknown, holds, is_condition
from localaws.iam.evaluation import Caller, is_about
from localaws.iam.policies import EXPLICIT_DENY, IMPLICIT_DENY, decide

ROLE, SESSION = "arn:aws:iam::123456789012:role/r", "arn:aws:sts::123456789012:assumed-role/r/s"
FACTS: dict[str, str | None] = {
    "aws:securetransport": "true",
    "aws:sourceip": "10.1.2.3",
    "aws:principalarn": ROLE,
    "aws:sourcearn": None,
    "s3:x-amz-acl": "private",
}


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "is_met"),
    [
        ("Bool", "aws:SecureTransport", "false", False),
        ("Bool", "AWS:securetransport", True, True),
        ("Bool", "aws:SourceArn", "true", False),
        ("BoolIfExists", "aws:SourceArn", "true", True),
        ("StringEquals", "s3:x-amz-acl", ["public-read", "private"], True),
        ("StringEquals", "s3:x-amz-acl", "Private", False),
        ("StringEqualsIgnoreCase", "s3:x-amz-acl", "Private", True),
        ("StringNotEquals", "s3:x-amz-acl", ["public-read", "private"], False),
        ("StringNotEquals", "s3:x-amz-acl", ["public-read", "x"], True),
        ("StringNotEquals", "aws:SourceArn", "x", True),
        ("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:role/?", True),
        ("StringNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/?", False),
        ("StringLike", "s3:x-amz-acl", "p[r]ivate", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:*", True),
        ("ArnNotEquals", "aws:PrincipalArn", ROLE, False),
        ("IpAddress", "aws:SourceIp", ["192.168.0.0/16", "10.0.0.0/8"], True),
        ("IpAddress", "aws:SourceIp", "10.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "ten", False),
        ("NotIpAddress", "aws:SourceIp", "10.1.0.0/16", False),
        ("NotIpAddress", "aws:SourceIp", "2001:db8::/32", True),
        ("Null", "aws:SourceArn", "true", True),
        ("Null", "s3:x-amz-acl", True, False),
        ("Null", "s3:x-amz-acl", "false", True),
        ("StringEquals", "s3:x-amz-acl", [], False),
        ("StringEquals", "s3:x-amz-acl", "${aws:username}", False),
        ("StringNotEquals", "aws:PrincipalOrgID", "o-1", False),
        ("NumericLessThan", "s3:x-amz-acl", 5, False),
        ("ForAllValues:StringNotEquals", "s3:x-amz-acl", "x", True),
    ],
)
def test_an_operator_holds_a_key_against_values(operator: str, key: str, wanted: Any, is_met: bool) -> None:
    assert holds({operator: {key: wanted}}, FACTS) is is_met


def test_all_operators_and_all_keys_must_agree() -> None:
    both = {"Bool": {"aws:SecureTransport": "true"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    assert holds({}, FACTS)
    assert holds(both, FACTS)
    assert not holds(both | {"StringEquals": {"s3:x-amz-acl": "x", "aws:PrincipalArn": ROLE}}, FACTS)


def test_a_key_of_which_nothing_is_known_is_named_and_denies_nothing() -> None:
    condition = {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}
    assert find_unknown(condition, FACTS) == {"aws:PrincipalOrgID"}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    decision = decide([deny], action="s3:GetObject", resource="x", facts=FACTS)
    assert (decision.outcome, decision.missing_keys) == (IMPLICIT_DENY, ("aws:PrincipalOrgID",))
    known = deny | {"Condition": {"StringNotEquals": {"s3:x-amz-acl": "x"}}}
    assert decide([known], action="s3:GetObject", resource="x", facts=FACTS).outcome == EXPLICIT_DENY


@pytest.mark.parametrize(
    ("element", "is_one"),
    [
        ({}, True),
        ({"Bool": {"k": "true"}}, True),
        ({"Bool": {"k": [True, 1, "x"]}}, True),
        ({"Bool": 5}, False),
        ({"Bool": {"k": {}}}, False),
        ({"Bool": {"k": [None]}}, False),
        ([], False),
    ],
)
def test_conditions_have_a_form(element: Any, is_one: bool) -> None:
    assert is_condition(element) is is_one


@pytest.mark.parametrize(
    ("members", "is_named", "is_anybody_named"),
    [
        ({}, True, True),
        ({"Principal": "*"}, True, True),
        ({"Principal": {"AWS": "*"}}, True, True),
        ({"Principal": {"AWS": ["x", ROLE]}}, True, False),
        ({"Principal": {"AWS": SESSION}}, True, False),
        ({"Principal": {"AWS": "123456789012"}}, True, False),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, True, False),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:user/u"}}, False, False),
        ({"Principal": {"Service": "logs.amazonaws.com"}}, False, False),
        ({"Principal": {"AWS": [5, {}]}}, False, False),
        ({"NotPrincipal": {"AWS": ROLE}}, False, True),
    ],
)
def test_a_statement_names_principals(
    members: dict[str, Any], is_named: bool, is_anybody_named: bool
) -> None:
    session = Principal(account_id="123456789012", arn=SESSION, user_id="U:s", role_arn=ROLE)
    assert is_about(members, session.as_caller()) is is_named
    assert is_about(members, Caller()) is is_anybody_named
