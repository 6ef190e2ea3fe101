"""What IAM takes of policy documents, and how it refuses the rest."""

import json
from typing import Any

import pytest
from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from localaws.iam.validation import (
    InlinePolicyValidator,
    ManagedPolicyValidator,
    require_room,
    require_trust_policy,
)
from tests.objections import objection

LAMBDA = {"Service": "lambda.amazonaws.com"}
TAKING: dict[str, Any] = {"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:AssumeRole"}
READING: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def policy(*statements: Any, **more: Any) -> str:
    """Return a document of statements."""
    return json.dumps({"Statement": list(statements), **more})


def permissions(**more: Any) -> str:
    """Return a policy of the newest version that allows something."""
    return policy(READING | more, Version="2012-10-17")


@pytest.mark.parametrize(
    "document",
    [
        policy(TAKING),
        policy(TAKING, Version="2008-10-17", Id="some"),
        json.dumps({"Statement": TAKING}),
        policy(TAKING | {"Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetContext"]}),
        policy(TAKING | {"Action": "sts:*", "Effect": "Deny"}),
        policy(TAKING | {"Principal": {"AWS": ["*", "123456789012", "arn:aws:iam::123456789012:user/x"]}}),
        policy(TAKING | {"Principal": {"AWS": "arn:aws-cn:sts::123456789012:assumed-role/a/b"}}),
        policy(TAKING | {"Principal": {"Service": ["a.b.amazonaws.com", "ec2.amazonaws.com.cn"]}}),
        policy(TAKING | {"Principal": {"Federated": "cognito-identity.amazonaws.com"}}),
        policy(TAKING | {"Condition": {"StringEquals": {"aws:SourceAccount": ["123456789012"]}}}),
        policy(TAKING | {"Sid": "a"}, TAKING | {"Sid": "b"}, TAKING, TAKING | {"Sid": ""}),
        policy(TAKING) + " " * 3000,
    ],
)
def test_a_trust_policy_is_taken(document: str) -> None:
    assert objection(require_trust_policy, document) is None


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "This policy contains invalid Json"),
        ("{", "This policy contains invalid Json"),
        ("[" * 100_000, "This policy contains invalid Json"),
        ("[]", "Syntax errors in policy."),
        (policy(TAKING, Statements=[]), "Syntax errors in policy."),
        ("{}", "Missing required field Statement"),
        (policy(), "Could not parse the policy: Statement is empty!"),
        (policy("text"), "Syntax errors in policy."),
        (policy(TAKING, Version="2026-01-01"), "The policy must contain a valid version string"),
        (policy(TAKING, Version=[]), "The policy must contain a valid version string"),
        (
            policy(TAKING | {"Sid": "a"}, TAKING | {"Sid": "a"}),
            "The Statement Ids in the policy are not unique",
        ),
        (policy(TAKING | {"Sid": {}}), "Syntax errors in policy."),
    ],
)
def test_what_is_no_policy_is_no_trust_policy(document: str, said: str) -> None:
    with pytest.raises(MalformedPolicyDocument) as caught:
        require_trust_policy(document)
    assert caught.value.message == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Effect": None}, "Missing required field Effect"),
        ({"Effect": "allow"}, "Invalid effect: allow"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Principal": {}}, "Missing required field Principal cannot be empty!"),
        ({"Principal": {"AWS": []}}, "Missing required field Principal cannot be empty!"),
        ({"Principal": "*"}, 'AssumeRolepolicy contained an invalid principal: "STAR":"*".'),
        ({"Principal": "lambda.amazonaws.com"}, "Principal must be a JSON object."),
        ({"Principal": {"Services": "a.b"}}, 'Invalid principal in policy: "Services"'),
        ({"Principal": {"Service": "lambda"}}, 'Invalid principal in policy: "SERVICE":"lambda"'),
        ({"Principal": {"AWS": "me"}}, 'Invalid principal in policy: "AWS":"me"'),
        ({"Principal": {"AWS": 12}}, 'Invalid principal in policy: "AWS":"12"'),
        ({"NotPrincipal": LAMBDA}, "Allow with NotPrincipal is not allowed."),
        (
            {"NotPrincipal": LAMBDA, "Effect": "Deny"},
            "AssumeRole policy must not contain NotPrincipal field.",
        ),
        ({"Action": None}, "Missing required field Action"),
        ({"Action": []}, "Missing required field Action"),
        ({"Action": "*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        (
            {"Action": ["sts:AssumeRole", "s3:*"]},
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        ({"Action": ["sts:BadAssumeRole"]}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Action": 5}, "Syntax errors in policy."),
        ({"NotAction": "sts:TagSession"}, "Syntax errors in policy."),
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"NotResource": "*"}, "AssumeRole policy must not contain resources."),
        ({"Condition": {"StringEquals": "x"}}, "Syntax errors in policy."),
        ({"Resources": "*"}, "Syntax errors in policy."),
    ],
)
def test_a_statement_says_who_may_assume_the_role_and_nothing_else(
    changes: dict[str, Any], said: str
) -> None:
    statement = {name: value for name, value in (TAKING | changes).items() if value is not None}
    with pytest.raises(MalformedPolicyDocument) as caught:
        require_trust_policy(policy(statement))
    assert caught.value.message == said


def test_a_trust_policy_has_at_most_2048_characters_without_white_space() -> None:
    with pytest.raises(LimitExceededException, match="Cannot exceed quota for ACLSizePerRole: 2048"):
        require_trust_policy(policy(TAKING | {"Sid": "x" * 2048}))


@pytest.mark.parametrize("version", [{}, {"Version": "2008-10-17"}])
def test_only_managed_policies_must_be_of_the_newest_version(version: dict[str, str]) -> None:
    document = policy(READING, **version)
    InlinePolicyValidator(document).validate()
    with pytest.raises(MalformedPolicyDocument, match="must be version 2012-10-17 or greater"):
        ManagedPolicyValidator(document).validate()


@pytest.mark.parametrize("validator", [InlinePolicyValidator, ManagedPolicyValidator])
@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{}", "Syntax errors in policy"),
        ("[" * 100_000, "Syntax errors in policy"),
        (permissions(Principal=LAMBDA), "Policy document should not specify a principal."),
        (permissions(NotPrincipal=LAMBDA), "Policy document should not specify a principal."),
        (permissions(Resource=[]), "Policy statement must contain resources."),
        (permissions(Action="GetObject"), "Actions/Conditions must be prefaced by a vendor"),
    ],
)
def test_a_policy_of_what_is_allowed_is_checked(
    validator: type[IAMPolicyDocumentValidator], document: str, said: str
) -> None:
    with pytest.raises(MalformedPolicyDocument, match=said):
        validator(document).validate()


@pytest.mark.parametrize(("kind", "limit"), [("role", 10_240), ("user", 2048), ("group", 5120)])
def test_the_inline_policies_of_one_principal_have_room_together(kind: str, limit: int) -> None:
    half = "x" * (limit // 2)
    require_room([half, half + " \n" * 100], kind=kind, name="n")
    with pytest.raises(LimitExceededException) as caught:
        require_room([half, half, "x"], kind=kind, name="n")
    assert caught.value.message == f"Maximum policy size of {limit} bytes exceeded for {kind} n"


def test_a_managed_policy_has_at_most_6144_characters_without_white_space() -> None:
    short = permissions(Sid="")
    ManagedPolicyValidator(permissions(Sid="x" * (6144 - len(short.replace(" ", ""))))).validate()
    with pytest.raises(LimitExceededException, match="Cannot exceed quota for PolicySize: 6144"):
        ManagedPolicyValidator(permissions(Sid="x" * 6145)).validate()


def test_stock_moto_takes_principals_and_wants_a_version_of_every_policy() -> None:
    IAMPolicyDocumentValidator(permissions(Principal=LAMBDA)).validate()
    with pytest.raises(MalformedPolicyDocument, match="must be version"):
        IAMPolicyDocumentValidator(policy(READING)).validate()
