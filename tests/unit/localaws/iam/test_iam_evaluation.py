"""What AWS's pages say of requests and policies is what the evaluator says."""

import pytest

from benchmarks.iam_cases import CASES
from benchmarks.iam_requests import ALICE, HOME, OBJECT, ROLE, SESSION, Case, allow, deny, for_whom
from localaws.iam.evaluation import Asked, Caller, Known, Policies, Verdict, evaluate


def caller_of(principal: str) -> Caller:
    role = ROLE if principal == SESSION else ""
    return Caller(arn=principal, role_arn=role, account_id=principal.split(":")[4])


def ask(case: Case) -> Verdict:
    asked = Asked(
        action=case.action,
        resource=case.resource,
        account_id=case.owner,
        facts=Known({key.lower(): value for key, value in case.facts.items()}),
    )
    policies = Policies(
        identity=case.identity, boundary=case.boundary, session=case.session, resource=case.by_resource
    )
    return evaluate(caller_of(case.principal), asked, policies)


@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_the_verdict_is_what_the_page_says(case: Case) -> None:
    assert ask(case).is_allowed is case.is_allowed, case


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 250
    assert len({case.page for case in CASES}) >= 13


@pytest.mark.parametrize(
    ("case", "because"),
    [
        (Case(page="", is_allowed=False), "because no identity-based policy allows the {action} action"),
        (
            Case(page="", is_allowed=False, identity=[allow(), deny()]),
            "with an explicit deny in an identity-based policy",
        ),
        (
            Case(page="", is_allowed=False, identity=[allow()], by_resource=[for_whom("*", deny())]),
            "with an explicit deny in a resource-based policy",
        ),
        (
            Case(page="", is_allowed=False, identity=[allow()], boundary=[]),
            "because no permissions boundary allows the {action} action",
        ),
        (
            Case(page="", is_allowed=False, identity=[allow()], boundary=[deny()]),
            "with an explicit deny in a permissions boundary",
        ),
        (
            Case(page="", is_allowed=False, principal=SESSION, identity=[allow()], session=[]),
            "because no session policy allows the {action} action",
        ),
        (
            Case(page="", is_allowed=False, identity=[allow()], owner="444455556666"),
            "because no resource-based policy allows the {action} action",
        ),
    ],
    ids=["implicit", "identity", "resource", "no boundary", "boundary", "no session", "other account"],
)
def test_what_denies_is_named_as_aws_names_it(case: Case, because: str) -> None:
    assert ask(case).because == because


def test_the_account_itself_needs_no_identity_policy_and_heeds_a_resource_s_deny() -> None:
    root = f"arn:aws:iam::{HOME}:root"
    assert ask(Case(page="", is_allowed=True, principal=root)).is_allowed
    assert not ask(
        Case(page="", is_allowed=False, principal=root, by_resource=[for_whom("*", deny())])
    ).is_allowed


def test_a_service_and_anybody_are_allowed_by_a_resource_s_policy_alone() -> None:
    asked = Asked(
        action="lambda:InvokeFunction", resource="arn:aws:lambda:us-east-1:1:function:f", account_id=HOME
    )
    service = Caller(service="apigateway.amazonaws.com")
    named = [for_whom({"Service": "apigateway.amazonaws.com"}, allow("lambda:InvokeFunction"))]
    assert evaluate(service, asked, Policies(resource=named)).is_allowed
    assert not evaluate(service, asked, Policies(resource=[for_whom({"AWS": ALICE}, allow("*"))])).is_allowed
    assert not evaluate(service, asked, Policies(identity=[allow("*")])).is_allowed
    assert evaluate(Caller(), asked, Policies(resource=[for_whom("*", allow("*"))])).is_allowed
    assert not evaluate(Caller(), asked, Policies(resource=named)).is_allowed


def test_an_operator_that_aws_does_not_have_allows_nothing() -> None:
    for operator in ("StringMatches", "ForSomeValues:StringEquals", "NumericLike", ""):
        statement = allow(Condition={operator: {"aws:SourceIp": "10.0.0.1"}})
        facts = {"aws:SourceIp": "10.0.0.1"}
        assert not ask(
            Case(page="", is_allowed=False, resource=OBJECT, identity=[statement], facts=facts)
        ).is_allowed


@pytest.mark.parametrize(
    ("operator", "given", "wanted"),
    [
        ("NumericLessThan", "ten", "11"),
        ("NumericLessThan", "10", "eleven"),
        ("DateLessThan", "tomorrow", "2027-01-01T00:00:00Z"),
        ("IpAddress", "10.0.0", "10.0.0.0/8"),
        ("BinaryEquals", "%", "%"),
        ("ArnLike", "bucket", "*"),
    ],
)
def test_a_value_of_another_type_meets_nothing(operator: str, given: str, wanted: str) -> None:
    statement = allow(Condition={operator: {"aws:SourceArn": wanted}})
    assert not ask(
        Case(page="", is_allowed=False, identity=[statement], facts={"aws:SourceArn": given})
    ).is_allowed


def test_bytes_are_compared_by_what_they_are() -> None:
    for given, is_met in (("QmluYXJ5", True), ("QmluYXJ6", False)):
        statement = allow(Condition={"BinaryEquals": {"aws:key": "QmluYXJ5"}})
        case = Case(page="", is_allowed=is_met, identity=[statement], facts={"aws:key": given})
        assert ask(case).is_allowed is is_met


def test_without_its_trust_policy_s_allow_nobody_gets_a_role() -> None:
    """A role is no bucket: what an identity policy allows is half of what is needed, in one account too."""
    asked = Asked(action="sts:AssumeRole", resource=ROLE, account_id=HOME)
    taking = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    named = {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "sts:AssumeRole"}

    def judge(*trust: dict[str, object], identity: tuple[dict[str, object], ...] = (taking,)) -> Verdict:
        policies = Policies(identity=identity, resource=trust, is_trust=True)
        return evaluate(caller_of(ALICE), asked, policies)

    assert judge().because == "because no role trust policy allows the {action} action"
    assert judge(named | {"Effect": "Deny"}).because == "with an explicit deny in the role trust policy"
    assert judge(named).is_allowed
    assert judge(named, identity=()).is_allowed
    account = named | {"Principal": {"AWS": f"arn:aws:iam::{HOME}:root"}}
    assert judge(account).is_allowed
    assert not judge(account, identity=()).is_allowed
