"""moto's CloudFormation, put right: names, types of properties, failures, updates and change sets."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import AlreadyExistsException, ValidationError
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudformation.utils import random_suffix

from localaws.cloudformation.names import make_name
from localaws.cloudformation.properties import convert_properties
from localaws.cloudformation.stacks import (
    DELETED,
    ResourceFailedError,
    create_resources,
    reason_of,
)
from localaws.cloudformation.updates import update_stack

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
_naming = threading.Lock()
_parse_resource = parsing.parse_resource
_create_resource = parsing.parse_and_create_resource
_create_stack = CloudFormationBackend.create_stack
_update_stack = CloudFormationBackend.update_stack
_create_change_set = CloudFormationBackend.create_change_set
_validate_update = CloudFormationResponse._validate_different_update


def install() -> None:
    """Change moto's classes and functions, which CloudFormation's parts find by these names."""
    replacements: tuple[tuple[Any, str, Any], ...] = (
        (parsing, "generate_resource_name", generate_name),
        (parsing, "parse_resource", parse_resource),
        (parsing, "parse_and_create_resource", create_resource),
        (Stack, "create_resources", create_resources),
        (Stack, "update", update_stack),
        (CloudFormationBackend, "create_stack", create_stack),
        (CloudFormationBackend, "update_stack", update_stack_of),
        (CloudFormationBackend, "create_change_set", create_change_set),
        (CloudFormationBackend, "execute_change_set", execute_change_set),
        (CloudFormationResponse, "_validate_different_update", validate_update),
    )
    for owner, name, function in replacements:
        setattr(owner, name, function)


def generate_name(resource_type: str, stack_name: str, logical_id: str) -> str:
    """Return the name of a resource that has none in the template."""
    return make_name(
        resource_type=resource_type, stack=stack_name, logical_id=logical_id, suffix=random_suffix()
    )


def parse_resource(resource_json: dict[str, Any], resources_map: parsing.ResourceMap) -> Any:
    """Resolve a resource's properties, and give them the types of its API."""
    found: Any = _parse_resource(resource_json, resources_map)
    if found is None:
        return None
    resource_class, resolved, resource_type = found
    properties = convert_properties(resource_type, resolved.get("Properties") or {})
    return resource_class, {**resolved, "Properties": properties}, resource_type


def create_resource(logical_id: str, resource_json: dict[str, Any], *args: Any, **options: Any) -> Any:
    """Make one resource; raises ResourceFailedError naming it, unless the template itself is wrong."""
    try:
        return _create_resource(logical_id, resource_json, *args, **options)
    except (ResourceFailedError, ValidationError):
        raise
    except Exception as error:
        kind = str(resource_json.get("Type", ""))
        raise ResourceFailedError(
            logical_id=logical_id, resource_type=kind, reason=reason_of(error)
        ) from error


def create_stack(backend: CloudFormationBackend, name: str, *args: Any, **options: Any) -> Stack:
    """Create a stack; a template that is refused leaves none."""
    with holding_name(backend, name):
        before = set(backend.stacks)
        try:
            stack = _create_stack(backend, name, *args, **options)
        except Exception:
            for stack_id in set(backend.stacks) - before:
                if backend.stacks[stack_id].name == name:
                    del backend.stacks[stack_id]
            raise
        put_away_deleted(backend, stack)
    return stack


@contextmanager
def holding_name(backend: Any, name: str) -> Generator[None, None, None]:
    """Hold a stack's name while the stack is made; raises AlreadyExistsException where another request does.

    moto looks for the name, reads the template, and only then notes the stack: of two requests at once both
    made theirs, and the second failed at what the first had made, as at the name of a bucket.
    """
    with _naming:
        held: set[str] = backend.__dict__.setdefault("held_stack_names", set())
        if name in held:
            raise AlreadyExistsException(f"Stack {name} already exists")
        held.add(name)
    try:
        yield
    finally:
        with _naming:
            held.discard(name)


def update_stack_of(backend: CloudFormationBackend, name: str, *args: Any, **options: Any) -> Stack:
    """Update a stack of a name or id, and what it exports."""
    see_exports(backend, backend.get_stack(name))
    stack = _update_stack(backend, name, *args, **options)
    renew_exports(backend, stack)
    return stack


def see_exports(backend: CloudFormationBackend, stack: Stack) -> None:
    """Let a stack import what others export; where there were none at its creation, moto shows it none."""
    stack.cross_stack_resources = stack.resource_map.cross_stack_resources = backend.exports


def renew_exports(backend: CloudFormationBackend, stack: Stack) -> None:
    """Export what a stack's outputs say now, and nothing else of it; moto keeps those of its creation."""
    for name, export in list(backend.exports.items()):
        if export.exporting_stack_id == stack.stack_id:
            del backend.exports[name]
    backend.exports.update({export.name: export for export in stack.exports})


def put_away_deleted(backend: CloudFormationBackend, stack: Stack) -> None:
    """Keep a stack that its failure has deleted where its name is free again."""
    if stack.status == DELETED:
        backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)


def validate_update(response: CloudFormationResponse, *args: Any, **options: Any) -> None:
    """Refuse an update without changes; a change set without changes is made, and has failed."""
    if response._get_action() != "CreateChangeSet":
        _validate_update(response, *args, **options)


def create_change_set(backend: CloudFormationBackend, *args: Any, **options: Any) -> tuple[str, str]:
    """Create a change set; one of nothing has failed, which `aws cloudformation deploy` looks for."""
    change_set_id, stack_id = _create_change_set(backend, *args, **options)
    change_set = backend.change_sets[change_set_id]
    if change_set.change_set_type == "UPDATE" and not has_changes(backend.stacks[stack_id], change_set):
        change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
        change_set.status_reason = NO_CHANGES
    return change_set_id, stack_id


def has_changes(stack: Stack, change_set: ChangeSet) -> bool:
    """Tell whether template, parameters or tags differ from the stack's."""
    now = {name: str(value) for name, value in stack.resource_map.resolved_parameters.items()}
    wanted = now | {name: str(value) for name, value in change_set.parameters.items()}
    is_tagged = bool(change_set.tags) and change_set.tags != stack.tags
    return is_tagged or wanted != now or not stack.has_template(change_set.template)


def execute_change_set(
    backend: CloudFormationBackend, change_set_name: str, stack_name: str | None = None
) -> None:
    """Execute a change set as CreateStack and UpdateStack do it: with outputs and events of resources."""
    del stack_name  # a change set's name or ARN finds it
    change_set = backend.describe_change_set(change_set_name)
    assert change_set is not None
    stack = backend.stacks[change_set.stack_id]
    if change_set.change_set_type == "CREATE":
        start_stack(backend, stack, change_set)
    else:
        see_exports(backend, stack)
        stack.update(
            change_set.template, stack.role_arn, parameters=change_set.parameters, tags=change_set.tags
        )
        renew_exports(backend, stack)
    change_set.execution_status = "EXECUTE_COMPLETE"
    setattr(stack, "capabilities", getattr(change_set, "capabilities", []))  # noqa: B010 - moto has none


def start_stack(backend: CloudFormationBackend, stack: Stack, change_set: ChangeSet) -> None:
    """Make the resources of a stack that was only reviewed."""
    stack.template = change_set.template
    stack.cross_stack_resources = backend.exports
    stack._parse_template()
    stack.resource_map = stack._create_resource_map()
    stack.output_map = stack._create_output_map()
    stack._add_stack_event("CREATE_IN_PROGRESS", resource_status_reason="User Initiated")
    stack.create_resources()
    renew_exports(backend, stack)
    put_away_deleted(backend, stack)
