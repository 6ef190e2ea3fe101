"""Rules about who may assume a role."""

from typing import Any

import pytest

from musher.iam.fixing import check_call
from musher.iam.rules.trust import account_of
from tests.unit.musher.iam.accounts import ACCOUNT, IAM, OTHER, account, find, role, trust_of

THEIRS = f"arn:aws:iam::{OTHER}:root"
GITHUB = f"{IAM}:oidc-provider/token.actions.githubusercontent.com"
RULES = ("public-trust", "cross-account-trust", "confused-deputy", "federated-trust")


def trusting(principal: Any, **condition: Any) -> dict[str, Any]:
    """Return a trust policy's statement for somebody."""
    more = {"Condition": {"StringEquals": condition}} if condition else {}
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def made(*statements: dict[str, Any], name: str = "musher-x") -> Any:
    """Return an account with a role of this trust policy."""
    return account(roles=(role(name, trust=statements),))


@pytest.mark.parametrize("principal", [{"AWS": "*"}, {"AWS": [THEIRS, "*"]}, "*"])
def test_a_role_for_everybody_becomes_one_for_the_account(principal: Any) -> None:
    (found,) = find("public-trust", made(trusting(principal)))
    assert found.severity == "critical"
    (call,) = found.remedy.calls
    assert call.method == "update_assume_role_policy"
    assert call.after["Statement"][0]["Principal"] == {"AWS": f"{IAM}:root"}
    check_call(call)
    assert find("public-trust", made(call.after["Statement"][0])) == []


@pytest.mark.parametrize("key", ["aws:PrincipalOrgID", "sts:ExternalId", "aws:PrincipalArn"])
def test_a_condition_on_the_caller_makes_it_no_role_for_everybody(key: str) -> None:
    assert find("public-trust", made(trusting({"AWS": "*"}, **{key: "o-1"}))) == []


def test_another_account_needs_an_external_id() -> None:
    (found,) = find("cross-account-trust", made(trusting({"AWS": [THEIRS, OTHER]})))
    assert found.severity == "high"
    assert OTHER in found.title
    assert found.remedy.calls == ()
    assert found.remedy.document is not None
    condition = found.remedy.document["Statement"][0]["Condition"]
    assert "sts:ExternalId" in condition["StringEquals"]


@pytest.mark.parametrize(
    "statement",
    [
        trusting({"AWS": f"{IAM}:root"}),
        trusting({"AWS": ACCOUNT}),
        trusting({"AWS": THEIRS}, **{"sts:ExternalId": "secret"}),
        trusting({"AWS": THEIRS}, **{"aws:PrincipalOrgID": "o-1"}),
        {**trusting({"AWS": THEIRS}), "Effect": "Deny"},
    ],
)
def test_an_account_of_one_s_own_or_an_external_id_is_fine(statement: dict[str, Any]) -> None:
    assert find("cross-account-trust", made(statement)) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (OTHER, OTHER),
        (THEIRS, OTHER),
        (f"arn:aws:sts::{OTHER}:assumed-role/a/b", OTHER),
        ("*", ""),
        ("AIDAX", ""),
    ],
)
def test_the_account_of_a_principal_is_read(name: str, expected: str) -> None:
    assert account_of(name) == expected


@pytest.mark.parametrize("service", ["sagemaker.amazonaws.com", "lambda.amazonaws.com"])
def test_a_service_that_says_for_whom_must_be_asked(service: str) -> None:
    (found,) = find("confused-deputy", made(trusting({"Service": service})))
    assert found.severity == "medium"
    (call,) = found.remedy.calls
    check_call(call)
    assert call.after["Statement"][0]["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert find("confused-deputy", made(call.after["Statement"][0])) == []


def test_conditions_that_are_there_stay() -> None:
    statement = trusting({"Service": "sagemaker.amazonaws.com"}, **{"aws:RequestTag/a": "b"})
    (found,) = find("confused-deputy", made(statement))
    (call,) = found.remedy.calls
    assert call.after["Statement"][0]["Condition"]["StringEquals"] == {
        "aws:RequestTag/a": "b",
        "aws:SourceAccount": ACCOUNT,
    }


def test_ec2_does_not_say_for_whom_and_is_not_asked() -> None:
    assert find("confused-deputy", made(trusting({"Service": "ec2.amazonaws.com"}))) == []
    both = trusting({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]})
    (found,) = find("confused-deputy", made(both))
    assert found.remedy.calls == ()


def test_a_source_arn_is_as_good() -> None:
    statement = {
        **trusting({"Service": "codebuild.amazonaws.com"}),
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/x"}},
    }
    assert find("confused-deputy", made(statement)) == []


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ({}, 1),
        ({"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}, 1),
        ({"token.actions.githubusercontent.com:sub": "repo:a/b:ref:refs/heads/main"}, 0),
    ],
)
def test_a_provider_s_users_are_named_by_their_subject(condition: dict[str, str], count: int) -> None:
    statement = trusting({"Federated": GITHUB}, **condition)
    assert len(find("federated-trust", made(statement))) == count


def test_any_subject_is_none() -> None:
    statement = {
        **trusting({"Federated": GITHUB}),
        "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": "*"}},
    }
    assert len(find("federated-trust", made(statement))) == 1


def test_saml_providers_name_their_users_themselves() -> None:
    assert find("federated-trust", made(trusting({"Federated": f"{IAM}:saml-provider/corp"}))) == []


def test_the_template_s_trust_policies_are_fine() -> None:
    for rule in RULES:
        assert find(rule, made(trust_of("sagemaker.amazonaws.com"))) == [], rule


def test_not_principal_lets_everybody_else_in() -> None:
    statement = {"Effect": "Allow", "NotPrincipal": {"AWS": THEIRS}, "Action": "sts:AssumeRole"}
    assert len(find("public-trust", made(statement))) == 1
