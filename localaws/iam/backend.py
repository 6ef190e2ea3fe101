"""moto's IAM, which takes only documents that IAM takes."""

import json
from collections.abc import Mapping
from typing import Any

from moto.iam import models
from moto.iam.models import Group, IAMBackend, Role, User

from localaws.iam.validation import (
    InlinePolicyValidator,
    ManagedPolicyValidator,
    require_room,
    require_trust_policy,
)

_create_role = IAMBackend.create_role


def install_validation() -> None:
    """Let moto's backends refuse what IAM refuses; stacks make their roles and policies by these, too."""
    replacements: tuple[tuple[Any, str, Any], ...] = (
        (models, "IAMPolicyDocumentValidator", ManagedPolicyValidator),
        (IAMBackend, "create_role", create_role),
        (IAMBackend, "update_assume_role_policy", update_assume_role_policy),
        (IAMBackend, "put_role_policy", put_role_policy),
        (IAMBackend, "put_user_policy", put_user_policy),
        (IAMBackend, "put_group_policy", put_group_policy),
        (Role, "put_policy", put_policy),
        (User, "put_policy", put_policy),
        (Group, "put_policy", put_policy),
    )
    for owner, name, function in replacements:
        setattr(owner, name, function)


def create_role(
    backend: IAMBackend, role_name: str, assume_role_policy_document: str, *args: Any, **options: Any
) -> Role:
    """Create a role; raises MalformedPolicyDocument for a trust policy that is none."""
    require_trust_policy(assume_role_policy_document)
    return _create_role(backend, role_name, assume_role_policy_document, *args, **options)


def update_assume_role_policy(backend: IAMBackend, role_name: str, policy_document: str) -> None:
    """Give a role another trust policy; raises MalformedPolicyDocument for one that is none."""
    role = backend.get_role(role_name)
    require_trust_policy(policy_document)
    role.assume_role_policy_document = policy_document


def put_role_policy(backend: IAMBackend, role_name: str, policy_name: str, policy_json: str) -> None:
    """Give a role an inline policy; raises MalformedPolicyDocument for a document that is none."""
    backend.get_role(role_name).put_policy(policy_name, policy_json)


def put_user_policy(backend: IAMBackend, user_name: str, policy_name: str, policy_json: str) -> None:
    """Give a user an inline policy."""
    backend.get_user(user_name).put_policy(policy_name, policy_json)


def put_group_policy(backend: IAMBackend, group_name: str, policy_name: str, policy_json: str) -> None:
    """Give a group an inline policy."""
    backend.get_group(group_name).put_policy(policy_name, policy_json)


def put_policy(owner: Role | User | Group, policy_name: str, policy_json: str | Mapping[str, Any]) -> None:
    """Give a principal an inline policy; a stack has it as an object, where the API has JSON."""
    document = policy_json if isinstance(policy_json, str) else json.dumps(policy_json)
    InlinePolicyValidator(document).validate()
    policies = {**owner.policies, policy_name: document}
    require_room(policies.values(), kind=type(owner).__name__.lower(), name=owner.name)
    owner.policies[policy_name] = document
