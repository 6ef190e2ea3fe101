"""Rules about getting more rights than one was given, and about what would hold somebody back."""

from collections.abc import Iterator, Mapping

from musher.iam import escalations
from musher.iam.account import Account, Principal
from musher.iam.actions import is_everything, is_whole_service
from musher.iam.escalations import PASS, WAYS, Way
from musher.iam.findings import Evidence, Finding, Limits, Remedy
from musher.iam.grants import Grant
from musher.iam.patterns import covers
from musher.iam.remedies import deny
from musher.iam.rules.rule import Rule

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
PASS_PAGE = f"{GUIDE}/id_roles_use_passrole.html"
BOUNDARY_PAGE = f"{GUIDE}/access_policies_boundaries.html"
TAKING_ALL = ("*", "*:*", "iam:*")
"""Patterns that have a finding of their own, of which every way of IAM's follows."""

MAKES_PRINCIPALS = ("iam:CreateRole", "iam:CreateUser")
POWERFUL = ("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:CreateAccessKey", "iam:CreatePolicyVersion")
"""Who may do one of these on every resource is worth being taken over, as is who may do everything."""


def is_powerful(account: Account, principal: Principal) -> bool:
    """Return whether somebody would gain by having this principal's rights."""
    grants = [grant for grant in account.grants[principal.arn] if grant.statement.is_allow]
    return any(
        grant.statement.is_broad and (_is_wide(grant) or any(map(grant.statement.is_about, POWERFUL)))
        for grant in grants
    )


def _is_wide(grant: Grant) -> bool:
    statement = grant.statement
    return bool(statement.not_actions) or any(
        is_everything(action) or is_whole_service(action) for action in statement.actions
    )


def find_escalation(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give each way by which somebody can get rights that are not theirs."""
    for principal in account.actors:
        for way in WAYS:
            grants = _find_way(account, principal, way)
            if grants:
                yield _describe(principal, way, grants)


def _find_way(account: Account, principal: Principal, way: Way) -> tuple[Grant, ...]:
    """Return a statement for each action of a way that is open; () where it is not."""
    needed = [account.allowing(principal, action) for action in way.actions]
    if not all(needed):
        return ()
    leading = [
        grant
        for grant in needed[0]
        if not _is_told_elsewhere(grant) and _leads(account, principal, way, grant)
    ]
    return (leading[0], *(grants[0] for grants in needed[1:])) if leading else ()


def _is_told_elsewhere(grant: Grant) -> bool:
    return any(action.lower() in TAKING_ALL for action in grant.statement.actions)


def _leads(account: Account, principal: Principal, way: Way, grant: Grant) -> bool:
    """Return whether a statement is about anybody's rights, or about rights that are worth it."""
    statement = grant.statement
    if way.target == escalations.PASSED and not _can_pass_to(grant, way.service):
        return False
    if statement.is_broad:
        return True
    if statement.is_narrowed or way.target == escalations.MACHINES:
        return False
    targets = _targets(account, principal, way)
    return any(covers(pattern, arn) for pattern in statement.resources for arn in targets)


def _can_pass_to(grant: Grant, service: str) -> bool:
    services = grant.statement.values_of("iam:passedtoservice")
    return not services or any(covers(pattern, service) for pattern in services)


def _targets(account: Account, principal: Principal, way: Way) -> list[str]:
    """Return the ARNs that are worth being named by the deciding statement of a way."""
    powerful = [
        found for found in account.principals if is_powerful(account, found) and found is not principal
    ]
    if way.target == escalations.POLICIES:
        return [
            policy.arn
            for found in (principal, *powerful)
            for policy in found.attached
            if not policy.is_of_aws
        ]
    if way.target == escalations.FUNCTIONS:
        arns = {found.arn for found in powerful}
        return [found.arn for found in account.functions or () if found.role_arn in arns]
    if way.target == escalations.PASSED:
        return [
            role.arn
            for role in account.roles
            if role.trusts(way.service) and not role.is_of_service and is_powerful(account, role)
        ]
    own = [principal.arn] if way.target == escalations.OWN else []
    return [*own, *(found.arn for found in powerful)]


def _describe(principal: Principal, way: Way, grants: tuple[Grant, ...]) -> Finding:
    return Finding(
        rule="privilege-escalation",
        severity="high" if way.target in (escalations.MACHINES, escalations.FUNCTIONS) else "critical",
        resource=principal.arn,
        title=f"The {principal.kind} {principal.name} can get more rights: it {way.what} "
        f"({' + '.join(way.actions)})",
        evidence=tuple(
            Evidence.of(grant.policy.document, grant.statement.pointer, grant.statement.raw)
            for number, grant in enumerate(grants)
            if grant not in grants[:number]
        ),
        remedy=deny(principal, way.actions[:1]),
        page=way.page,
        detail=way.id,
    )


def find_pass_role(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements by which somebody may pass any role."""
    for principal in account.principals:
        for policy in principal.policies:
            for statement in policy.document.allows(PASS):
                grant = Grant(policy=policy, statement=statement)
                if statement.is_broad and not _is_told_elsewhere(grant) and not policy.is_of_aws:
                    bound = statement.values_of("iam:passedtoservice")
                    to = f"to {', '.join(bound)}" if bound else "to any service"
                    yield Finding(
                        rule="pass-role-any",
                        severity="high" if bound else "critical",
                        resource=principal.arn,
                        title=f"The {principal.kind} {principal.name} may pass any role {to}",
                        evidence=(Evidence.of(policy.document, statement.pointer, statement.raw),),
                        remedy=deny(principal, [PASS]),
                        page=PASS_PAGE,
                        detail=policy.name,
                    )


def find_missing_boundary(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give who may make roles or users without having to give them a boundary."""
    for principal in account.actors:
        for action in MAKES_PRINCIPALS:
            for grant in account.allowing(principal, action):
                statement = grant.statement
                is_bound = "iam:permissionsboundary" in statement.condition_keys
                if is_bound or _is_told_elsewhere(grant) or grant.policy.is_of_aws:
                    continue
                yield Finding(
                    rule="missing-boundary",
                    severity="medium",
                    resource=principal.arn,
                    title=f"The {principal.kind} {principal.name} may call {action} without a boundary",
                    evidence=(Evidence.of(grant.policy.document, statement.pointer, statement.raw),),
                    remedy=Remedy(
                        text="Let it make them with one permissions boundary only, by this statement in the "
                        "place of the old one:",
                        document=_bound(statement.raw, account, limits),
                    ),
                    page=BOUNDARY_PAGE,
                    detail=f"{action} {grant.policy.name}",
                )


def _bound(raw: Mapping[str, object], account: Account, limits: Limits) -> dict[str, object]:
    """Return a statement with the condition that it lacks."""
    arn = f"arn:{account.partition}:iam::{account.account_id}:policy/{limits.project}-boundary"
    return {**raw, "Condition": {"ArnEquals": {"iam:PermissionsBoundary": arn}}}


RULES = (
    Rule(
        id="privilege-escalation",
        severities=("high", "critical"),
        title="Somebody can get rights that are not theirs",
        page="https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/",
        find=find_escalation,
    ),
    Rule(
        id="pass-role-any",
        severities=("high", "critical"),
        title="Any role may be passed",
        page=PASS_PAGE,
        find=find_pass_role,
    ),
    Rule(
        id="missing-boundary",
        severities=("medium",),
        title="Roles or users may be made without a permissions boundary",
        page=BOUNDARY_PAGE,
        find=find_missing_boundary,
    ),
)
