"""Rules about what policies allow: everything, every action of a service, every resource."""

import re
from collections.abc import Iterator

from musher.iam.account import Account, Principal, Role
from musher.iam.actions import is_everything, is_harmless, is_whole_service
from musher.iam.documents import Statement
from musher.iam.findings import Evidence, Finding, Limits, Remedy
from musher.iam.grants import Policy
from musher.iam.patterns import is_anything
from musher.iam.remedies import detach, put_inline, remove_statement, write
from musher.iam.rules.rule import Rule

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
BEST_PRACTICES = f"{GUIDE}/best-practices.html"
FULL_ACCESS = re.compile(r"FullAccess|^(AdministratorAccess|PowerUserAccess)")
ADMINISTRATORS = ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess")
USED = (
    "Grant by name what it uses: GenerateServiceLastAccessedDetails tells which actions it has called, and "
    "Access Analyzer makes a policy of what CloudTrail has seen."
)

Held = tuple[str, Policy, Statement]
"""The ARN of who or what has a policy, the policy, and a statement of it."""


def statements_in_use(account: Account) -> Iterator[Held]:
    """Give the statements that count: of inline policies, and once each of the account's attached ones."""
    for principal in account.principals:
        for policy in principal.inline:
            yield from ((principal.arn, policy, found) for found in policy.document.statements)
    for policy in account.managed:
        if policy.arn in account.in_use:
            yield from ((policy.arn, policy, found) for found in policy.document.statements)


def _name(held: Held) -> str:
    """Return which policy it is; an inline one has a name that others may have, too."""
    arn, policy, _ = held
    if policy.arn:
        return f"The policy {policy.name}"
    kind, _, path = arn.rpartition(":")[2].partition("/")
    return f"The policy {policy.name} of the {kind} {path.rpartition('/')[2]}"


def find_full_access(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give each of AWS's managed policies that allow all of a service, with who has it."""
    for principal in account.principals:
        for policy in principal.attached:
            if policy.is_of_aws and FULL_ACCESS.search(policy.name):
                yield Finding(
                    rule="full-access",
                    severity="critical" if policy.name in ADMINISTRATORS else "high",
                    resource=principal.arn,
                    title=f"The {principal.kind} {principal.name} has {policy.name}",
                    evidence=(
                        Evidence(path=f"{principal.kind}/{principal.name}/attached", found=policy.arn),
                    ),
                    remedy=_narrow(account, principal, policy, limits),
                    page=f"{GUIDE}/access_policies_managed-vs-inline.html",
                    detail=policy.arn,
                )


def _narrow(account: Account, principal: Principal, policy: Policy, limits: Limits) -> Remedy:
    """Return the remedy: what a function needs of SageMaker is known, all else must be looked up."""
    is_function = isinstance(principal, Role) and principal.trusts("lambda.amazonaws.com")
    if not (is_function and policy.name == "AmazonSageMakerFullAccess"):
        return Remedy(text=f"Detach it. {USED}", calls=(detach(principal, policy),))
    endpoints = f"arn:{account.partition}:sagemaker:{account.region}:{account.account_id}:endpoint/"
    statement = {
        "Sid": "InvokeEndpoints",
        "Effect": "Allow",
        "Action": "sagemaker:InvokeEndpoint",
        "Resource": f"{endpoints}{limits.project}-*",
    }
    document = write([statement])
    return Remedy(
        text="A function in front of an endpoint invokes it, and no more: allow that, detach the rest.",
        document=document,
        calls=(
            put_inline(
                principal, name="audit-invokes-endpoints", document=document, within=policy.document.raw
            ),
            detach(principal, policy),
        ),
    )


def _of_statement(
    account: Account,
    held: Held,
    *,
    rule: str,
    severity: str,
    title: str,
    member: str,
    page: str = BEST_PRACTICES,
) -> Finding:
    """Return a finding about a statement, which the remedy leaves out."""
    arn, policy, statement = held
    return Finding(
        rule=rule,
        severity=severity,
        resource=arn,
        title=title,
        evidence=(Evidence.of(policy.document, f"{statement.pointer}/{member}", statement.raw),),
        remedy=Remedy(
            text=f"Leave the statement out. {USED}", calls=remove_statement(account, policy, statement)
        ),
        page=page,
        detail=str(statement.raw.get("Sid") or statement.raw),
    )


def find_wildcard_admin(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements that allow every action on whatever there is."""
    for held in statements_in_use(account):
        _, _, statement = held
        if statement.is_allow and statement.is_broad and any(map(is_everything, statement.actions)):
            title = f"{_name(held)} allows every action on every resource"
            yield _of_statement(
                account, held, rule="wildcard-admin", severity="critical", title=title, member="Action"
            )


def find_wildcard_service(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements that allow every action of a service, also on named resources."""
    for held in statements_in_use(account):
        _, _, statement = held
        services = sorted(
            pattern.partition(":")[0] for pattern in statement.actions if is_whole_service(pattern)
        )
        if not statement.is_allow or not services:
            continue
        broad = "critical" if {"iam", "organizations"} & set(services) else "high"
        where = "every resource" if statement.is_broad else "the resources that it names"
        yield _of_statement(
            account,
            held,
            rule="wildcard-service",
            severity=broad if statement.is_broad else "medium",
            title=f"{_name(held)} allows every action of {', '.join(services)} on {where}",
            member="Action",
        )


def find_wildcard_resource(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements that allow to change, or to read data of, any resource at all."""
    for held in statements_in_use(account):
        _, _, statement = held
        if not (statement.is_allow and statement.is_broad and any(map(is_anything, statement.resources))):
            continue
        harmful = [
            pattern
            for pattern in statement.actions
            if not (is_harmless(pattern) or is_whole_service(pattern) or is_everything(pattern))
        ]
        if harmful:
            title = f"{_name(held)} allows {', '.join(sorted(harmful))} on every resource"
            yield _of_statement(
                account, held, rule="wildcard-resource", severity="medium", title=title, member="Resource"
            )


def find_not_action(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements that allow all but some actions."""
    for held in statements_in_use(account):
        _, _, statement = held
        if statement.is_allow and statement.not_actions:
            yield _of_statement(
                account,
                held,
                rule="allow-not-action",
                severity="high" if statement.is_broad else "medium",
                title=f"{_name(held)} allows all actions but some, those of services to come included",
                member="NotAction",
                page=f"{GUIDE}/reference_policies_elements_notaction.html",
            )


def find_not_resource(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements that allow something on all resources but some."""
    for held in statements_in_use(account):
        _, _, statement = held
        if statement.is_allow and statement.not_resources:
            yield _of_statement(
                account,
                held,
                rule="allow-not-resource",
                severity="medium",
                title=f"{_name(held)} allows something on all resources but some, those to come included",
                member="NotResource",
                page=f"{GUIDE}/reference_policies_elements_notresource.html",
            )


RULES = (
    Rule(
        id="full-access",
        severities=("high", "critical"),
        title="AWS's FullAccess, AdministratorAccess or PowerUserAccess is attached",
        page=f"{GUIDE}/access_policies_managed-vs-inline.html",
        find=find_full_access,
    ),
    Rule(
        id="wildcard-admin",
        severities=("critical",),
        title="Every action on every resource is allowed",
        page=BEST_PRACTICES,
        find=find_wildcard_admin,
    ),
    Rule(
        id="wildcard-service",
        severities=("medium", "high", "critical"),
        title="Every action of a service is allowed",
        page=BEST_PRACTICES,
        find=find_wildcard_service,
    ),
    Rule(
        id="wildcard-resource",
        severities=("medium",),
        title="Changes, or reading data, are allowed on every resource",
        page=BEST_PRACTICES,
        find=find_wildcard_resource,
    ),
    Rule(
        id="allow-not-action",
        severities=("medium", "high"),
        title="All actions but some are allowed",
        page=f"{GUIDE}/reference_policies_elements_notaction.html",
        find=find_not_action,
    ),
    Rule(
        id="allow-not-resource",
        severities=("medium",),
        title="Something is allowed on all resources but some",
        page=f"{GUIDE}/reference_policies_elements_notresource.html",
        find=find_not_resource,
    ),
)
