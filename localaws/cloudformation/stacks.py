"""Stacks that tell what became of each resource, and take back what they made where one is refused."""

import contextlib
import logging
import threading
from typing import Any

from moto.cloudformation.models import Event, Stack
from moto.cloudformation.parsing import OutputMap

from localaws.cloudformation.failures import DELETE, DO_NOTHING, wanted_on_failure

logger = logging.getLogger(__name__)

_answers = threading.Lock()
"""Held where the functions of custom resources answer while a stack is being made."""
ROLLED_BACK, DELETED = "ROLLBACK_COMPLETE", "DELETE_COMPLETE"


class ResourceFailedError(Exception):
    """A resource could not be made; its message is the reason."""

    def __init__(self, *, logical_id: str, resource_type: str, reason: str) -> None:
        super().__init__(reason)
        self.logical_id = logical_id
        self.resource_type = resource_type


def add_event(
    stack: Stack, status: str, *, logical_id: str, resource_type: str, physical_id: str = "", reason: str = ""
) -> None:
    """Add the event of one resource."""
    event = Event(
        stack_id=stack.stack_id,
        stack_name=stack.name,
        logical_resource_id=logical_id,
        physical_resource_id=physical_id,
        resource_type=resource_type,
        resource_status=status,
        resource_status_reason=reason or None,
        resource_properties=None,
    )
    stack.events.append(event)


def add_resource_events(stack: Stack, status: str) -> None:
    """Add an event for each resource that there is."""
    for logical_id in list(stack.resource_map.resources):
        resource = stack.resource_map._parsed_resources.get(logical_id)
        if resource is None:
            continue
        add_event(
            stack,
            status,
            logical_id=logical_id,
            resource_type=stack.template_dict["Resources"][logical_id]["Type"],
            physical_id=str(getattr(resource, "physical_resource_id", "")),
        )


def create_resources(stack: Stack) -> None:
    """Make a stack's resources; where one is refused, take back the others as AWS does.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
    """
    stack.status = "CREATE_IN_PROGRESS"
    try:
        is_ready = stack.resource_map.create(stack.template_dict)
    except ResourceFailedError as error:
        fail_creation(stack, error)
        return
    stack.description = stack.template_dict.get("Description")
    add_resource_events(stack, "CREATE_COMPLETE")
    with _answers:
        setattr(stack, "is_made", True)  # noqa: B010 - moto has no such member
        failed: ResourceFailedError | None = getattr(stack, "failed_answer", None)
        if failed is None and (is_ready or stack.resource_map.creation_complete()):
            stack.mark_creation_complete()
    if failed is not None:
        fail_creation(stack, failed)


def succeed_answered(stack: Stack, logical_id: str, *, data: dict[str, Any]) -> None:
    """Take what the function of a custom resource has made; the last one ends the creation of its stack.

    An answer that comes before the stack's other resources are made leaves the end to `create_resources`.
    """
    with _answers:
        stack.custom_resources[logical_id].set_data(data)
        if getattr(stack, "is_made", False) and stack.status == "CREATE_IN_PROGRESS":
            stack.verify_readiness()


def fail_answered(stack: Stack, logical_id: str, *, reason: str) -> None:
    """Fail the creation of a stack because the function of a custom resource says so: once all is made."""
    kind = str(stack.template_dict["Resources"][logical_id]["Type"])
    error = ResourceFailedError(
        logical_id=logical_id,
        resource_type=kind,
        reason=f"Received response status [FAILED] from custom resource. Message returned: {reason}",
    )
    with _answers:
        is_made = getattr(stack, "is_made", False)
        if not is_made:
            setattr(stack, "failed_answer", error)  # noqa: B010 - moto has no such member
    if is_made and stack.status == "CREATE_IN_PROGRESS":
        fail_creation(stack, error)


def add_stack_event(stack: Stack, status: str, reason: str | None = None) -> None:
    """Give a stack a status, and tell it."""
    stack.status = status
    stack._add_stack_event(status, resource_status_reason=reason)


def fail_creation(stack: Stack, error: ResourceFailedError) -> None:
    """Delete what a stack has made, or leave it as the request wants it, and tell the reason."""
    logger.info("stack %s: %s failed: %s", stack.name, error.logical_id, error)
    reason, kind = str(error), error.resource_type
    add_event(stack, "CREATE_FAILED", logical_id=error.logical_id, resource_type=kind, reason=reason)
    why, wish = f"The following resource(s) failed to create: [{error.logical_id}]. ", wanted_on_failure()
    if wish == DO_NOTHING:
        keep_made(stack)
        add_stack_event(stack, "CREATE_FAILED", why)
        return
    verb, status = ("Delete", DELETED) if wish == DELETE else ("Rollback", ROLLED_BACK)
    add_stack_event(stack, f"{verb.upper()}_IN_PROGRESS", f"{why}{verb} requested by user.")
    with contextlib.suppress(Exception):  # what cannot be deleted stays, as on AWS
        stack.resource_map.delete()
    forget(stack)
    add_stack_event(stack, status)


def forget(stack: Stack) -> None:
    """Leave nothing of a stack's template that is looked at when the stack is described."""
    stack.template_dict = {**stack.template_dict, "Resources": {}, "Outputs": {}}
    stack.resource_map._resource_json_map = {}
    stack.output_map = OutputMap(stack.resource_map, {}, stack.stack_id)


def made(stack: Stack) -> dict[str, Any]:
    """Return the resources that a stack has, by their logical ids."""
    found = stack.resource_map._parsed_resources.items()
    return {name: item for name, item in found if hasattr(item, "logical_resource_id")}


def keep_made(stack: Stack) -> None:
    """Leave only what there is of a stack's template: looking at the rest would make it."""
    resources, there = stack.resource_map, made(stack)
    resources._resource_json_map = {
        name: item for name, item in resources._resource_json_map.items() if name in there
    }
    stack.output_map = OutputMap(resources, {}, stack.stack_id)


def reason_of(error: Exception) -> str:
    """Return what a service says of a resource that it refuses."""
    return str(getattr(error, "message", None) or getattr(error, "description", None) or error)
