"""What moto's CloudFormation does to notebook instances, put right.

moto takes three of their properties and deletes what runs; and makes another instance for an update. Here a
stack gives all properties; it does not wait until an instance is in service, and stops what it deletes.
"""

import time
from typing import Any

from moto.sagemaker import models
from moto.sagemaker.models import FakeSagemakerNotebookInstance as Instance
from moto.sagemaker.models import FakeSageMakerNotebookInstanceLifecycleConfig as Config

from localaws.sagemaker.notebooks import wording
from localaws.sagemaker.notebooks.states import IN_SERVICE, OFF, PENDING, STOPPING, UPDATING

BUSY = (PENDING, STOPPING, UPDATING)
"""States that end by themselves."""
CHANGE_S = 180.0
"""Real seconds that a stack waits for an instance it changes or deletes."""
LOOK_S = 0.1


def correct_notebooks() -> None:
    """Change moto's classes, through which CloudFormation works whatever the backend is."""
    names = {Instance: "NotebookInstanceName", Config: "NotebookInstanceLifecycleConfigName"}
    for resource, property_name in names.items():
        setattr(resource, "cloudformation_name_type", staticmethod(lambda name=property_name: name))  # noqa: B010
    for name, method in (
        ("create_from_cloudformation_json", create),
        ("update_from_cloudformation_json", update),
        ("delete_from_cloudformation_json", delete),
    ):
        setattr(Instance, name, classmethod(method))
    setattr(Config, "update_from_cloudformation_json", classmethod(update_config))  # noqa: B010


def create(
    _cls: type[Instance],
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **_: Any,
) -> Instance:
    """Create an instance with all that its template says."""
    backend: Any = models.sagemaker_backends[account_id][region_name]
    properties = with_numbers(cloudformation_json["Properties"])
    created: Instance = backend.run_notebook_instance(properties | {"NotebookInstanceName": resource_name})
    return created


def with_numbers(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties in which the volume's size is a number; templates may have text."""
    size = properties.get("VolumeSizeInGB")
    return properties if size is None else properties | {"VolumeSizeInGB": int(size)}


def update(
    _cls: type[Instance],
    original_resource: Instance,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> Instance:
    """Update an instance; one that is on is stopped for it, and started again."""
    del new_resource_name  # it keeps its name
    backend: Any = models.sagemaker_backends[account_id][region_name]
    name = original_resource.notebook_instance_name
    was_on = switch_off(backend, name)
    properties = with_numbers(cloudformation_json["Properties"])
    backend.update_notebook_instance(properties | {"NotebookInstanceName": name})
    if was_on:
        await_rest(backend, name)
        backend.start_notebook_instance(name)
    return original_resource


def delete(
    _cls: type[Instance],
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> None:
    """Stop an instance where it is on, delete it, and wait until it is gone; one that is gone is fine."""
    backend: Any = models.sagemaker_backends[account_id][region_name]
    name = resource_name.rpartition("/")[2]
    if name in backend.notebook_instances:
        switch_off(backend, name)
        backend.delete_notebook_instance(name)
        await_end(backend, name)


def update_config(
    _cls: type[Config],
    original_resource: Config,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> Config:
    """Give a configuration the scripts of its template; moto deletes it and makes another."""
    del new_resource_name  # it keeps its name
    backend: Any = models.sagemaker_backends[account_id][region_name]
    properties = cloudformation_json["Properties"]
    backend.update_notebook_instance_lifecycle_config(
        original_resource.notebook_instance_lifecycle_config_name,
        on_create=properties.get("OnCreate", []),
        on_start=properties.get("OnStart", []),
    )
    return original_resource


def switch_off(backend: Any, name: str) -> bool:
    """Stop an instance, and wait until it is off; tell whether it was on."""
    status = await_rest(backend, name)
    if status != IN_SERVICE:
        return False
    backend.stop_notebook_instance(name)
    await_rest(backend, name)
    return True


def await_end(backend: Any, name: str) -> None:
    """Wait until an instance that is being deleted is gone."""
    deadline = time.monotonic() + CHANGE_S
    while name in backend.notebook_instances and time.monotonic() < deadline:
        time.sleep(LOOK_S)


def await_rest(backend: Any, name: str) -> str:
    """Wait until the state of an instance no longer changes by itself; return it."""
    deadline = time.monotonic() + CHANGE_S
    while (status := backend.get_notebook_instance(name).status) in BUSY:
        if time.monotonic() > deadline:
            arn = backend.get_notebook_instance(name).arn
            raise wording.wrong_state(current=status, allowed=OFF, wanted="Deleting", arn=arn)
        time.sleep(LOOK_S)
    return str(status)
