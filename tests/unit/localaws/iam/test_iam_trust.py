"""Who may assume a role."""

import json

import pytest

from localaws.iam.trust import trusts_service


@pytest.mark.parametrize(
    ("principal", "effect", "expected"),
    [
        ({"Service": "lambda.amazonaws.com"}, "Allow", True),
        ({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}, "Allow", True),
        ("*", "Allow", True),
        ({"Service": "lambda.amazonaws.com"}, "Deny", False),
        ({"Service": "ec2.amazonaws.com"}, "Allow", False),
        ({"AWS": "123456789012"}, "Allow", False),
    ],
)
def test_a_trust_policy_is_read(principal: object, effect: str, expected: bool) -> None:
    policy = json.dumps({"Statement": {"Effect": effect, "Principal": principal}})
    assert trusts_service(policy, service="lambda.amazonaws.com") is expected


def test_what_is_no_policy_trusts_nobody() -> None:
    assert not trusts_service("no json", service="lambda.amazonaws.com")
    assert not trusts_service("[]", service="lambda.amazonaws.com")


ALLOW = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
DENY = ALLOW | {"Effect": "Deny"}
CONDITION = {"StringNotEquals": {"aws:SourceAccount": "123456789012"}}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([ALLOW, DENY], False),
        ([DENY, ALLOW], False),
        ([ALLOW, DENY | {"Principal": "*"}], False),
        ([ALLOW, DENY | {"Principal": {"Service": "ec2.amazonaws.com"}}], True),
        ([ALLOW, DENY | {"Condition": CONDITION}], True),
        ([ALLOW, DENY | {"Action": "sts:TagSession"}], True),
        ([ALLOW | {"Action": "sts:TagSession"}], False),
        ([ALLOW | {"Action": ["sts:TagSession", "sts:AssumeRole"]}], True),
        ([ALLOW | {"Action": "STS:assumerole"}], True),
        ([ALLOW | {"Action": "sts:*"}], True),
        ([ALLOW | {"Action": "sts:Assume*"}], True),
        ([ALLOW | {"Action": []}], False),
        ([ALLOW | {"Effect": "allow"}], False),
        ([], False),
        (["Allow"], False),
        (None, False),
    ],
)
def test_all_statements_count_and_a_deny_wins(statements: object, expected: bool) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    assert trusts_service(policy, service="lambda.amazonaws.com") is expected
