"""A snapshot of an account on moto: what is read, what is missing, and what AWS refuses."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from moto.iam.models import AWSManagedPolicy, iam_backends

from musher.iam import credentials
from musher.iam.account import Account
from musher.iam.analyzer import simulate, with_analyses
from musher.iam.audit import make_audit
from musher.iam.findings import Limits
from musher.iam.looks import Looks
from musher.iam.snapshot import take_snapshot
from tests.unit.musher.iam.accounts import allow, trust_of

MakeClient = Callable[[str], Any]
READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:*")]})


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeClient]:
    """Clients of moto."""
    monkeypatch.setattr(credentials, "DELAYS_S", (0.0, 0.0))
    with mock_aws():
        yield boto3.Session("test", "test", region_name="us-east-1").client


@pytest.fixture
def aws_policy(clients: MakeClient) -> str:
    """The ARN of one of AWS's own policies: moto has all of them only where it takes its time."""
    backend = iam_backends["123456789012"]["aws"]
    policy = AWSManagedPolicy(
        "AmazonS3ReadOnlyAccess", account_id="123456789012", region="us-east-1", document=DOCUMENT
    )
    backend.managed_policies[READ] = policy
    backend.aws_managed_policies.append(policy)
    return READ


def take(clients: MakeClient) -> Account:
    """Return a snapshot."""
    return take_snapshot(clients, account_id="123456789012", region="us-east-1", now=datetime.now(UTC))


def refusing(clients: MakeClient, *refused: str, code: str = "AccessDenied") -> MakeClient:
    """Return clients some of whose operations are refused."""

    def make(service: str) -> Any:
        client = clients(service)

        def refuse(model: Any, **_: Any) -> None:
            if model.name in refused:
                raise ClientError({"Error": {"Code": code, "Message": "not yours"}}, model.name)

        client.meta.events.register("before-call", refuse)
        return client

    return make


def make_role(clients: MakeClient, name: str = "musher-r") -> Any:
    """Make a role, and return a client of IAM."""
    iam = clients("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trust_of()]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    return iam


def test_roles_have_their_policies_and_their_trust(clients: MakeClient, aws_policy: str) -> None:
    iam = make_role(clients)
    iam.put_role_policy(RoleName="musher-r", PolicyName="own", PolicyDocument=DOCUMENT)
    iam.attach_role_policy(RoleName="musher-r", PolicyArn=aws_policy)
    made = iam.create_policy(PolicyName="local", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="musher-r", PolicyArn=made)
    iam.put_role_permissions_boundary(RoleName="musher-r", PermissionsBoundary=made)
    found = take(clients)
    (role,) = found.roles
    assert {policy.name for policy in role.policies} == {"own", "AmazonS3ReadOnlyAccess", "local"}
    assert all(policy.document.statements for policy in role.policies)
    assert role.boundary_arn == made
    assert role.trusts("lambda.amazonaws.com")
    assert [policy.arn for policy in found.of_aws] == [aws_policy]
    assert found.unseen == ()


def test_users_have_their_groups_keys_passwords_and_mfa(clients: MakeClient) -> None:
    iam = clients("iam")
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="long-enough-1")
    iam.create_group(GroupName="g")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=DOCUMENT)
    iam.add_user_to_group(GroupName="g", UserName="ann")
    key_id = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    found = take(clients)
    (user,) = found.users
    assert user.groups == ("g",)
    assert (user.has_console, user.has_mfa) == (True, False)
    assert user.keys is not None
    assert [(key.id, key.is_active, key.is_use_known) for key in user.keys] == [(key_id, True, True)]
    assert found.allowing(user, "s3:GetObject")
    assert found.root is not None
    assert (found.root.has_keys, found.root.has_mfa) == (False, None)


def test_buckets_have_their_settings(clients: MakeClient) -> None:
    s3 = clients("s3")
    for name in ("bare", "whole"):
        s3.create_bucket(Bucket=name)
    blocked = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    s3.put_public_access_block(Bucket="whole", PublicAccessBlockConfiguration=blocked)
    s3.put_bucket_versioning(Bucket="whole", VersioningConfiguration={"Status": "Enabled"})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket="whole", ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_policy(Bucket="whole", Policy='{"Statement": {"Effect": "Deny", "Action": "s3:*"}}')
    buckets = {bucket.name: bucket for bucket in take(clients).buckets or ()}
    bare, whole = buckets["bare"], buckets["whole"]
    assert (whole.is_encrypted, whole.is_versioned, whole.is_public_blocked, whole.has_policy) == (True,) * 4
    assert (bare.is_encrypted, bare.is_versioned, bare.is_public_blocked, bare.has_policy) == (False,) * 4
    assert whole.policy is not None
    assert whole.policy.statements[0].effect == "Deny"


def test_functions_endpoints_and_repositories_are_listed(clients: MakeClient) -> None:
    make_role(clients)
    functions = clients("lambda")
    functions.create_function(
        FunctionName="musher-f",
        Runtime="python3.11",
        Role="arn:aws:iam::123456789012:role/musher-r",
        Handler="a.b",
        Code={"ZipFile": b"any"},
    )
    functions.put_function_concurrency(FunctionName="musher-f", ReservedConcurrentExecutions=2)
    functions.add_permission(
        FunctionName="musher-f", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    clients("ecr").create_repository(repositoryName="musher-model")
    found = take(clients)
    assert found.functions is not None
    (function,) = found.functions
    assert (function.reserved, function.role_arn) == (2, "arn:aws:iam::123456789012:role/musher-r")
    assert function.policy is not None
    assert function.policy.statements[0].principals == {"Service": ("s3.amazonaws.com",)}
    assert [each.name for each in found.repositories or ()] == ["musher-model"]
    assert found.endpoints == ()


LISTS = {
    "GetAccountAuthorizationDetails": "roles, users, groups and policies",
    "GenerateCredentialReport": "credential report",
    "GetAccountSummary": "account summary",
    "ListBuckets": "buckets",
    "ListFunctions": "functions",
    "ListEndpoints": "endpoints",
    "DescribeRepositories": "repositories",
}


@pytest.mark.parametrize(("operation", "what"), LISTS.items())
def test_one_list_that_is_refused_is_named_and_hides_no_other(
    clients: MakeClient, operation: str, what: str
) -> None:
    make_role(clients)
    clients("s3").create_bucket(Bucket="bare")
    found = take(refusing(clients, operation))
    assert [each.what for each in found.unseen] == [what]
    assert "AccessDenied" in found.unseen[0].reason
    assert bool(found.roles) is (operation != "GetAccountAuthorizationDetails")
    assert bool(found.buckets) is (operation != "ListBuckets")
    assert make_audit(found, Limits()).unseen


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ("ListAccessKeys", "access keys of ann"),
        ("GetBucketPolicy", "policy of bucket bare"),
        ("GetBucketEncryption", "encryption of bucket bare"),
        ("GetBucketVersioning", "versioning of bucket bare"),
        ("GetPublicAccessBlock", "public access block of bucket bare"),
        ("GetPolicyVersion", f"policy {READ}"),
    ],
)
def test_one_setting_that_is_refused_is_named_and_is_no_finding(
    clients: MakeClient, aws_policy: str, operation: str, what: str
) -> None:
    iam = make_role(clients)
    iam.attach_role_policy(RoleName="musher-r", PolicyArn=aws_policy)
    iam.create_user(UserName="ann")
    clients("s3").create_bucket(Bucket="bare")
    found = take(refusing(clients, operation))
    assert [each.what for each in found.unseen] == [what]
    assert len(make_audit(found, Limits()).findings) >= 3


def test_a_connection_that_breaks_is_unseen_too(clients: MakeClient) -> None:
    def make(service: str) -> Any:
        client = clients(service)

        def cut(**_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://x")

        client.meta.events.register("before-call", cut)
        return client

    found = take(make)
    assert {each.what for each in found.unseen} >= {"buckets", "functions", "credential report"}


def test_a_report_that_is_never_made_is_unseen(clients: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "DELAYS_S", (0.0,))
    (unseen,) = take(clients).unseen
    assert unseen.what == "credential report"
    assert "not made the report" in unseen.reason


class Analyzer:
    """Access Analyzer with one finding for each document."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, _: str) -> "Analyzer":
        return self

    def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
        self.asked.append(arguments)
        place = {"span": {"start": {"line": 3, "column": 4, "offset": 1}}}
        finding = {
            "findingType": "SECURITY_WARNING",
            "issueCode": "PASS_ROLE_WITH_STAR_IN_RESOURCE",
            "findingDetails": "wide",
            "learnMoreLink": "https://docs.aws.amazon.com/x",
            "locations": [place],
        }
        return [{"findings": [finding, {**finding, "findingType": "SUGGESTION"}]}]


def test_access_analyzer_is_asked_about_each_document_by_its_kind(clients: MakeClient) -> None:
    iam = make_role(clients)
    iam.put_role_policy(RoleName="musher-r", PolicyName="own", PolicyDocument=DOCUMENT)
    analyzer = Analyzer()
    found = with_analyses(take(clients), lambda _: analyzer)
    assert [(each.severity, each.line, each.column) for each in found.analyses] == [("medium", 3, 5)] * 2
    assert [each["policyType"] for each in analyzer.asked] == ["RESOURCE_POLICY", "IDENTITY_POLICY"]


def test_access_analyzer_that_is_refused_is_asked_once(clients: MakeClient) -> None:
    make_role(clients)
    make_role(clients, "musher-s")
    found = with_analyses(take(clients), refusing(clients, "ValidatePolicy"))
    assert [each.what for each in found.unseen] == ["Access Analyzer"]


class Simulator:
    """IAM's simulation, which allows everything."""

    def simulate_principal_policy(self, *, PolicySourceArn: str, ActionNames: list[str]) -> dict[str, Any]:  # noqa: N803
        results = [{"EvalActionName": name, "EvalDecision": "allowed"} for name in ActionNames]
        return {"EvaluationResults": results}


def test_the_simulation_is_told_for_each_way(clients: MakeClient) -> None:
    iam = make_role(clients)
    statement = allow(["iam:PassRole", "ec2:RunInstances"])
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="musher-r", PolicyName="own", PolicyDocument=document)
    findings = make_audit(take(clients), Limits()).findings
    notes = list(simulate(findings, lambda _: Simulator(), Looks()))
    assert notes == [
        "IAM's simulation of arn:aws:iam::123456789012:role/musher-r: iam:PassRole allowed, "
        "ec2:RunInstances allowed"
    ]
    looks = Looks()
    assert list(simulate(findings, refusing(clients, "SimulatePrincipalPolicy"), looks)) == []
    assert [each.what for each in looks.unseen] == ["IAM's simulation"]
