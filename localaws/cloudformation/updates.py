"""Updates of stacks: new and changed resources in the order of their references, unwanted ones last.

Where a resource is refused, the stack goes back to what it was.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks.html
"""

import contextlib
import copy
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Stack

from localaws.cloudformation.failures import DO_NOTHING, wanted_on_failure
from localaws.cloudformation.stacks import (
    ResourceFailedError,
    add_event,
    add_stack_event,
    keep_made,
    made,
    reason_of,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Version:
    """What a stack is made from."""

    template: Any
    parameters: Any
    inputs: dict[str, Any]

    @classmethod
    def of(cls, stack: Stack) -> "Version":
        """Return what a stack is made from now."""
        inputs = dict(stack.resource_map.input_parameters)
        return cls(template=stack.template, parameters=stack.parameters, inputs=inputs)


@dataclass(kw_only=True)
class Progress:
    """What an update has done."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def update_stack(
    stack: Stack,
    template: str,
    role_arn: str | None = None,
    parameters: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """Update a stack; where a resource is refused, take the update back, or leave it where that is asked for.

    Raises ValidationError, with the stack as it was, where the template cannot be.
    """
    before, resolved, items = Version.of(stack), resolve_all(stack), stack.resource_map._resource_json_map
    wanted = Version(
        template=template, parameters=parameters or before.parameters, inputs=parameters or before.inputs
    )
    change_version(stack, wanted, before=before)
    add_stack_event(stack, "UPDATE_IN_PROGRESS", "User Initiated")
    progress = Progress()
    try:
        make_changes(stack, resolved, progress)
    except ResourceFailedError as error:
        fail_update(stack, error, before=before, progress=progress)
        return
    add_stack_event(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    remove_unwanted(stack, items)
    stack.output_map = stack._create_output_map()
    stack.role_arn = role_arn
    stack.tags = stack.tags if tags is None else tags
    add_stack_event(stack, "UPDATE_COMPLETE")


def change_version(stack: Stack, wanted: Version, *, before: Version) -> None:
    """Give a stack another template; where that cannot be, it keeps its own and the error is raised."""
    items = stack.resource_map._resource_json_map
    try:
        set_version(stack, wanted)
        check_kinds(items, stack.resource_map._resource_json_map)
    except Exception:
        set_version(stack, before)
        raise


def set_version(stack: Stack, version: Version) -> None:
    """Let a stack have a template and parameters; its resources are not touched."""
    stack.template, stack.parameters = version.template, version.parameters
    stack._parse_template()
    resources = stack.resource_map
    resources._template = stack.template_dict
    resources.input_parameters, resources.resolved_parameters = version.inputs, {}
    resources.load_mapping()
    resources.load_parameters()
    resources.load_conditions()
    resources._resource_json_map = stack.template_dict["Resources"]


def check_kinds(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse another type for a resource that there is."""
    changed = [name for name, item in before.items() if after.get(name, item)["Type"] != item["Type"]]
    if changed:
        raise ValidationError(
            message="Update of resource type is not permitted. The new template modifies resource type of "
            f"the following resources: [{', '.join(changed)}]"
        )


def is_wanted(stack: Stack, name: str) -> bool:
    """Tell whether the template has a resource, under a condition that holds."""
    resources = stack.resource_map
    item = resources._resource_json_map.get(name)
    condition = item.get("Condition") if item else None
    return item is not None and (condition is None or bool(resources.lazy_condition_map[condition]))


def resolve_all(stack: Stack) -> dict[str, Any]:
    """Return what the properties of each resource come to."""
    return {name: resolve(stack, name) for name in made(stack)}


def resolve(stack: Stack, name: str) -> Any:
    """Return what the properties of one resource come to."""
    item = stack.resource_map._resource_json_map.get(name) or {}
    return parsing.clean_json(copy.deepcopy(item.get("Properties") or {}), stack.resource_map)


def make_changes(stack: Stack, before: Mapping[str, Any], progress: Progress) -> None:
    """Make new resources and change those whose properties come to something else.

    Raises ResourceFailedError for the first that is refused.
    """
    for name in in_order(stack):
        if not is_wanted(stack, name):
            continue
        if name not in made(stack):
            progress.added.append(name)
            told(stack, name, "CREATE", partial(create, stack, name))
        elif resolve(stack, name) != before.get(name):
            progress.changed.append(name)
            told(stack, name, "UPDATE", partial(change, stack, name))


def in_order(stack: Stack) -> list[str]:
    """Return a template's resources, each after those that it depends on."""
    order: list[str] = getattr(stack.resource_map, "_ResourceMap__get_resources_in_dependency_order")()  # noqa: B009
    return order


def told(stack: Stack, name: str, verb: str, work: Callable[[], Any]) -> None:
    """Do something with a resource, and tell of its begin and end; raises ResourceFailedError."""
    kind = stack.template_dict["Resources"][name]["Type"]
    add_event(stack, f"{verb}_IN_PROGRESS", logical_id=name, resource_type=kind)
    try:
        work()
    except Exception as error:
        failed = error
        if not isinstance(failed, ResourceFailedError):  # else one that this one refers to
            failed = ResourceFailedError(logical_id=name, resource_type=kind, reason=reason_of(error))
        add_event(
            stack,
            f"{verb}_FAILED",
            logical_id=failed.logical_id,
            resource_type=failed.resource_type,
            reason=str(failed),
        )
        raise failed from error
    physical_id = str(getattr(made(stack).get(name), "physical_resource_id", ""))
    add_event(stack, f"{verb}_COMPLETE", logical_id=name, resource_type=kind, physical_id=physical_id)


def create(stack: Stack, name: str) -> None:
    """Make one resource: looking at it does."""
    _ = stack.resource_map[name]


def change(stack: Stack, name: str) -> None:
    """Change one resource; one of a type that moto cannot change is deleted and made again."""
    resources = stack.resource_map
    item = resources._resource_json_map[name]
    changed = parsing.parse_and_update_resource(
        name, item, resources, account_id=stack.account_id, region_name=stack.region_name
    )
    if changed is None:
        delete(stack, name, kind=item["Type"])
        create(stack, name)
    else:
        resources._parsed_resources[name] = changed


def delete(stack: Stack, name: str, *, kind: str) -> None:
    """Delete one resource."""
    resources = stack.resource_map
    resources._delete_resource(resources._parsed_resources[name], {"Type": kind, "Properties": {}})
    del resources._parsed_resources[name]


def remove_unwanted(stack: Stack, items: Mapping[str, Any]) -> None:
    """Delete the resources that the template does not have any more, unless they are to be retained."""
    for name in [name for name in reversed(made(stack)) if not is_wanted(stack, name)]:
        if items[name].get("DeletionPolicy") == "Retain":
            del stack.resource_map._parsed_resources[name]
        else:
            remove(stack, name, kind=items[name]["Type"])


def remove(stack: Stack, name: str, *, kind: str) -> None:
    """Delete one resource, and tell what became of it."""
    try:
        delete(stack, name, kind=kind)
    except Exception as error:  # noqa: BLE001 - whatever a resource raises is the event's reason
        add_event(stack, "DELETE_FAILED", logical_id=name, resource_type=kind, reason=reason_of(error))
        stack.resource_map._parsed_resources.pop(name, None)
    else:
        add_event(stack, "DELETE_COMPLETE", logical_id=name, resource_type=kind)


def fail_update(stack: Stack, error: ResourceFailedError, *, before: Version, progress: Progress) -> None:
    """Take an update back, or leave it as it is where that is asked for."""
    logger.info("stack %s: %s failed: %s", stack.name, error.logical_id, error)
    verb = "create" if error.logical_id in progress.added else "update"
    reason = f"The following resource(s) failed to {verb}: [{error.logical_id}]. "
    if wanted_on_failure() == DO_NOTHING:
        keep_made(stack)
        add_stack_event(stack, "UPDATE_FAILED", reason)
        return
    add_stack_event(stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
    items = stack.resource_map._resource_json_map
    set_version(stack, before)
    restored = restore(stack, progress.changed)
    if not restored:
        add_stack_event(stack, "UPDATE_ROLLBACK_FAILED", reason)
        return
    add_stack_event(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    for name in [name for name in reversed(progress.added) if name in made(stack)]:
        remove(stack, name, kind=items[name]["Type"])
    add_stack_event(stack, "UPDATE_ROLLBACK_COMPLETE")


def restore(stack: Stack, names: Iterable[str]) -> bool:
    """Give resources their old properties again; return whether that went well."""
    for name in names:
        with contextlib.suppress(ResourceFailedError):
            if name in made(stack):
                told(stack, name, "UPDATE", partial(change, stack, name))
            else:
                told(stack, name, "CREATE", partial(create, stack, name))
            continue
        return False
    return True
