"""The statements of a function's policy."""

from typing import Any

import pytest

from localaws.functions.permissions.policy import AUTH_TYPE, VIA_URL, FunctionPolicy, build_statement

REQUEST = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}


@pytest.mark.parametrize(
    ("principal", "element"),
    [
        ("*", "*"),
        ("s3.amazonaws.com", {"Service": "s3.amazonaws.com"}),
        ("210987654321", {"AWS": "arn:aws:iam::210987654321:root"}),
        ("arn:aws:iam::1:role/r", {"AWS": "arn:aws:iam::1:role/r"}),
    ],
)
def test_a_principal_becomes_an_element(principal: str, element: Any) -> None:
    assert build_statement(REQUEST | {"Principal": principal}, resource="arn:f")["Principal"] == element


def test_conditions_are_merged_by_operator() -> None:
    sources = {"SourceArn": "arn:aws:s3:::b", "SourceAccount": "1", "PrincipalOrgID": "o-1"}
    assert build_statement(REQUEST | sources, resource="arn:f")["Condition"] == {
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
        "StringEquals": {"AWS:SourceAccount": "1", "aws:PrincipalOrgID": "o-1"},
    }
    assert "Condition" not in build_statement(REQUEST, resource="arn:f")


@pytest.mark.parametrize(
    ("principal", "action", "granted"),
    [
        ("210987654321", "lambda:InvokeFunction", True),
        ("*", "lambda:*", True),
        ("123456789012", "lambda:InvokeFunction", False),
        ("210987654321", "lambda:GetFunction", False),
        ("s3.amazonaws.com", "lambda:InvokeFunction", False),
    ],
)
def test_a_policy_grants_what_it_names(principal: str, action: str, granted: bool) -> None:
    policy = FunctionPolicy()
    policy.add(build_statement(REQUEST | {"Principal": principal, "Action": action}, resource="arn:f"))
    assert policy.grants(action="lambda:InvokeFunction", account_id="210987654321", facts={}) == granted
    assert not FunctionPolicy().grants(action=action, account_id="210987654321", facts={})


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({}, True),
        ({"FunctionUrlAuthType": "NONE"}, True),
        ({"FunctionUrlAuthType": "AWS_IAM"}, False),
        ({"InvokedViaFunctionUrl": True}, True),
        ({"InvokedViaFunctionUrl": False}, False),
        ({"SourceArn": "arn:aws:s3:::b"}, False),
        ({"SourceAccount": "123456789012"}, False),
        ({"PrincipalOrgID": "o-1"}, False),
    ],
)
def test_a_statement_applies_where_all_its_conditions_are_known_to_hold(
    condition: dict[str, Any], holds: bool
) -> None:
    policy = FunctionPolicy()
    policy.add(build_statement(REQUEST | {"Principal": "*"} | condition, resource="arn:f"))
    facts = {AUTH_TYPE: "NONE", VIA_URL: "true"}
    assert policy.grants(action="lambda:InvokeFunction", account_id=None, facts=facts) is holds


def test_everybody_is_not_one_account() -> None:
    policy = FunctionPolicy()
    policy.add(build_statement(REQUEST | {"Principal": "210987654321"}, resource="arn:f"))
    assert not policy.grants(action="lambda:InvokeFunction", account_id=None, facts={})
