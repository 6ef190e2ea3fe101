"""Rules about what nobody uses, and what has grown wild."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from musher.iam.account import AccessKey, Account, Role
from musher.iam.findings import Call, Evidence, Finding, Limits, Remedy
from musher.iam.remedies import detach
from musher.iam.rules.rule import Rule

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
ROLE_PAGE = f"{GUIDE}/id_roles_manage_delete.html"
KEY_PAGE = f"{GUIDE}/id_credentials_access-keys.html"
INLINE_PAGE = f"{GUIDE}/access_policies_managed-vs-inline.html"
POLICY_PAGE = f"{GUIDE}/access_policies_manage-delete.html"
ORPHANED_AFTER = timedelta(days=7)
"""A function's role may be without a function for a while: until the next deployment."""


def _age(account: Account, moment: datetime) -> timedelta:
    return account.taken_at - moment


def _unused_for(account: Account, used: datetime | None, made: datetime) -> timedelta:
    return _age(account, max(used, made) if used else made)


def find_unused_role(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the roles that nobody has used for days."""
    for role in account.roles:
        unused = _unused_for(account, role.last_used_at, role.created_at)
        if role.is_of_service or unused <= timedelta(days=limits.unused_days):
            continue
        last = f"last used {role.last_used_at:%Y-%m-%d}" if role.last_used_at else "never used"
        yield Finding(
            rule="unused-role",
            severity="medium",
            resource=role.arn,
            title=f"The role {role.name} has not been used for {unused.days} days ({last})",
            evidence=(Evidence(path=f"role/{role.name}/RoleLastUsed", found=_as_text(role.last_used_at)),),
            remedy=_take_all(role),
            page=ROLE_PAGE,
        )


def _take_all(role: Role) -> Remedy:
    """Return the remedy for a role that nobody needs: its managed policies can be given back."""
    return Remedy(
        text="Take its policies away, wait for somebody to miss them, then delete it (DeleteRole). "
        "Managed ones can be attached again:",
        calls=tuple(detach(role, policy) for policy in role.attached),
    )


def _as_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def find_unused_key(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the active access keys that nobody has used for days."""
    for user in account.users:
        for key in user.keys or ():
            unused = _unused_for(account, key.last_used_at, key.created_at)
            if key.is_active and key.is_use_known and unused > timedelta(days=limits.unused_days):
                yield Finding(
                    rule="unused-key",
                    severity="medium",
                    resource=user.arn,
                    title=f"The access key {key.id} of {user.name} has not been used for {unused.days} days",
                    evidence=(
                        Evidence(
                            path=f"user/{user.name}/keys/{key.id}/LastUsedDate",
                            found=_as_text(key.last_used_at),
                        ),
                    ),
                    remedy=Remedy(
                        text="Make it inactive, which can be undone; delete it once nobody has missed it:",
                        calls=(_switch_off(user.name, key),),
                    ),
                    page=KEY_PAGE,
                    detail=key.id,
                )


def _switch_off(user_name: str, key: AccessKey) -> Call:
    arguments = {"UserName": user_name, "AccessKeyId": key.id, "Status": "Inactive"}
    return Call(service="iam", method="update_access_key", arguments=arguments)


def find_orphaned_role(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the roles for functions that no function has: those of functions that are gone."""
    if account.functions is None:
        return
    used = {function.role_arn for function in account.functions}
    for role in account.roles:
        is_for_functions = role.services == {"lambda.amazonaws.com"}
        idle = _unused_for(account, role.last_used_at, role.created_at)
        if is_for_functions and role.arn not in used and idle > ORPHANED_AFTER:
            yield Finding(
                rule="orphaned-function-role",
                severity="medium",
                resource=role.arn,
                title=f"The role {role.name} is for functions, and none in {account.region} has it",
                evidence=(Evidence(path=f"role/{role.name}/trust.json", found=role.trust.raw),),
                remedy=_take_all(role),
                page=ROLE_PAGE,
            )


def find_inline_sprawl(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give users with inline policies, and whoever has too many of them."""
    for principal in account.principals:
        names = sorted(policy.name for policy in principal.inline)
        if len(names) > limits.max_inline or (names and principal.kind == "user"):
            yield Finding(
                rule="inline-sprawl",
                severity="low",
                resource=principal.arn,
                title=f"The {principal.kind} {principal.name} has {_number(names)}",
                evidence=(Evidence(path=f"{principal.kind}/{principal.name}/policies", found=names),),
                remedy=Remedy(
                    text="Make one managed policy of them, which is versioned and seen in one place"
                    + (", and give it to a group." if principal.kind == "user" else ".")
                ),
                page=INLINE_PAGE,
            )


def _number(names: list[str]) -> str:
    return "an inline policy" if len(names) == 1 else f"{len(names)} inline policies"


def find_unattached(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the account's managed policies that nobody has, nor has as a boundary."""
    bounds = {found.boundary_arn for found in account.principals}
    for policy in account.managed:
        if policy.arn not in account.in_use | bounds:
            yield Finding(
                rule="unattached-policy",
                severity="low",
                resource=policy.arn,
                title=f"Nobody has the managed policy {policy.name}",
                evidence=(Evidence(path=policy.document.path, found=policy.document.raw),),
                remedy=Remedy(
                    text="Delete it, older versions first:",
                    calls=(Call(service="iam", method="delete_policy", arguments={"PolicyArn": policy.arn}),),
                ),
                page=POLICY_PAGE,
            )


RULES = (
    Rule(
        id="unused-role",
        severities=("medium",),
        title="Nobody has used a role for days",
        page=ROLE_PAGE,
        find=find_unused_role,
    ),
    Rule(
        id="unused-key",
        severities=("medium",),
        title="Nobody has used an access key for days",
        page=KEY_PAGE,
        find=find_unused_key,
    ),
    Rule(
        id="orphaned-function-role",
        severities=("medium",),
        title="The function of a role is gone",
        page=ROLE_PAGE,
        find=find_orphaned_role,
    ),
    Rule(
        id="inline-sprawl",
        severities=("low",),
        title="Inline policies of users, or too many of one principal",
        page=INLINE_PAGE,
        find=find_inline_sprawl,
    ),
    Rule(
        id="unattached-policy",
        severities=("low",),
        title="Nobody has a managed policy",
        page=POLICY_PAGE,
        find=find_unattached,
    ),
)
