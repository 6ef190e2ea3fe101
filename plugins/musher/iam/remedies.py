"""Documents and calls that let somebody do less, never more: narrowing.py proves it before a call is made."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from musher.iam.account import Account, Principal, Role
from musher.iam.documents import Document, Statement
from musher.iam.findings import Call, Remedy
from musher.iam.grants import Policy

VERSION = "2012-10-17"


def write(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": VERSION, "Statement": list(statements)}


def _owner(principal: Principal) -> dict[str, str]:
    return {f"{principal.kind.capitalize()}Name": principal.name}


def detach(principal: Principal, policy: Policy) -> Call:
    """Take a managed policy from a principal."""
    method = f"detach_{principal.kind}_policy"
    return Call(service="iam", method=method, arguments={**_owner(principal), "PolicyArn": policy.arn})


def put_inline(
    principal: Principal,
    *,
    name: str,
    document: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    within: Mapping[str, Any] | None = None,
) -> Call:
    """Give a principal an inline policy, or another document for one that it has."""
    return Call(
        service="iam",
        method=f"put_{principal.kind}_policy",
        arguments={**_owner(principal), "PolicyName": name, "PolicyDocument": json.dumps(document)},
        before=before,
        after=document,
        within=within,
    )


def delete_inline(principal: Principal, policy: Policy) -> Call:
    """Delete an inline policy."""
    return Call(
        service="iam",
        method=f"delete_{principal.kind}_policy",
        arguments={**_owner(principal), "PolicyName": policy.name},
        before=policy.document.raw,
    )


def new_version(policy: Policy, document: Mapping[str, Any]) -> Call:
    """Give a managed policy a new default version."""
    return Call(
        service="iam",
        method="create_policy_version",
        arguments={
            "PolicyArn": policy.arn,
            "PolicyDocument": json.dumps(document),
            "SetAsDefault": True,
        },
        before=policy.document.raw,
        after=document,
    )


def remove_statement(account: Account, policy: Policy, statement: Statement) -> tuple[Call, ...]:
    """Leave a statement out of a policy; a policy of no other is deleted, or taken from all who have it."""
    rest = [found.raw for found in policy.document.statements if found is not statement]
    owners = [found for found in account.principals if policy in found.policies]
    if not policy.arn:
        (owner,) = owners
        if not rest:
            return (delete_inline(owner, policy),)
        before = policy.document.raw
        return (put_inline(owner, name=policy.name, document={**before, "Statement": rest}, before=before),)
    if not rest:
        return tuple(detach(owner, policy) for owner in owners)
    return (new_version(policy, {**policy.document.raw, "Statement": rest}),)


def deny(principal: Principal, actions: Iterable[str]) -> Remedy:
    """Deny actions to a principal in a policy of its own, whatever other policies say."""
    listed = sorted(actions)
    statement = {"Sid": "AuditDenies", "Effect": "Deny", "Action": listed, "Resource": "*"}
    name = "audit-denies-" + "-".join(action.partition(":")[2].lower() for action in listed)
    document = write([statement])
    return Remedy(
        text="Leave the action out, or name the few resources that it is for. Until then, deny it:",
        document=document,
        calls=(put_inline(principal, name=name[:128], document=document),),
        is_stopgap=True,
    )


def put_trust(role: Role, document: Mapping[str, Any]) -> Call:
    """Give a role another trust policy."""
    return Call(
        service="iam",
        method="update_assume_role_policy",
        arguments={"RoleName": role.name, "PolicyDocument": json.dumps(document)},
        before=role.trust.raw,
        after=document,
    )


def replace_statement(document: Document, old: Statement, new: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with another statement in the place of one."""
    statements = [new if found is old else found.raw for found in document.statements]
    return {**document.raw, "Statement": statements}
