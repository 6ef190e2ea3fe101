"""Thirty faults, planted in an account with the bootstrap stacks, and the rule that each is for."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ACCOUNT, OTHER = "123456789012", "210987654321"
IAM = f"arn:aws:iam::{ACCOUNT}"
LAMBDA, SAGEMAKER, EC2 = "lambda.amazonaws.com", "sagemaker.amazonaws.com", "ec2.amazonaws.com"
BUCKET = f"musher-{ACCOUNT}-us-east-1"
MONTHS_D = 100
"""Days after which the time-dependent faults are looked for."""

Clients = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: how it is planted, and the rule and the name by which it must be found."""

    rule: str
    name: str
    """Of the resource, as a finding has it."""
    plant: Callable[[Clients], None]
    detail: str = ""
    """A part of the finding's detail, where the rule has several for one resource."""
    after_days: float = 0.0


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """Return a statement that allows something."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(service: str = LAMBDA) -> dict[str, Any]:
    """Return a trust policy's statement without a fault."""
    more = {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}} if service != EC2 else {}
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", **more}


def make_role(clients: Clients, name: str, *trusted: Mapping[str, Any]) -> None:
    """Make a role."""
    clients("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=document(*(trusted or [trust(SAGEMAKER)]))
    )


def may(rule: str, name: str, *statements: Mapping[str, Any], detail: str = "") -> Fault:
    """Return a fault of a role that may do something."""

    def plant(clients: Clients) -> None:
        make_role(clients, name)
        clients("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))

    return Fault(rule=rule, name=name, plant=plant, detail=detail)


def way(name: str, *actions: str, detail: str) -> Fault:
    """Return a way to more rights."""
    return may("privilege-escalation", name, allow(list(actions)), detail=detail)


def trusting(rule: str, name: str, principal: Any) -> Fault:
    """Return a fault of a role's trust policy."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return Fault(rule=rule, name=name, plant=lambda clients: make_role(clients, name, statement))


def attach_full_access(clients: Clients) -> None:
    """Give the function's role of the bootstrap stack what the reference workload gave it."""
    arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    clients("iam").attach_role_policy(RoleName="musher-lambda", PolicyArn=arn)


def make_administrator(clients: Clients) -> None:
    """Make a user who may do everything by AWS's own policy."""
    clients("iam").create_user(UserName="musher-boss")
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    clients("iam").attach_user_policy(UserName="musher-boss", PolicyArn=arn)


def make_person(clients: Clients) -> None:
    """Make a user with a password, and no MFA."""
    clients("iam").create_user(UserName="musher-ann")
    clients("iam").create_login_profile(UserName="musher-ann", Password="long-enough-1")  # noqa: S106


def make_key(clients: Clients) -> None:
    """Make an access key that nobody uses."""
    clients("iam").create_user(UserName="musher-robot")
    clients("iam").create_access_key(UserName="musher-robot")


def write_user_policy(clients: Clients) -> None:
    """Make a user with an inline policy."""
    clients("iam").create_user(UserName="musher-bob")
    statement = allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}")
    clients("iam").put_user_policy(
        UserName="musher-bob", PolicyName="own", PolicyDocument=document(statement)
    )


def make_unattached(clients: Clients) -> None:
    """Make a managed policy that nobody has."""
    statement = allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}")
    clients("iam").create_policy(PolicyName="musher-left", PolicyDocument=document(statement))


def make_bucket(clients: Clients, name: str, **left_out: bool) -> None:
    """Make a bucket in order but for one setting."""
    s3 = clients("s3")
    s3.create_bucket(Bucket=name)
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    if not left_out.get("block"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True))
    if not left_out.get("encryption"):
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    if not left_out.get("versions"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    arn = f"arn:aws:s3:::{name}"
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": plain,
    }
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{arn}/*"}
    statements: list[dict[str, Any]] = [] if left_out.get("tls") else [tls]
    if left_out.get("privacy"):
        statements.append(public)
    if statements:
        s3.put_bucket_policy(Bucket=name, Policy=document(*statements))


def of_bucket(rule: str, name: str, left_out: str) -> Fault:
    """Return a fault of a bucket's setting."""
    return Fault(rule=rule, name=name, plant=lambda clients: make_bucket(clients, name, **{left_out: True}))


def make_function(clients: Clients, name: str, *, is_limited: bool) -> None:
    """Make a function with the bootstrap stack's role for functions."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "def handle(event, context):\n    return event\n")
    clients("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=f"{IAM}:role/musher-lambda",
        Handler="handler.handle",
        Code={"ZipFile": code.getvalue()},
    )
    if is_limited:
        clients("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)


def permit(clients: Clients, name: str, principal: str) -> None:
    """Make a function that somebody may invoke."""
    make_function(clients, name, is_limited=True)
    clients("lambda").add_permission(
        FunctionName=name, StatementId="open", Action="lambda:InvokeFunction", Principal=principal
    )


def open_repository(clients: Clients) -> None:
    """Let everybody pull the serving images."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    clients("ecr").set_repository_policy(repositoryName="musher-model", policyText=document(statement))


FAULTS = (
    Fault(rule="full-access", name="musher-lambda", plant=attach_full_access),
    Fault(rule="full-access", name="musher-boss", plant=make_administrator),
    may("wildcard-admin", "musher-admin", allow("*")),
    may("wildcard-service", "musher-stars", allow("sagemaker:*")),
    may("wildcard-resource", "musher-writer", allow("s3:PutObject")),
    may("allow-not-action", "musher-nearly", {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
    may(
        "allow-not-resource",
        "musher-most",
        {"Effect": "Allow", "Action": "s3:PutObject", "NotResource": f"arn:aws:s3:::{BUCKET}/*"},
    ),
    may("pass-role-any", "musher-passer", allow("iam:PassRole")),
    may("missing-boundary", "musher-maker", allow("iam:CreateRole", f"{IAM}:role/team-*")),
    way("musher-w1", "iam:CreatePolicyVersion", detail="CreatePolicyVersion"),
    way("musher-w2", "iam:AttachRolePolicy", detail="AttachRolePolicy"),
    way("musher-w3", "iam:UpdateAssumeRolePolicy", detail="UpdateAssumeRolePolicy"),
    way("musher-w4", "iam:CreateAccessKey", detail="CreateAccessKey"),
    way("musher-w5", "lambda:UpdateFunctionCode", detail="UpdateFunctionCode"),
    way("musher-w6", "ssm:SendCommand", detail="SendCommand"),
    way("musher-w7", "iam:PassRole", "ec2:RunInstances", detail="PassRole+RunInstances"),
    trusting("public-trust", "musher-open", {"AWS": "*"}),
    trusting("cross-account-trust", "musher-partner", {"AWS": f"arn:aws:iam::{OTHER}:root"}),
    trusting("confused-deputy", "musher-deputy", {"Service": SAGEMAKER}),
    of_bucket("public-bucket", "musher-public", "privacy"),
    of_bucket("bucket-can-be-public", "musher-unblocked", "block"),
    of_bucket("bucket-without-tls", "musher-plain", "tls"),
    Fault(
        rule="public-function",
        name="musher-callme",
        plant=lambda clients: permit(clients, "musher-callme", "*"),
    ),
    Fault(
        rule="function-without-limit",
        name="musher-greedy",
        plant=lambda clients: make_function(clients, "musher-greedy", is_limited=False),
    ),
    Fault(rule="open-repository", name="musher-model", plant=open_repository),
    Fault(rule="console-without-mfa", name="musher-ann", plant=make_person),
    Fault(rule="inline-sprawl", name="musher-bob", plant=write_user_policy),
    Fault(rule="unattached-policy", name="musher-left", plant=make_unattached),
    Fault(rule="unused-key", name="musher-robot", plant=make_key, after_days=MONTHS_D),
    Fault(
        rule="orphaned-function-role",
        name="musher-orphan",
        plant=lambda clients: make_role(clients, "musher-orphan", trust()),
        after_days=MONTHS_D,
    ),
)
