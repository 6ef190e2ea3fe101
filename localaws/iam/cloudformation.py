"""Roles of stacks: moto attaches no managed policies to them, and updates little more than a description.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
"""

import json
from collections.abc import Mapping
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role, iam_backends
from moto.utilities.utils import get_partition

from localaws.iam.validation import InlinePolicyValidator, require_trust_policy

REPLACING = ("RoleName", "Path")
"""Properties of which another value means another role."""
_create = Role.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]
_delete = Role.delete_from_cloudformation_json.__func__  # type: ignore[attr-defined]


def correct_roles() -> None:
    """Change moto's class, through which CloudFormation makes roles."""
    for name, method in (
        ("create_from_cloudformation_json", create_role),
        ("update_from_cloudformation_json", update_role),
        ("delete_from_cloudformation_json", delete_role),
    ):
        setattr(Role, name, classmethod(method))


def create_role(
    cls: type[Role],
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **kwargs: Any,
) -> Role:
    """Make a role with its policies; where one of them is refused, there is no role."""
    backend, properties = _backend(account_id, region_name), cloudformation_json["Properties"]
    _require_policies(backend, properties)
    role: Role = _create(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)
    _attach(backend, role, properties)
    _note(role, properties)
    return role


def update_role(
    cls: type[Role],
    original_resource: Role,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> Role:
    """Change a role, and leave what others have given it; or make another one in its place."""
    backend, properties = _backend(account_id, region_name), cloudformation_json["Properties"]
    role, before = original_resource, getattr(original_resource, "stack_properties", {})
    if any(properties.get(name) != before.get(name) for name in REPLACING):
        made = create_role(cls, new_resource_name, cloudformation_json, account_id, region_name)
        delete_role(cls, role.name, cloudformation_json, account_id, region_name)
        return made
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    require_trust_policy(trust)
    _require_policies(backend, properties)
    role.assume_role_policy_document = trust
    role.description = properties.get("Description", "")
    role.max_session_duration = properties.get("MaxSessionDuration", 3600)
    role.permissions_boundary_arn = properties.get("PermissionsBoundary")
    role.tags = properties.get("Tags", [])
    _take_back(backend, role)
    for policy in properties.get("Policies", []):
        role.put_policy(policy["PolicyName"], policy["PolicyDocument"])
    _attach(backend, role, properties)
    _note(role, properties)
    return role


def delete_role(
    cls: type[Role],
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> None:
    """Delete a role, and detach what its stack has attached."""
    backend = _backend(account_id, region_name)
    _take_back(backend, backend.get_role(resource_name))
    _delete(cls, resource_name, cloudformation_json, account_id, region_name)


def _backend(account_id: str, region_name: str) -> IAMBackend:
    backend: IAMBackend = iam_backends[account_id][get_partition(region_name)]
    return backend


def _require_policies(backend: IAMBackend, properties: Mapping[str, Any]) -> None:
    """Refuse policies that the role could not have, before anything is made."""
    for policy in properties.get("Policies", []):
        InlinePolicyValidator(json.dumps(policy["PolicyDocument"])).validate()
    for arn in properties.get("ManagedPolicyArns", []):
        if arn not in backend.managed_policies:
            raise NotFoundException(f"Policy {arn} does not exist or is not attachable.")


def _attach(backend: IAMBackend, role: Role, properties: Mapping[str, Any]) -> None:
    for arn in properties.get("ManagedPolicyArns", []):
        backend.attach_role_policy(arn, role.name)


def _take_back(backend: IAMBackend, role: Role) -> None:
    """Take the policies from a role that its stack has given it."""
    given = getattr(role, "stack_properties", {})
    for policy in given.get("Policies", []):
        role.policies.pop(policy["PolicyName"], None)
    for arn in set(given.get("ManagedPolicyArns", [])) & role.managed_policies.keys():
        backend.detach_role_policy(arn, role.name)


def _note(role: Role, properties: Mapping[str, Any]) -> None:
    """Keep with a role what its stack has said of it."""
    setattr(role, "stack_properties", dict(properties))  # noqa: B010 - moto has no such member
