"""Rules about functions, endpoints and repositories: who gets at them, and how much they may take."""

from collections.abc import Iterator

from musher.iam.account import Account, Function, Principal
from musher.iam.documents import Document, Statement
from musher.iam.findings import Call, Evidence, Finding, Limits, Remedy
from musher.iam.grants import Grant
from musher.iam.patterns import covers
from musher.iam.rules.buckets import is_public
from musher.iam.rules.rule import Rule
from musher.iam.rules.trust import KNOWN_CALLERS, SOURCES, account_of

FUNCTION_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"
LIMIT_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"
REPOSITORY_PAGE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html"
ENDPOINT_PAGE = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"
INVOKE = "sagemaker:InvokeEndpoint"
RESERVED = 5
"""What the pipeline's own form proposes."""


def _of_policy(
    arn: str,
    document: Document,
    statement: Statement,
    *,
    rule: str,
    severity: str,
    title: str,
    remedy: Remedy,
    page: str,
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        resource=arn,
        title=title,
        evidence=(Evidence.of(document, f"{statement.pointer}/Principal", statement.raw),),
        remedy=remedy,
        page=page,
        detail=str(statement.raw.get("Sid") or statement.raw),
    )


def _function_statements(account: Account) -> Iterator[tuple[Function, Document, Statement]]:
    """Give the statements of functions' policies, each with its function and its policy."""
    for function in account.functions or ():
        if function.policy:
            for statement in function.policy.statements:
                yield function, function.policy, statement


def _remove_permission(function: Function, statement: Statement) -> tuple[Call, ...]:
    sid = statement.raw.get("Sid")
    arguments = {"FunctionName": function.name, "StatementId": sid}
    return (Call(service="lambda", method="remove_permission", arguments=arguments),) if sid else ()


def find_public_function(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements of functions' policies by which everybody may invoke them."""
    for function, policy, statement in _function_statements(account):
        if is_public(statement):
            yield _of_policy(
                function.arn,
                policy,
                statement,
                rule="public-function",
                severity="high",
                title=f"Everybody may invoke the function {function.name}",
                remedy=Remedy(
                    text="Take the permission away, and let a service or role invoke it (AddPermission):",
                    calls=_remove_permission(function, statement),
                ),
                page=FUNCTION_PAGE,
            )


def find_function_deputy(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements by which a service may invoke a function for whichever account asks it to."""
    for function, policy, statement in _function_statements(account):
        services = statement.principals.get("Service", ())
        if statement.is_allow and services and not SOURCES & statement.condition_keys:
            yield _of_policy(
                function.arn,
                policy,
                statement,
                rule="function-confused-deputy",
                severity="medium",
                title=f"{', '.join(services)} may invoke the function {function.name} for any account",
                remedy=Remedy(
                    text="Add the permission again with SourceAccount or SourceArn, take this one away:",
                    calls=_remove_permission(function, statement),
                ),
                page=FUNCTION_PAGE,
            )


def find_unlimited_function(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the functions that may take all of the account's concurrency."""
    for function in account.functions or ():
        if function.is_limit_known and function.reserved is None:
            arguments = {"FunctionName": function.name, "ReservedConcurrentExecutions": RESERVED}
            yield Finding(
                rule="function-without-limit",
                severity="low",
                resource=function.arn,
                title=f"The function {function.name} has no reserved concurrency: it may take all there is",
                evidence=(Evidence(path=f"function/{function.name}/concurrency", found=None),),
                remedy=Remedy(
                    text="Reserve what it needs; others keep the rest:",
                    calls=(Call(service="lambda", method="put_function_concurrency", arguments=arguments),),
                ),
                page=LIMIT_PAGE,
            )


def find_open_repository(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements by which everybody, or another account, gets at a repository."""
    for repository in account.repositories or ():
        document = repository.policy
        for statement in document.statements if document else ():
            names = statement.principals.get("AWS", ())
            others = sorted({account_of(name) for name in names} - {"", account.account_id})
            is_known = bool(KNOWN_CALLERS & statement.condition_keys)
            everybody = is_public(statement)
            if document and statement.is_allow and (everybody or (others and not is_known)):
                who = "Everybody" if everybody else f"Account {', '.join(others)}"
                yield _of_policy(
                    repository.arn,
                    document,
                    statement,
                    rule="open-repository",
                    severity="high" if everybody else "medium",
                    title=f"{who} gets at the repository {repository.name}",
                    remedy=Remedy(
                        text="Without a policy only this account gets at it:",
                        calls=(_delete_policy(repository.name),),
                    ),
                    page=REPOSITORY_PAGE,
                )


def _delete_policy(name: str) -> Call:
    return Call(service="ecr", method="delete_repository_policy", arguments={"repositoryName": name})


def find_endpoint_reach(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the endpoints that more roles and users may invoke than an endpoint should have callers."""
    invokers = [(found, account.allowing(found, INVOKE)) for found in account.actors]
    for endpoint in account.endpoints or ():
        reaching = [
            (principal, grant)
            for principal, grants in invokers
            if (grant := next((found for found in grants if _reaches(found, endpoint.arn)), None))
        ]
        if len(reaching) > limits.max_invokers:
            yield _describe_reach(endpoint.arn, endpoint.name, reaching)


def _reaches(grant: Grant, arn: str) -> bool:
    statement = grant.statement
    if statement.not_resources:
        return not any(covers(pattern, arn) for pattern in statement.not_resources)
    return any(covers(pattern, arn) for pattern in statement.resources)


def _describe_reach(arn: str, name: str, reaching: list[tuple[Principal, Grant]]) -> Finding:
    return Finding(
        rule="endpoint-reach",
        severity="medium",
        resource=arn,
        title=f"{len(reaching)} roles and users may invoke the endpoint {name}: "
        + ", ".join(sorted(principal.name for principal, _ in reaching)),
        evidence=tuple(
            Evidence.of(grant.policy.document, grant.statement.pointer, grant.statement.raw)
            for _, grant in reaching
        ),
        remedy=Remedy(
            text="Leave sagemaker:InvokeEndpoint to the function in front of it, and to who tests it."
        ),
        page=ENDPOINT_PAGE,
    )


RULES = (
    Rule(
        id="public-function",
        severities=("high",),
        title="Everybody may invoke a function",
        page=FUNCTION_PAGE,
        find=find_public_function,
    ),
    Rule(
        id="function-confused-deputy",
        severities=("medium",),
        title="A service may invoke a function for any account",
        page=FUNCTION_PAGE,
        find=find_function_deputy,
    ),
    Rule(
        id="function-without-limit",
        severities=("low",),
        title="A function has no reserved concurrency",
        page=LIMIT_PAGE,
        find=find_unlimited_function,
    ),
    Rule(
        id="open-repository",
        severities=("medium", "high"),
        title="Everybody, or another account, gets at a repository",
        page=REPOSITORY_PAGE,
        find=find_open_repository,
    ),
    Rule(
        id="endpoint-reach",
        severities=("medium",),
        title="More may invoke an endpoint than should",
        page=ENDPOINT_PAGE,
        find=find_endpoint_reach,
    ),
)
