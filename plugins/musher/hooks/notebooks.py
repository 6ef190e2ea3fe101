"""Find, list, stop and remove notebook instances, each with the lifecycle configuration of its name."""

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from musher.errors import NotebookError
from musher.hooks.endpoints import find_tags
from musher.hooks.removing import remove_when_settled
from musher.hooks.sagemaker import MusherSageMakerHook, found_or_none
from musher.payloads.tags import PROJECT_TAG

logger = logging.getLogger(__name__)

PENDING, IN_SERVICE, STOPPING, STOPPED = "Pending", "InService", "Stopping", "Stopped"
FAILED, DELETING = "Failed", "Deleting"
STATUS = "NotebookInstanceStatus"

STARTABLE = (STOPPED, FAILED)
"""States from which AWS starts, updates and deletes an instance; it stops one that is InService only."""


def find_own(hook: MusherSageMakerHook, *, name: str, project: str) -> dict[str, Any] | None:
    """Return the description of an instance of this project, None where there is none of that name.

    NotebookError for somebody else's.
    """
    notebook = hook.find_notebook(name)
    tags = find_tags(hook, arn=notebook["NotebookInstanceArn"]) if notebook else None
    if notebook is None or tags is None:  # one that was being deleted is gone between the two looks
        return None
    if tags.get(PROJECT_TAG) != project:
        raise NotebookError(
            f"Notebook instance {name} is not this project's: it has no tag {PROJECT_TAG} = {project}. It is "
            "left as it is. Choose another name."
        )
    return notebook


def is_own(hook: MusherSageMakerHook, *, arn: str, project: str) -> bool:
    """Return whether a resource has the project's tag; one that is gone meanwhile has none."""
    return (find_tags(hook, arn=arn) or {}).get(PROJECT_TAG) == project


def list_notebooks(hook: MusherSageMakerHook, *, prefix: str) -> Iterator[dict[str, Any]]:
    """Give the summaries of all notebook instances whose names begin so, whosever they are.

    Each has NotebookInstanceName, -Arn, -Status, InstanceType and CreationTime; tags are asked for by ARN.
    """
    for page in hook.conn.get_paginator("list_notebook_instances").paginate(NameContains=prefix):
        for found in page["NotebookInstances"]:
            if found["NotebookInstanceName"].startswith(prefix):
                yield found


def put_lifecycle_config(hook: MusherSageMakerHook, *, request: Mapping[str, Any], project: str) -> None:
    """Create a lifecycle configuration, or give it the script of `request`: that of the next start.

    NotebookError for one that is not this project's.
    """
    name = request["NotebookInstanceLifecycleConfigName"]
    found = hook.find_lifecycle_config(name)
    if found is None:
        hook.conn.create_notebook_instance_lifecycle_config(**request)
        logger.info("%s: lifecycle configuration created", name)
        return
    if not is_own(hook, arn=found["NotebookInstanceLifecycleConfigArn"], project=project):
        raise NotebookError(
            f"Lifecycle configuration {name} is not this project's: it has no tag {PROJECT_TAG} = {project}. "
            "It is left as it is. Choose another name."
        )
    if [script["Content"] for script in found.get("OnStart", [])] != [
        script["Content"] for script in request["OnStart"]
    ]:
        changed = {member: value for member, value in request.items() if member != "Tags"}
        hook.conn.update_notebook_instance_lifecycle_config(**changed)
        logger.info("%s: lifecycle configuration updated", name)


def remove_lifecycle_config(hook: MusherSageMakerHook, *, name: str, project: str) -> bool:
    """Delete a lifecycle configuration of this project; return whether there was one."""
    found = hook.find_lifecycle_config(name)
    if found is None or not is_own(hook, arn=found["NotebookInstanceLifecycleConfigArn"], project=project):
        return False
    found_or_none(
        hook.conn.delete_notebook_instance_lifecycle_config, NotebookInstanceLifecycleConfigName=name
    )
    logger.info("%s: removed lifecycle configuration", name)
    return True


def stop_notebook(hook: MusherSageMakerHook, *, name: str) -> None:
    """Ask AWS to stop an instance: what becomes of it, only its description tells."""
    hook.conn.stop_notebook_instance(NotebookInstanceName=name)
    logger.info("%s: told to stop", name)


def delete_notebook(hook: MusherSageMakerHook, *, name: str) -> None:
    """Ask AWS to delete an instance and its volume."""
    found_or_none(hook.conn.delete_notebook_instance, NotebookInstanceName=name)
    logger.info("%s: asked AWS to delete the notebook instance and its volume", name)


def remove_notebook(hook: MusherSageMakerHook, *, name: str, project: str, delay_s: float) -> bool:
    """Stop and delete an instance of this project, its files and its lifecycle configuration; wait for it.

    Return whether there was an instance. TeardownError where that does not end in time, NotebookError for
    somebody else's.
    """
    if find_own(hook, name=name, project=project) is None:
        return remove_lifecycle_config(hook, name=name, project=project)
    remove_when_settled(
        hook.get_waiter("NotebookRemoved"),
        subject=f"notebook instance {name}",
        arguments={"NotebookInstanceName": name},
        status_key=STATUS,
        ask=partial(_ask_for_next, hook, name),
        delay_s=delay_s,
    )
    remove_lifecycle_config(hook, name=name, project=project)
    return True


def _ask_for_next(hook: MusherSageMakerHook, name: str, status: str) -> None:
    """Ask for the next step towards an instance's end, if AWS takes one from its status."""
    if status == IN_SERVICE:
        stop_notebook(hook, name=name)
    elif status in STARTABLE:
        delete_notebook(hook, name=name)
