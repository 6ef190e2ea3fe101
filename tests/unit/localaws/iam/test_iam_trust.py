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
