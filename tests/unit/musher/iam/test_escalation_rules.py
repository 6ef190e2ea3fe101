"""Ways to more rights: each is found alone, and none where the rights named are not worth it."""

from typing import Any

import pytest

from musher.iam.escalations import FUNCTIONS, MACHINES, PAGES, WAYS, Way
from musher.iam.fixing import check_call
from tests.unit.musher.iam.accounts import (
    ADMIN,
    IAM,
    account,
    allow,
    find,
    function,
    group,
    managed,
    role,
    trust_of,
    user,
)

PASS = "iam:PassRole"
LAMBDAS = "arn:aws:lambda:us-east-1:123456789012:function:"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.id))
def test_each_way_is_found_and_each_part_of_it_is_needed(way: Way) -> None:
    whole = account(roles=(role("r", allow(list(way.actions))),))
    assert way.id in [found.detail for found in find("privilege-escalation", whole)]
    for missing in way.actions:
        rest = [action for action in way.actions if action != missing]
        made = account(roles=(role("r", allow(rest)),)) if rest else account()
        assert way.id not in [found.detail for found in find("privilege-escalation", made)]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.id))
def test_each_way_has_its_page_and_a_remedy_that_ends_it(way: Way) -> None:
    made = account(roles=(role("r", allow(list(way.actions))),))
    (found,) = [found for found in find("privilege-escalation", made) if found.detail == way.id]
    assert found.page.startswith(tuple(PAGES.values()))
    assert found.severity == ("high" if way.target in (MACHINES, FUNCTIONS) else "critical")
    (call,) = found.remedy.calls
    check_call(call)
    denied = role("r", allow(list(way.actions)), call.after["Statement"][0])
    assert way.id not in [each.detail for each in find("privilege-escalation", account(roles=(denied,)))]


def test_the_ways_have_names_of_their_own() -> None:
    assert len({way.id for way in WAYS}) == len(WAYS)


@pytest.mark.parametrize(
    "resource", [f"{IAM}:role/musher-*", f"{IAM}:role/r", f"{IAM}:role/boss", f"{IAM}:role/*"]
)
def test_writing_policies_of_oneself_or_of_the_powerful_is_a_way(resource: str) -> None:
    boss = role("boss", ADMIN)
    made = account(roles=(role("r", allow("iam:PutRolePolicy", resource)), role("musher-x"), boss))
    expected = 0 if resource.endswith("musher-*") else 1
    assert len([each for each in find("privilege-escalation", made) if each.name == "r"]) == expected


def test_a_policy_that_one_has_must_not_be_one_s_own_to_rewrite() -> None:
    own = managed("own", allow("iam:CreatePolicyVersion", f"{IAM}:policy/own"))
    (found,) = find("privilege-escalation", account(roles=(role("r", attached=[own]),), managed=(own,)))
    assert found.detail == "CreatePolicyVersion"
    other = managed("own", allow("iam:CreatePolicyVersion", f"{IAM}:policy/another"))
    assert find("privilege-escalation", account(roles=(role("r", attached=[other]),), managed=(other,))) == []


@pytest.mark.parametrize(
    ("service", "condition", "count"),
    [
        ("lambda.amazonaws.com", None, 1),
        ("lambda.amazonaws.com", "lambda.amazonaws.com", 1),
        ("lambda.amazonaws.com", "ec2.amazonaws.com", 0),
        ("ec2.amazonaws.com", None, 0),
    ],
)
def test_a_named_role_is_worth_passing_where_it_is_powerful_and_its_service_takes_it(
    service: str, condition: str | None, count: int
) -> None:
    more: dict[str, Any] = (
        {"Condition": {"StringEquals": {"iam:PassedToService": condition}}} if condition else {}
    )
    made = account(
        roles=(
            role("boss", ADMIN, trust=[trust_of(service)]),
            role(
                "r",
                allow(PASS, f"{IAM}:role/boss", **more),
                allow(["lambda:CreateFunction", "lambda:InvokeFunction"], f"{LAMBDAS}x-*"),
            ),
        )
    )
    found = [each for each in find("privilege-escalation", made) if each.name == "r"]
    assert [each.detail for each in found] == ["PassRole+InvokeFunction+CreateFunction"] * count


def test_a_narrow_role_may_be_passed() -> None:
    made = account(
        roles=(
            role(
                "musher-lambda", allow("sagemaker:InvokeEndpoint", "arn:aws:sagemaker:*:*:endpoint/musher-*")
            ),
            role(
                "musher-airflow",
                allow(PASS, f"{IAM}:role/musher-lambda"),
                allow(["lambda:CreateFunction", "lambda:InvokeFunction"], f"{LAMBDAS}musher-*"),
            ),
        )
    )
    assert find("privilege-escalation", made) == []
    assert find("pass-role-any", made) == []


def test_a_function_s_code_is_a_way_where_its_role_is_powerful() -> None:
    changes = allow("lambda:UpdateFunctionCode", f"{LAMBDAS}musher-*")
    boss, weak = role("boss", ADMIN), role("musher-lambda")
    for owner, count in ((boss, 1), (weak, 0)):
        made = account(
            roles=(boss, weak, role("r", changes)), functions=(function("musher-f", role_arn=owner.arn),)
        )
        assert len([each for each in find("privilege-escalation", made) if each.name == "r"]) == count


def test_rights_of_a_group_are_its_members() -> None:
    way = allow("iam:CreateAccessKey")
    made = account(groups=(group("g", way), group("empty", way)), users=(user("ann", groups=["g"]),))
    assert [found.name for found in find("privilege-escalation", made)] == ["ann", "empty"]


def test_a_boundary_closes_a_way() -> None:
    bound = managed("bound", allow("s3:*"))
    open_role = role("r", allow("iam:CreateAccessKey"))
    closed = role("r", allow("iam:CreateAccessKey"), boundary=bound.arn)
    assert find("privilege-escalation", account(roles=(open_role,), managed=(bound,)))
    assert find("privilege-escalation", account(roles=(closed,), managed=(bound,))) == []
    denying = managed("bound", ADMIN, {"Effect": "Deny", "Action": "iam:*", "Resource": "*"})
    assert find("privilege-escalation", account(roles=(closed,), managed=(denying,))) == []


def test_a_boundary_that_could_not_be_read_closes_nothing() -> None:
    made = account(roles=(role("r", allow("iam:CreateAccessKey"), boundary="arn:aws:iam::aws:policy/x"),))
    assert find("privilege-escalation", made)


@pytest.mark.parametrize("statement", [ADMIN, allow("iam:*")])
def test_who_may_do_all_is_told_by_another_rule(statement: dict[str, Any]) -> None:
    made = account(roles=(role("r", statement),))
    for rule in ("privilege-escalation", "pass-role-any", "missing-boundary"):
        assert find(rule, made) == [], rule


def test_a_deny_with_conditions_closes_nothing() -> None:
    deny = {
        "Effect": "Deny",
        "Action": "iam:CreateAccessKey",
        "Resource": "*",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
    }
    assert find("privilege-escalation", account(roles=(role("r", allow("iam:CreateAccessKey"), deny),)))


@pytest.mark.parametrize(("service", "severity"), [(None, "critical"), ("lambda.amazonaws.com", "high")])
def test_passing_any_role_is_found(service: str | None, severity: str) -> None:
    more = {"Condition": {"StringEquals": {"iam:PassedToService": service}}} if service else {}
    (found,) = find("pass-role-any", account(roles=(role("r", allow(PASS, f"{IAM}:role/*", **more)),)))
    assert found.severity == severity
    assert found.remedy.document is not None
    assert found.remedy.document["Statement"][0]["Action"] == [PASS]


def test_who_makes_roles_must_give_them_a_boundary() -> None:
    make = allow("iam:CreateRole", f"{IAM}:role/team-*")
    (found,) = find("missing-boundary", account(roles=(role("r", make),)))
    assert found.severity == "medium"
    assert found.remedy.document is not None
    bound = found.remedy.document
    assert find("missing-boundary", account(roles=(role("r", bound),))) == []
