"""Rules about FullAccess and wildcards: what they find, what they leave alone, and what they propose."""

from typing import Any

import pytest

from musher.iam.fixing import check_call
from tests.unit.musher.iam.accounts import (
    ADMIN,
    IAM,
    account,
    allow,
    find,
    group,
    inline,
    managed,
    role,
    trust_of,
    user,
)

SAGEMAKER = managed(
    "AmazonSageMakerFullAccess",
    {
        "Effect": "Allow",
        "Action": ["sagemaker:*", "sagemaker-geospatial:*"],
        "NotResource": ["arn:aws:sagemaker:*:*:domain/*", "arn:aws:sagemaker:*:*:user-profile/*"],
    },
    of_aws=True,
)
READ_ONLY = managed("AmazonS3ReadOnlyAccess", allow(["s3:Get*", "s3:List*"]), of_aws=True)


def test_full_access_of_the_function_s_role_becomes_the_right_to_invoke() -> None:
    made = account(roles=(role("musher-lambda", attached=[SAGEMAKER]),))
    (found,) = find("full-access", made)
    assert (found.severity, found.resource) == ("high", f"{IAM}:role/musher-lambda")
    put, detach = found.remedy.calls
    assert found.remedy.document == put.after
    assert put.after["Statement"][0]["Action"] == "sagemaker:InvokeEndpoint"
    assert put.after["Statement"][0]["Resource"].endswith(":123456789012:endpoint/musher-*")
    assert (detach.method, detach.arguments["PolicyArn"]) == ("detach_role_policy", SAGEMAKER.arn)
    check_call(put)


def test_full_access_of_others_is_detached() -> None:
    made = account(
        roles=(role("musher-x", attached=[SAGEMAKER], trust=[trust_of("ec2.amazonaws.com")]),),
        users=(user("ann", attached=[managed("AdministratorAccess", ADMIN, of_aws=True)]),),
    )
    found = find("full-access", made)
    assert [(each.name, each.severity) for each in found] == [("musher-x", "high"), ("ann", "critical")]
    assert [call.method for each in found for call in each.remedy.calls] == [
        "detach_role_policy",
        "detach_user_policy",
    ]


def test_read_only_access_and_policies_of_the_account_s_own_are_no_full_access() -> None:
    own = managed("OurFullAccessNot", allow("s3:GetObject", "arn:aws:s3:::a/*"))
    made = account(roles=(role("r", attached=[READ_ONLY, own]),), managed=(own,))
    assert find("full-access", made) == []


def test_roles_of_aws_s_services_are_left_alone() -> None:
    made = account(roles=(role("AWSServiceRoleForX", ADMIN, path="/aws-service-role/x.amazonaws.com/"),))
    assert find("wildcard-admin", made) == []


@pytest.mark.parametrize(
    ("rule", "statement", "severity"),
    [
        ("wildcard-admin", ADMIN, "critical"),
        ("wildcard-admin", allow("*:*", "arn:aws:s3:::*"), "critical"),
        ("wildcard-service", allow("s3:*"), "high"),
        ("wildcard-service", allow(["s3:GetObject", "iam:*"]), "critical"),
        ("wildcard-service", allow("s3:*", "arn:aws:s3:::a/*"), "medium"),
        ("wildcard-resource", allow("sagemaker:CreateModel"), "medium"),
        ("wildcard-resource", allow(["s3:ListBucket", "s3:GetObject"], "arn:aws:s3:::*"), "medium"),
        ("allow-not-action", {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "high"),
        (
            "allow-not-action",
            {"Effect": "Allow", "NotAction": "s3:*", "Resource": "arn:aws:s3:::a"},
            "medium",
        ),
        ("allow-not-resource", {"Effect": "Allow", "Action": "s3:Put*", "NotResource": "x"}, "medium"),
    ],
)
def test_a_wildcard_is_found_with_its_statement(rule: str, statement: dict[str, Any], severity: str) -> None:
    kept = allow("s3:ListBucket", "arn:aws:s3:::a")
    (found,) = find(rule, account(roles=(role("r", kept, statement),)))
    assert found.severity == severity
    (evidence,) = found.evidence
    assert (evidence.path, evidence.found) == ("role/r/policies/own.json", statement)
    assert evidence.pointer.startswith("/Statement/1")
    assert evidence.line > 5
    (call,) = found.remedy.calls
    assert (call.method, call.after["Statement"]) == ("put_role_policy", [kept])
    check_call(call)


@pytest.mark.parametrize(
    "statement",
    [
        allow("s3:GetObject", "arn:aws:s3:::a/*"),
        allow(["ec2:DescribeInstances", "ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"]),
        allow("ec2:TerminateInstances", Condition={"StringEquals": {"aws:ResourceTag/musher:project": "m"}}),
        allow("ec2:CreateNetworkInterface", "arn:aws:ec2:us-east-1:123456789012:subnet/*"),
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "*"},
    ],
)
def test_what_is_narrow_is_no_wildcard(statement: dict[str, Any]) -> None:
    made = account(roles=(role("r", statement),))
    for rule in (
        "wildcard-admin",
        "wildcard-service",
        "wildcard-resource",
        "allow-not-action",
        "allow-not-resource",
    ):
        assert find(rule, made) == [], rule


def test_the_only_statement_goes_with_its_policy() -> None:
    (found,) = find("wildcard-admin", account(users=(user("ann", ADMIN),)))
    (call,) = found.remedy.calls
    assert (call.method, call.arguments) == ("delete_user_policy", {"UserName": "ann", "PolicyName": "own"})


def test_a_managed_policy_is_told_once_for_all_who_have_it() -> None:
    kept = allow("s3:ListBucket", "arn:aws:s3:::a")
    wide, other = managed("wide", kept, ADMIN), managed("unused", ADMIN)
    made = account(
        roles=(role("a", attached=[wide]), role("b", attached=[wide])), managed=(wide, other), users=()
    )
    (found,) = find("wildcard-admin", made)
    assert found.resource == wide.arn
    (call,) = found.remedy.calls
    assert (call.method, call.arguments["SetAsDefault"]) == ("create_policy_version", True)
    check_call(call)


def test_a_managed_policy_of_one_statement_is_taken_from_all() -> None:
    wide = managed("wide", ADMIN)
    made = account(roles=(role("a", attached=[wide]), role("b", attached=[wide])), managed=(wide,))
    (found,) = find("wildcard-admin", made)
    assert [call.arguments["RoleName"] for call in found.remedy.calls] == ["a", "b"]


def test_a_boundary_may_be_wide() -> None:
    bound = managed("bound", ADMIN)
    assert find("wildcard-admin", account(roles=(role("a", boundary=bound.arn),), managed=(bound,))) == []


def test_a_group_s_policy_is_the_group_s_fault() -> None:
    made = account(groups=(group("admins", ADMIN),), users=(user("ann", groups=["admins"]),))
    (found,) = find("wildcard-admin", made)
    assert found.resource == f"{IAM}:group/admins"


def test_the_fingerprint_stays_where_a_statement_moves() -> None:
    other = allow("s3:ListBucket", "arn:aws:s3:::a")
    first, second = (
        find("wildcard-admin", account(roles=(role("r", *statements),)))[0]
        for statements in ((ADMIN, other), (other, ADMIN))
    )
    assert first.fingerprint == second.fingerprint
    assert first.evidence[0].pointer != second.evidence[0].pointer
    renamed = find("wildcard-admin", account(roles=(role("s", ADMIN, other),)))[0]
    assert renamed.fingerprint != first.fingerprint


def test_whose_a_finding_is_is_told_by_the_name() -> None:
    (found,) = find("wildcard-admin", account(roles=(role("musher-x", ADMIN),)))
    assert found.is_of_project("musher")
    assert not found.is_of_project("mush")
    assert inline("role/musher-x", ADMIN).arn == ""
