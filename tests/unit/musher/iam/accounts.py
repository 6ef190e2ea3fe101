"""Accounts for the tests of rules: made of plain documents, with nothing wrong unless a test says so."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from musher.iam.account import AccessKey, Account, Bucket, Function, Named, Principal, Role, Unseen, User
from musher.iam.documents import Document, read_document
from musher.iam.findings import Finding, Limits
from musher.iam.grants import Policy
from musher.iam.rules.catalog import ALL

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ACCOUNT = "123456789012"
OTHER = "210987654321"
IAM = f"arn:aws:iam::{ACCOUNT}"
ADMIN = {"Effect": "Allow", "Action": "*", "Resource": "*"}
TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::musher-data", "arn:aws:s3:::musher-data/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}

Statements = Sequence[Mapping[str, Any]]


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """Return a statement that allows something."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(path: str, *statements: Mapping[str, Any]) -> Document:
    """Return a document."""
    return read_document(path, {"Version": "2012-10-17", "Statement": list(statements)})


def trust_of(service: str = "lambda.amazonaws.com", **more: Any) -> dict[str, Any]:
    """Return a statement by which a service assumes a role for this account alone."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        **more,
    }


def inline(owner: str, *statements: Mapping[str, Any], name: str = "own") -> Policy:
    """Return an inline policy of `role/x` or the like."""
    return Policy(name=name, document=document(f"{owner}/policies/{name}.json", *statements))


def managed(name: str, *statements: Mapping[str, Any], of_aws: bool = False) -> Policy:
    """Return a managed policy."""
    arn = f"arn:aws:iam::aws:policy/{name}" if of_aws else f"{IAM}:policy/{name}"
    return Policy(name=name, arn=arn, document=document(f"policy/{name}.json", *statements))


def role(
    name: str = "musher-x",
    *statements: Mapping[str, Any],
    attached: Sequence[Policy] = (),
    trust: Statements | None = None,
    days: float = 1,
    used: float | None = None,
    boundary: str = "",
    path: str = "/",
) -> Role:
    """Return a role that is some days old, and was used some days ago."""
    own = (inline(f"role/{name}", *statements),) if statements else ()
    return Role(
        kind="role",
        name=name,
        arn=f"{IAM}:role{path}{name}",
        created_at=NOW - timedelta(days=days),
        policies=(*own, *attached),
        boundary_arn=boundary,
        trust=document(f"role/{name}/trust.json", *([trust_of()] if trust is None else trust)),
        last_used_at=None if used is None else NOW - timedelta(days=used),
        path=path,
    )


def user(
    name: str = "musher-u",
    *statements: Mapping[str, Any],
    attached: Sequence[Policy] = (),
    groups: Sequence[str] = (),
    keys: tuple[AccessKey, ...] | None = (),
    has_console: bool | None = None,
    has_mfa: bool | None = None,
) -> User:
    """Return a user."""
    own = (inline(f"user/{name}", *statements),) if statements else ()
    return User(
        kind="user",
        name=name,
        arn=f"{IAM}:user/{name}",
        created_at=NOW,
        policies=(*own, *attached),
        groups=tuple(groups),
        keys=keys,
        has_console=has_console,
        has_mfa=has_mfa,
    )


def group(name: str, *statements: Mapping[str, Any]) -> Principal:
    """Return a group with one inline policy."""
    policies = (inline(f"group/{name}", *statements),)
    return Principal(kind="group", name=name, arn=f"{IAM}:group/{name}", created_at=NOW, policies=policies)


def key(key_id: str = "AKIAONE", *, days: float = 1, used: float | None = None, **more: Any) -> AccessKey:
    """Return an access key."""
    return AccessKey(
        id=key_id,
        is_active=more.pop("is_active", True),
        created_at=NOW - timedelta(days=days),
        last_used_at=None if used is None else NOW - timedelta(days=used),
        **more,
    )


def bucket(name: str = "musher-data", *statements: Mapping[str, Any], **changes: Any) -> Bucket:
    """Return a bucket in order, with statements besides the one that asks for TLS."""
    given: dict[str, Any] = {
        "is_encrypted": True,
        "is_versioned": True,
        "is_public_blocked": True,
        "has_policy": True,
        "policy": document(f"bucket/{name}/policy.json", TLS, *statements),
    }
    return Bucket(name=name, **{**given, **changes})


def function(name: str = "musher-f", *statements: Mapping[str, Any], **changes: Any) -> Function:
    """Return a function with a limit."""
    given: dict[str, Any] = {
        "arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}",
        "role_arn": f"{IAM}:role/musher-lambda",
        "reserved": 3,
        "policy": document(f"function/{name}/policy.json", *statements) if statements else None,
    }
    return Function(name=name, **{**given, **changes})


def endpoint(name: str = "musher-live") -> Named:
    """Return an endpoint."""
    return Named(name=name, arn=f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/{name}")


def repository(name: str, *statements: Mapping[str, Any]) -> Named:
    """Return a repository with a policy."""
    policy = document(f"repository/{name}/policy.json", *statements) if statements else None
    return Named(name=name, arn=f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}", policy=policy)


def account(**parts: Any) -> Account:
    """Return an account of these parts."""
    return Account(account_id=ACCOUNT, region="us-east-1", taken_at=NOW, **parts)


def find(rule_id: str, made: Account, **limits: Any) -> list[Finding]:
    """Return what one rule finds."""
    (rule,) = [rule for rule in ALL if rule.id == rule_id]
    found = list(rule.find(made, Limits(**limits)))
    assert all(finding.rule == rule_id and finding.severity in rule.severities for finding in found)
    assert all(finding.page.startswith("https://") and finding.evidence for finding in found)
    return found


def unseen(what: str) -> Unseen:
    """Return something that could not be looked at."""
    return Unseen(what=what, reason="AccessDenied")
