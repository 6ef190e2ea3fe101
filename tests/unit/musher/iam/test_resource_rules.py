"""Rules about functions, endpoints and repositories."""

from typing import Any

import pytest

from musher.iam.fixing import check_call
from tests.unit.musher.iam.accounts import (
    ACCOUNT,
    OTHER,
    account,
    allow,
    endpoint,
    find,
    function,
    group,
    repository,
    role,
    user,
)

ENDPOINTS = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/"
INVOKE = "sagemaker:InvokeEndpoint"


def permission(principal: Any, **condition: Any) -> dict[str, Any]:
    """Return a statement of a function's policy."""
    more = {"Condition": {"ArnLike": condition}} if condition else {}
    return {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "lambda:InvokeFunction",
        "Resource": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:musher-f",
        **more,
    }


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}])
def test_a_function_for_everybody_loses_the_permission(principal: Any) -> None:
    (found,) = find("public-function", account(functions=(function("musher-f", permission(principal)),)))
    assert found.severity == "high"
    (call,) = found.remedy.calls
    assert call.arguments == {"FunctionName": "musher-f", "StatementId": "one"}
    check_call(call)


def test_a_function_for_an_organization_or_a_role_is_not_public() -> None:
    org = permission("*", **{"aws:PrincipalOrgID": "o-1"})
    mine = permission({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    for statement in (org, mine):
        assert find("public-function", account(functions=(function("musher-f", statement),))) == []


def test_a_service_must_say_for_whom_it_invokes() -> None:
    open_one = permission({"Service": "s3.amazonaws.com"})
    (found,) = find("function-confused-deputy", account(functions=(function("musher-f", open_one),)))
    assert found.severity == "medium"
    bound = permission({"Service": "s3.amazonaws.com"}, **{"AWS:SourceArn": "arn:aws:s3:::a"})
    assert find("function-confused-deputy", account(functions=(function("musher-f", bound),))) == []


def test_a_function_without_a_limit_is_found_one_that_was_not_seen_is_not() -> None:
    (found,) = find("function-without-limit", account(functions=(function(reserved=None),)))
    (call,) = found.remedy.calls
    assert (call.method, call.arguments["FunctionName"]) == ("put_function_concurrency", "musher-f")
    check_call(call)
    unknown = function(reserved=None, is_limit_known=False)
    stopped = function(reserved=0)
    assert find("function-without-limit", account(functions=(unknown, stopped))) == []


@pytest.mark.parametrize(
    ("principal", "severity"),
    [("*", "high"), ({"AWS": OTHER}, "medium"), ({"AWS": [ACCOUNT, OTHER]}, "medium")],
)
def test_an_open_repository_is_found(principal: Any, severity: str) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage"}
    (found,) = find("open-repository", account(repositories=(repository("musher-model", statement),)))
    assert found.severity == severity
    (call,) = found.remedy.calls
    assert call.arguments == {"repositoryName": "musher-model"}
    check_call(call)


@pytest.mark.parametrize("principal", [{"AWS": ACCOUNT}, {"Service": "lambda.amazonaws.com"}])
def test_a_repository_for_the_account_or_a_service_is_closed(principal: Any) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage"}
    made = account(repositories=(repository("a", statement), repository("b")))
    assert find("open-repository", made) == []


def test_an_organization_may_share_a_repository() -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "ecr:BatchGetImage",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
    }
    assert find("open-repository", account(repositories=(repository("a", statement),))) == []


def test_an_endpoint_that_many_may_invoke_is_found_with_their_statements() -> None:
    roles = tuple(role(f"r{number}", allow(INVOKE, f"{ENDPOINTS}musher-*")) for number in range(3))
    made = account(
        roles=roles,
        users=(user("ann", groups=["g"]),),
        groups=(group("g", allow("sagemaker:*")),),
        endpoints=(endpoint("musher-live"), endpoint("other")),
    )
    (found,) = find("endpoint-reach", made, max_invokers=3)
    assert found.resource == f"{ENDPOINTS}musher-live"
    assert "ann, r0, r1, r2" in found.title
    assert len(found.evidence) == 4
    assert find("endpoint-reach", made, max_invokers=4) == []


def test_who_may_invoke_all_but_some_reaches_the_rest() -> None:
    statement = {"Effect": "Allow", "Action": INVOKE, "NotResource": f"{ENDPOINTS}other"}
    made = account(roles=(role("r", statement),), endpoints=(endpoint("musher-live"), endpoint("other")))
    (found,) = find("endpoint-reach", made, max_invokers=0)
    assert found.name == "musher-live"


def test_lists_that_were_refused_give_no_findings() -> None:
    for rule in ("public-function", "function-without-limit", "open-repository", "endpoint-reach"):
        assert find(rule, account(roles=(role("r", allow(INVOKE)),))) == [], rule
