"""Decide whether a principal may do something: all kinds of policies together, as AWS evaluates them. Pure.

Bucket policies ask it, and where permissions are enforced every request: docs/adr/062, docs/adr/063.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localaws.iam.conditions import holds
from localaws.iam.patterns import Facts, as_list
from localaws.iam.policies import applies

Statements = Sequence[Mapping[str, Any]]

IDENTITY, BOUNDARY, SESSION, RESOURCE, TRUST = (
    "identity-based policy",
    "permissions boundary",
    "session policy",
    "resource-based policy",
    "role trust policy",
)
ANYBODY = "*"


class Known(dict[str, str | Sequence[str] | None]):
    """What is known of a request, all of it: a key that is not here is not in the request."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> str | Sequence[str] | None:
        return None


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks: a user, a session of a role, or AWS's service; None of these is anybody without a name."""

    arn: str = ""
    """A user's, or a session's (sts::assumed-role)."""
    role_arn: str = ""
    """Of a session."""
    account_id: str = ""
    service: str = ""
    """Such as lambda.amazonaws.com."""

    @property
    def is_root(self) -> bool:
        """Whether it is the account itself, which identity policies do not limit."""
        return self.arn == f"arn:{_partition(self.arn)}:iam::{self.account_id}:root"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One action on one resource."""

    action: str
    resource: str
    """Its ARN, or `*`."""
    account_id: str
    """The resource's."""
    facts: Facts = field(default_factory=Known)


@dataclass(frozen=True, kw_only=True)
class Policies:
    """All that may have a say; None where there is no policy of a kind."""

    identity: Statements = ()
    boundary: Statements | None = None
    session: Statements | None = None
    resource: Statements | None = None
    """Statements with Principal or NotPrincipal."""
    is_trust: bool = False
    """Whether that is a role's trust policy, without whose Allow nobody gets the role."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether it may, and if not, what decided so."""

    is_allowed: bool
    is_explicit: bool = False
    """Whether a Deny said so."""
    by: str = ""
    """The kind of policy that denies, or that does not allow."""

    @property
    def because(self) -> str:
        """The words in which AWS says it.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        """
        article = {IDENTITY: "an", TRUST: "the"}.get(self.by, "a")
        if self.is_explicit:
            return f"with an explicit deny in {article} {self.by}"
        return f"because no {self.by} allows the {{action}} action"


ALLOWED = Verdict(is_allowed=True)


def evaluate(caller: Caller, asked: Asked, policies: Policies) -> Verdict:
    """Return the verdict: a Deny of any policy wins, then what must allow is asked in AWS's order."""
    resource = [item for item in policies.resource or () if is_about(item, caller)]
    kinds: list[tuple[str, Statements]] = [
        (TRUST if policies.is_trust else RESOURCE, resource),
        (IDENTITY, policies.identity),
        (BOUNDARY, policies.boundary or ()),
        (SESSION, policies.session or ()),
    ]
    for kind, statements in kinds:
        if _says(statements, "Deny", asked):
            return Verdict(is_allowed=False, is_explicit=True, by=kind)
    return _find_allowance(caller, asked, policies, resource)


def _find_allowance(caller: Caller, asked: Asked, policies: Policies, resource: Statements) -> Verdict:
    allowing = [item for item in resource if _says([item], "Allow", asked)]
    if policies.is_trust and not allowing:
        return Verdict(is_allowed=False, by=TRUST)
    if caller.service or not caller.arn:
        return ALLOWED if allowing else Verdict(is_allowed=False, by=RESOURCE)
    is_at_home = caller.account_id == asked.account_id
    if is_at_home and any(_names_directly(item, caller) for item in allowing):
        return ALLOWED
    if is_at_home and any(_names_all(item) for item in allowing):
        return _limit(asked, ((SESSION, policies.session),))
    by_identity = caller.is_root or _says(policies.identity, "Allow", asked)
    by_resource = any(not _names_account_alone(item, caller) for item in allowing)
    if not by_identity and not (is_at_home and by_resource):
        return Verdict(is_allowed=False, by=IDENTITY)
    if not is_at_home and not allowing:
        return Verdict(is_allowed=False, by=RESOURCE)
    return _limit(asked, ((BOUNDARY, policies.boundary), (SESSION, policies.session)))


def _limit(asked: Asked, kinds: Sequence[tuple[str, Statements | None]]) -> Verdict:
    """Return the verdict on what is allowed already: each policy that there is must allow it, too."""
    for kind, statements in kinds:
        if statements is not None and not _says(statements, "Allow", asked):
            return Verdict(is_allowed=False, by=kind)
    return ALLOWED


def _says(statements: Statements, effect: str, asked: Asked) -> bool:
    """Tell whether any statement of that effect applies."""
    return any(
        item["Effect"] == effect
        and applies(item, action=asked.action, resource=asked.resource, facts=asked.facts)
        and holds(item.get("Condition") or {}, asked.facts)
        for item in statements
    )


def is_about(statement: Mapping[str, Any], caller: Caller) -> bool:
    """Tell whether a statement of a resource's policy is about a caller.

    An account in NotPrincipal is that account itself: the others in it are not excepted by it.
    """
    if "NotPrincipal" in statement:
        return not _names(statement["NotPrincipal"], caller, others=set())
    return _names(statement.get("Principal", ANYBODY), caller, others=_account_names(caller))


def _names(element: Any, caller: Caller, *, others: set[str]) -> bool:
    if element == ANYBODY:
        return True
    if not isinstance(element, dict):
        return False
    if caller.service and caller.service in as_list(element.get("Service", [])):
        return True
    return bool(_texts(element.get("AWS", [])) & ({ANYBODY} | _own_names(caller) | others))


def _texts(element: Any) -> set[str]:
    return {item for item in as_list(element) if isinstance(item, str)}


def _own_names(caller: Caller) -> set[str]:
    return {name for name in (caller.arn, caller.role_arn) if name}


def _account_names(caller: Caller) -> set[str]:
    if not caller.account_id:
        return set()
    root = f"arn:{_partition(caller.arn)}:iam::{caller.account_id}:root"
    return {caller.account_id, root}


def _names_directly(statement: Mapping[str, Any], caller: Caller) -> bool:
    """Tell whether an Allow names the user or the session itself: nothing implicit then limits it."""
    return caller.arn in _named(statement)


def _names_all(statement: Mapping[str, Any]) -> bool:
    """Tell whether an Allow is for everybody: those of the account need no policy of their own."""
    return ANYBODY in _named(statement)


def _named(statement: Mapping[str, Any]) -> list[Any]:
    principal = statement.get("Principal")
    return as_list(principal.get("AWS", [])) if isinstance(principal, dict) else [principal]


def _names_account_alone(statement: Mapping[str, Any], caller: Caller) -> bool:
    """Tell whether an Allow names no more than the caller's account, which decides by its own policies."""
    principal = statement.get("Principal")
    if "NotPrincipal" in statement or not isinstance(principal, dict):
        return False
    named = _texts(principal.get("AWS", []))
    return not named & ({ANYBODY} | _own_names(caller)) and bool(named & _account_names(caller))


def _partition(arn: str) -> str:
    parts = arn.split(":")
    return parts[1] if len(parts) > 1 else "aws"
