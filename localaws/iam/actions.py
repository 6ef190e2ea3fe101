"""SimulatePrincipalPolicy, which moto lacks and SageMaker's SDK asks before it trains with a role.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from collections.abc import Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicyStatement
from moto.iam.exceptions import InvalidInput, NotFoundException
from moto.iam.models import IAMBackend, ManagedPolicy
from moto.iam.responses import IamResponse

from localaws.iam.patterns import match
from localaws.iam.policies import decide, is_statement, read_statements


def add_actions() -> None:
    """Give moto's IAM the actions of this module, and patterns that are no regular expressions."""
    setattr(IamResponse, simulate_principal_policy.__name__, simulate_principal_policy)
    setattr(IAMPolicyStatement, "_match", staticmethod(match))  # noqa: B010 - mypy refuses to assign it


def simulate_principal_policy(response: IamResponse) -> ActionResult:
    """Answer SimulatePrincipalPolicy for a role, a user or a group: one result for each action and resource.

    Their identity policies count; conditions, permissions boundaries, resource and organization policies do
    not. All results come on one page.
    """
    arn: str = response._get_param("PolicySourceArn")
    resources = response._get_param("ResourceArns", ["*"])
    _check_resources(resources)
    statements = read_statements(identity_documents(response.backend, arn))
    statements += _read_input(response._get_param("PolicyInputList", []))
    results = [
        _result(statements, action=action, resource=resource)
        for action in response._get_param("ActionNames", [])
        for resource in resources
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _check_resources(resources: list[str]) -> None:
    for resource in resources:
        if resource != "*" and not resource.startswith("arn:"):
            raise InvalidInput(f"ResourceNames are not in a valid ARN format: {resource}.")


def _read_input(documents: list[str]) -> list[Any]:
    """Return the statements of policies that nobody has checked yet; raises InvalidInput."""
    try:
        statements = read_statements(documents)
    except (ValueError, AttributeError, RecursionError) as error:
        raise InvalidInput("PolicyInputList holds a document that is no policy in JSON") from error
    if not all(is_statement(statement) for statement in statements):
        raise InvalidInput("A policy of PolicyInputList has a statement without Effect, Action or Resource")
    return statements


def _result(statements: list[Any], *, action: str, resource: str) -> dict[str, Any]:
    decision = decide(statements, action=action, resource=resource)
    return {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": decision.outcome,
        "MatchedStatements": [],
        "MissingContextValues": list(decision.missing_keys),
    }


def identity_documents(backend: IAMBackend, arn: str) -> list[str]:
    """Return the identity policies of a principal, inline ones and attached ones, as JSON."""
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    if kind == "role":
        role = backend.get_role(name)
        return [*role.policies.values(), *_attached(role.managed_policies.values())]
    if kind == "user":
        return _user_documents(backend, name)
    if kind == "group":
        return _group_documents(backend, name)
    raise InvalidInput(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")


def _user_documents(backend: IAMBackend, name: str) -> list[str]:
    user = backend.get_user(name)
    own = [*user.policies.values(), *_attached(user.managed_policies.values())]
    groups = [_group_documents(backend, group.name) for group in backend.get_groups_for_user(name)]
    return own + [document for group in groups for document in group]


def _group_documents(backend: IAMBackend, name: str) -> list[str]:
    try:
        group = backend.get_group(name)
    except KeyError as error:
        raise NotFoundException(f"The group with name {name} cannot be found.") from error
    return [*group.policies.values(), *_attached(group.managed_policies.values())]


def _attached(policies: Iterable[ManagedPolicy]) -> list[str]:
    """Return the default versions of managed policies."""
    return [version.document for policy in policies for version in policy.versions if version.is_default]
