"""Rules about who may assume a role, by its trust policy."""

import re
from collections.abc import Iterator

from musher.iam.account import Account, Role
from musher.iam.documents import Statement
from musher.iam.findings import Evidence, Finding, Limits, Remedy
from musher.iam.patterns import ANY
from musher.iam.remedies import put_trust, replace_statement
from musher.iam.rules.rule import Rule

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
PRINCIPAL_PAGE = f"{GUIDE}/reference_policies_elements_principal.html"
EXTERNAL_PAGE = f"{GUIDE}/id_roles_common-scenarios_third-party.html"
DEPUTY_PAGE = f"{GUIDE}/confused-deputy.html"
OIDC_PAGE = f"{GUIDE}/id_roles_providers_create_oidc.html"

SAYS_FOR_WHOM = {
    "bedrock.amazonaws.com": "https://docs.aws.amazon.com/bedrock/latest/userguide/cross-service-confused-deputy-prevention.html",
    "codebuild.amazonaws.com": "https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html",
    "lambda.amazonaws.com": DEPUTY_PAGE,
    "sagemaker.amazonaws.com": "https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html",
    "scheduler.amazonaws.com": "https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html",
    "states.amazonaws.com": "https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html",
}
"""Services that say, when they assume a role, for which account they do so. AWS has no list of all: one
that is not here is not held to it (EC2 does not say it)."""

SOURCES = {"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"}
KNOWN_CALLERS = {"sts:externalid", "aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount"}
CALLERS = KNOWN_CALLERS | {
    "aws:principalarn",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
}


def _trusting(account: Account) -> Iterator[tuple[Role, Statement]]:
    for role in account.roles:
        if not role.is_of_service:
            yield from ((role, found) for found in role.trust.statements if found.is_allow)


def _finding(
    role: Role, statement: Statement, *, rule: str, severity: str, title: str, remedy: Remedy, page: str
) -> Finding:
    pointer = f"{statement.pointer}/Principal"
    return Finding(
        rule=rule,
        severity=severity,
        resource=role.arn,
        title=title,
        evidence=(Evidence.of(role.trust, pointer, statement.raw),),
        remedy=remedy,
        page=page,
        detail=str(statement.raw.get("Principal", "NotPrincipal")),
    )


def find_public_trust(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the roles that anybody in the world may assume."""
    root = f"arn:{account.partition}:iam::{account.account_id}:root"
    for role, statement in _trusting(account):
        is_public = ANY in statement.principals.get("AWS", ()) or statement.has_not_principal
        if is_public and not CALLERS & statement.condition_keys:
            narrowed = {name: value for name, value in statement.raw.items() if name != "NotPrincipal"}
            document = replace_statement(role.trust, statement, {**narrowed, "Principal": {"AWS": root}})
            yield _finding(
                role,
                statement,
                rule="public-trust",
                severity="critical",
                title=f"Anybody in the world may assume the role {role.name}",
                remedy=Remedy(
                    text="Name who may assume it. Until then, let only this account's principals do so:",
                    document=document,
                    calls=(put_trust(role, document),),
                ),
                page=PRINCIPAL_PAGE,
            )


def find_cross_account_trust(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the roles that another account may assume without an external id."""
    for role, statement in _trusting(account):
        accounts = sorted(
            {found for name in statement.principals.get("AWS", ()) if (found := account_of(name))}
            - {account.account_id}
        )
        if accounts and not KNOWN_CALLERS & statement.condition_keys:
            condition = {**statement.raw.get("Condition", {})}
            condition["StringEquals"] = {
                **condition.get("StringEquals", {}),
                "sts:ExternalId": "<an id that only that account knows>",
            }
            yield _finding(
                role,
                statement,
                rule="cross-account-trust",
                severity="high",
                title=f"Account {', '.join(accounts)} may assume the role {role.name} without an external id",
                remedy=Remedy(
                    text="Agree on an external id with the other account, and ask for it; if nobody there "
                    "needs the role, take the account out:",
                    document=replace_statement(
                        role.trust, statement, {**statement.raw, "Condition": condition}
                    ),
                ),
                page=EXTERNAL_PAGE,
            )


def account_of(name: str) -> str:
    """Return the account of a principal in a policy; nothing for `*` and for ids of who has been deleted."""
    if re.fullmatch(r"\d{12}", name):
        return name
    found = re.match(r"arn:[^:]+:[^:]+:[^:]*:(\d{12}):", name)
    return found[1] if found else ""


def find_confused_deputy(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the roles that a service may assume for whichever account asks it to."""
    for role, statement in _trusting(account):
        services = [name for name in statement.principals.get("Service", ()) if name in SAYS_FOR_WHOM]
        if not services or SOURCES & statement.condition_keys:
            continue
        condition = {**statement.raw.get("Condition", {})}
        bound = {**condition.get("StringEquals", {}), "aws:SourceAccount": account.account_id}
        condition["StringEquals"] = bound
        document = replace_statement(role.trust, statement, {**statement.raw, "Condition": condition})
        is_only = set(services) == {name for names in statement.principals.values() for name in names}
        yield _finding(
            role,
            statement,
            rule="confused-deputy",
            severity="medium",
            title=f"{', '.join(services)} may assume the role {role.name} for any account",
            remedy=Remedy(
                text="Let the service assume it for this account alone"
                + (
                    ":"
                    if is_only
                    else ", in a statement of its own: others that it names do not say for whom."
                ),
                document=document,
                calls=(put_trust(role, document),) if is_only else (),
            ),
            page=SAYS_FOR_WHOM[services[0]],
        )


def find_federated_trust(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the roles that everybody may assume whom an identity provider knows."""
    for role, statement in _trusting(account):
        providers = statement.principals.get("Federated", ())
        are_named = any(key.endswith((":sub", ":amr")) for key in statement.condition_keys)
        if any(":saml-provider/" not in name for name in providers) and not are_named:
            yield _finding(
                role,
                statement,
                rule="federated-trust",
                severity="high",
                title=f"Whoever {', '.join(providers)} knows may assume the role {role.name}",
                remedy=Remedy(
                    text="Ask for the subject (the provider's `:sub` key) in a condition: of GitHub, "
                    "`token.actions.githubusercontent.com:sub` with the repository and branch."
                ),
                page=OIDC_PAGE,
            )


RULES = (
    Rule(
        id="public-trust",
        severities=("critical",),
        title="Anybody in the world may assume a role",
        page=PRINCIPAL_PAGE,
        find=find_public_trust,
    ),
    Rule(
        id="cross-account-trust",
        severities=("high",),
        title="Another account may assume a role without an external id",
        page=EXTERNAL_PAGE,
        find=find_cross_account_trust,
    ),
    Rule(
        id="confused-deputy",
        severities=("medium",),
        title="A service may assume a role for any account",
        page=DEPUTY_PAGE,
        find=find_confused_deputy,
    ),
    Rule(
        id="federated-trust",
        severities=("high",),
        title="Everybody whom an identity provider knows may assume a role",
        page=OIDC_PAGE,
        find=find_federated_trust,
    ),
)
