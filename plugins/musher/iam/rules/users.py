"""Rules about people: the root user, passwords, MFA. And about documents that nobody can read."""

from collections.abc import Iterator

from musher.iam.account import Account
from musher.iam.findings import Evidence, Finding, Limits, Remedy
from musher.iam.rules.rule import Rule

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
ROOT_PAGE = f"{GUIDE}/root-user-best-practices.html"
MFA_PAGE = f"{GUIDE}/id_credentials_mfa.html"
ANALYZER_PAGE = f"{GUIDE}/access-analyzer-policy-validation.html"
GRAMMAR_PAGE = f"{GUIDE}/reference_policies_grammar.html"


def _root(account: Account, *, rule: str, title: str, path: str, text: str) -> Finding:
    return Finding(
        rule=rule,
        severity="critical",
        resource=f"arn:{account.partition}:iam::{account.account_id}:root",
        title=title,
        evidence=(Evidence(path=path, found=None),),
        remedy=Remedy(text=text),
        page=ROOT_PAGE,
    )


def find_root_key(account: Account, limits: Limits) -> Iterator[Finding]:
    """Tell that the root user has access keys."""
    if account.root and account.root.has_keys:
        yield _root(
            account,
            rule="root-key",
            title="The root user has access keys",
            path="account/summary/AccountAccessKeysPresent",
            text="Sign in as the root user and delete them: nothing needs them.",
        )


def find_root_mfa(account: Account, limits: Limits) -> Iterator[Finding]:
    """Tell that the root user signs in without MFA."""
    if account.root and account.root.has_mfa is False:
        yield _root(
            account,
            rule="root-without-mfa",
            title="The root user has no MFA",
            path="credential-report.csv",
            text="Sign in as the root user and register a device.",
        )


def find_console_without_mfa(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the users who sign in by a password alone."""
    for user in account.users:
        if user.has_console and user.has_mfa is False:
            yield Finding(
                rule="console-without-mfa",
                severity="high",
                resource=user.arn,
                title=f"The user {user.name} signs in to the console without MFA",
                evidence=(Evidence(path="credential-report.csv", found={"mfa_active": "false"}),),
                remedy=Remedy(
                    text="Let the user register a device, or take the password away (DeleteLoginProfile)."
                ),
                page=MFA_PAGE,
            )


def find_malformed(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the documents, or statements, that cannot be read: no other rule has looked at them."""
    for arn, _, document in account.documents:
        for flaw in document.flaws:
            yield Finding(
                rule="malformed-document",
                severity="medium",
                resource=arn,
                title=f"{document.path}:{flaw.position.line}:{flaw.position.column}: {flaw.message}",
                evidence=(
                    Evidence(
                        path=document.path,
                        found=None,
                        pointer=flaw.pointer,
                        line=flaw.position.line,
                        column=flaw.position.column,
                    ),
                ),
                remedy=Remedy(text="Correct it; until then nobody knows what it allows."),
                page=GRAMMAR_PAGE,
                detail=flaw.pointer,
            )


def find_analyzed(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give what Access Analyzer has found, where it was asked."""
    for found in account.analyses:
        yield Finding(
            rule="access-analyzer",
            severity=found.severity,
            resource=found.arn,
            title=f"Access Analyzer on {found.document.path}: {found.text}",
            evidence=(Evidence(path=found.document.path, found=None, line=found.line, column=found.column),),
            remedy=Remedy(text="Correct the document as Access Analyzer's page says."),
            page=found.page,
            detail=found.text,
        )


RULES = (
    Rule(
        id="root-key",
        severities=("critical",),
        title="The root user has access keys",
        page=ROOT_PAGE,
        find=find_root_key,
    ),
    Rule(
        id="root-without-mfa",
        severities=("critical",),
        title="The root user has no MFA",
        page=ROOT_PAGE,
        find=find_root_mfa,
    ),
    Rule(
        id="console-without-mfa",
        severities=("high",),
        title="A user signs in by a password alone",
        page=MFA_PAGE,
        find=find_console_without_mfa,
    ),
    Rule(
        id="malformed-document",
        severities=("medium",),
        title="A policy document cannot be read",
        page=GRAMMAR_PAGE,
        find=find_malformed,
    ),
    Rule(
        id="access-analyzer",
        severities=("low", "medium", "high"),
        title="Access Analyzer warns of a document (only where it is asked)",
        page=ANALYZER_PAGE,
        find=find_analyzed,
    ),
)
