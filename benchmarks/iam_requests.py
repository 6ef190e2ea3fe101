"""A request and the policies that have a say in it, and AWS's pages that tell what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
OPERATORS = f"{GUIDE}reference_policies_elements_condition_operators.html"
SETS = f"{GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html"
LOGIC = f"{GUIDE}reference_policies_evaluation-logic_policy-eval-denyallow.html"
CROSS = f"{GUIDE}reference_policies_evaluation-logic-cross-account.html"
VARIABLES = f"{GUIDE}reference_policies_variables.html"
ACTION, NOT_ACTION = (
    f"{GUIDE}reference_policies_elements_action.html",
    f"{GUIDE}reference_policies_elements_notaction.html",
)
RESOURCE, NOT_RESOURCE = (
    f"{GUIDE}reference_policies_elements_resource.html",
    f"{GUIDE}reference_policies_elements_notresource.html",
)
PRINCIPAL, NOT_PRINCIPAL = (
    f"{GUIDE}reference_policies_elements_principal.html",
    f"{GUIDE}reference_policies_elements_notprincipal.html",
)
BOUNDARIES = f"{GUIDE}access_policies_boundaries.html"
SESSIONS = f"{GUIDE}access_policies.html#policies_session"

HOME, AWAY = "111122223333", "444455556666"
ALICE = f"arn:aws:iam::{HOME}:user/Alice"
ROLE, SESSION = f"arn:aws:iam::{HOME}:role/Job", f"arn:aws:sts::{HOME}:assumed-role/Job/run-1"
ROOT = f"arn:aws:iam::{HOME}:root"
OBJECT = "arn:aws:s3:::bucket/folder/photo.jpg"
ENDPOINT = f"arn:aws:sagemaker:us-east-1:{HOME}:endpoint/musher-live"

TAG, TAGS, ARN, IP, DATE, NUMBER, FLAG = (
    "aws:PrincipalTag/team",
    "aws:TagKeys",
    "aws:SourceArn",
    "aws:SourceIp",
    "aws:CurrentTime",
    "s3:max-keys",
    "aws:SecureTransport",
)
FUNCTION = f"arn:aws:lambda:us-east-1:{HOME}:function:classify"

Statement = Mapping[str, Any]
Rows = Sequence[tuple[Any, Any, bool]]
"""The request's value (None: it has none), the policy's, and the verdict."""
T, F = True, False


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request, all policies that have a say, and what AWS says of it."""

    page: str
    is_allowed: bool
    action: str = "s3:GetObject"
    resource: str = OBJECT
    owner: str = HOME
    """The resource's account."""
    principal: str = ALICE
    facts: Mapping[str, Any] = field(default_factory=dict)
    identity: Sequence[Statement] = ()
    boundary: Sequence[Statement] | None = None
    session: Sequence[Statement] | None = None
    by_resource: Sequence[Statement] | None = None


def allow(action: str | list[str] = "s3:*", resource: str | list[str] = "*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str] = "s3:*", resource: str | list[str] = "*", **more: Any) -> Statement:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def for_whom(principal: Any, statement: Statement | None = None) -> Statement:
    return {**(statement or allow()), "Principal": principal}
