"""Rules about what nobody uses, about people, and about documents that cannot be read."""

import pytest

from musher.iam.account import Analysis, Root
from musher.iam.fixing import check_call
from tests.unit.musher.iam.accounts import (
    IAM,
    account,
    allow,
    document,
    find,
    function,
    inline,
    key,
    managed,
    role,
    trust_of,
    user,
)

AWS_POLICY = managed("AWSLambdaBasicExecutionRole", allow("logs:PutLogEvents"), of_aws=True)


@pytest.mark.parametrize(
    ("days", "used", "is_unused"),
    [(200, None, True), (200, 100, True), (200, 10, False), (50, None, False), (89, None, False)],
)
def test_a_role_is_unused_by_its_last_use_or_its_age(
    days: float, used: float | None, is_unused: bool
) -> None:
    made = account(roles=(role(days=days, used=used, attached=[AWS_POLICY]),))
    found = find("unused-role", made)
    assert bool(found) is is_unused
    for each in found:
        assert ("never used" in each.title) is (used is None)
        (call,) = each.remedy.calls
        assert call.method == "detach_role_policy"
        check_call(call)


def test_the_days_are_a_choice() -> None:
    made = account(roles=(role(days=40),), users=(user(keys=(key(days=40),)),))
    for rule in ("unused-role", "unused-key"):
        assert find(rule, made) == [], rule
        assert len(find(rule, made, unused_days=30)) == 1, rule


def test_the_clock_of_a_role_that_was_used_before_it_was_made_starts_with_it() -> None:
    assert find("unused-role", account(roles=(role(days=10, used=300),))) == []


def test_an_unused_key_is_switched_off() -> None:
    made = account(users=(user("ann", keys=(key("AKIAOLD", days=200, used=100), key("AKIANEW"))),))
    (found,) = find("unused-key", made)
    (call,) = found.remedy.calls
    assert call.arguments == {"UserName": "ann", "AccessKeyId": "AKIAOLD", "Status": "Inactive"}
    check_call(call)


@pytest.mark.parametrize("changes", [{"is_active": False}, {"is_use_known": False}])
def test_an_inactive_key_and_one_of_unknown_use_are_left(changes: dict[str, bool]) -> None:
    made = account(users=(user(keys=(key(days=200, **changes),)), user("bob", keys=None)))
    assert find("unused-key", made) == []


def test_the_role_of_a_function_that_is_gone_is_found_after_a_week() -> None:
    used = role("musher-lambda", days=100)
    gone, young = role("musher-old", days=100, used=8), role("musher-young", days=100, used=6)
    other = role("musher-ec2", days=100, trust=[trust_of("ec2.amazonaws.com")])
    made = account(roles=(used, gone, young, other), functions=(function(role_arn=used.arn),))
    (found,) = find("orphaned-function-role", made)
    assert found.resource == gone.arn


def test_without_the_list_of_functions_no_role_is_called_orphaned() -> None:
    assert find("orphaned-function-role", account(roles=(role(days=100),))) == []


def test_users_have_no_inline_policies_and_others_few() -> None:
    many = role("many")
    policies = tuple(inline("role/many", allow("s3:ListBucket"), name=f"p{number}") for number in range(9))
    few = role("few", allow("s3:ListBucket"))
    crowded = type(many)(**{**vars(many), "policies": policies})
    made = account(roles=(crowded, few), users=(user("ann", allow("s3:ListBucket")), user("bob")))
    assert [found.name for found in find("inline-sprawl", made)] == ["many", "ann"]
    assert [found.name for found in find("inline-sprawl", made, max_inline=9)] == ["ann"]


def test_a_policy_that_nobody_has_is_found_unless_it_is_a_boundary() -> None:
    had, bound, left = (managed(name, allow("s3:ListBucket")) for name in ("had", "bound", "left"))
    made = account(roles=(role(attached=[had], boundary=bound.arn),), managed=(had, bound, left))
    (found,) = find("unattached-policy", made)
    (call,) = found.remedy.calls
    assert call.arguments == {"PolicyArn": f"{IAM}:policy/left"}
    check_call(call)


@pytest.mark.parametrize(
    ("root", "rules"),
    [
        (Root(has_keys=True, has_mfa=True), {"root-key"}),
        (Root(has_keys=False, has_mfa=False), {"root-without-mfa"}),
        (Root(has_keys=None, has_mfa=None), set()),
        (None, set()),
    ],
)
def test_the_root_user_has_no_keys_and_has_mfa(root: Root | None, rules: set[str]) -> None:
    made = account(root=root)
    assert {rule for rule in ("root-key", "root-without-mfa") if find(rule, made)} == rules


@pytest.mark.parametrize(
    ("has_console", "has_mfa", "count"),
    [(True, False, 1), (True, True, 0), (False, False, 0), (None, None, 0), (True, None, 0)],
)
def test_a_password_needs_mfa(has_console: bool | None, has_mfa: bool | None, count: int) -> None:
    made = account(users=(user(has_console=has_console, has_mfa=has_mfa),))
    assert len(find("console-without-mfa", made)) == count


def test_a_document_that_cannot_be_read_is_a_finding_with_its_place() -> None:
    broken = {"Effect": "Perhaps", "Action": "*"}
    made = account(
        roles=(role("r", broken, trust=[broken]),),
        functions=(function("f", broken),),
        managed=(managed("m", broken),),
    )
    found = find("malformed-document", made)
    assert {each.evidence[0].path for each in found} == {
        "role/r/trust.json",
        "role/r/policies/own.json",
        "function/f/policy.json",
        "policy/m.json",
    }
    assert all(each.title.startswith(f"{each.evidence[0].path}:5:17: ") for each in found)


def test_what_access_analyzer_says_is_told() -> None:
    analysis = Analysis(
        arn=f"{IAM}:role/r",
        document=document("role/r/policies/own.json"),
        severity="medium",
        text="PASS_ROLE_WITH_STAR_IN_RESOURCE: Using the iam:PassRole action with wildcards.",
        line=4,
        column=9,
        page="https://docs.aws.amazon.com/IAM/latest/UserGuide/x.html",
    )
    (found,) = find("access-analyzer", account(analyses=(analysis,)))
    assert (found.severity, found.evidence[0].line) == ("medium", 4)
