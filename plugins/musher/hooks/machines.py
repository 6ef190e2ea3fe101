"""List machines that runs may leave, and their disks: EC2's instances and volumes, notebook instances."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from musher import names
from musher.costs.prices import EBS_USD_PER_GB_MONTH, NOTEBOOK_USD_PER_GB_MONTH
from musher.hooks import notebooks
from musher.hooks.ec2 import MusherEc2Hook
from musher.hooks.inventory import Gone, Listed, read_tags, tagged
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.payloads.expiry import HOURS_PER_MONTH, Resource, hourly_price
from musher.payloads.tags import PROJECT_TAG, as_mapping
from musher.settings import Settings

INSTANCE, VOLUME = "instance", "volume"
NOTEBOOK, LIFECYCLE = "notebook instance", "lifecycle configuration"
NO_VOLUME = "InvalidVolume.NotFound"
BUSY = ("Pending", "Stopping", "Updating")
"""States of a notebook instance in which AWS refuses to end it; one that is Deleting ends by itself."""


def list_instances(hook: MusherEc2Hook, settings: Settings) -> Iterator[Listed]:
    """Give EC2's instances that have the project's tag: their names are tags, too."""
    for found in hook.list_instances(project=settings.project):
        name = found["InstanceId"]
        resource = Resource(
            kind=INSTANCE,
            name=name,
            arn=names.arn(settings, service="ec2", resource=f"instance/{name}"),
            tags=as_mapping(found.get("Tags", [])),
            created_at=found["LaunchTime"],
            usd_per_hour=_instance_price(found),
        )
        yield _listed(hook.conn, resource)


def _instance_price(found: Mapping[str, Any]) -> float | None:
    """Return what an instance costs in an hour, a Spot Instance at most; a stopped one has its volumes."""
    return 0.0 if found["State"]["Name"] == "stopped" else hourly_price({found["InstanceType"]: 1})


def list_volumes(client: Any, settings: Settings) -> Iterator[Listed]:
    """Give the volumes that have the project's tag and belong to no instance."""
    of_project = {"Name": f"tag:{PROJECT_TAG}", "Values": [settings.project]}
    filters = [of_project, {"Name": "status", "Values": ["available", "error"]}]
    for page in client.get_paginator("describe_volumes").paginate(Filters=filters):
        for found in page["Volumes"]:
            name = found["VolumeId"]
            resource = Resource(
                kind=VOLUME,
                name=name,
                arn=names.arn(settings, service="ec2", resource=f"volume/{name}"),
                tags=as_mapping(found.get("Tags", [])),
                created_at=found["CreateTime"],
                usd_per_hour=found["Size"] * EBS_USD_PER_GB_MONTH / HOURS_PER_MONTH,
            )
            yield _listed(client, resource)


def delete_volume(client: Any, name: str) -> bool:
    """Delete a volume; return whether there was one."""
    try:
        client.delete_volume(VolumeId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != NO_VOLUME:
            raise
        return False
    return True


def _listed(client: Any, resource: Resource) -> Listed:
    """Return something of EC2's: its list tells all, and its tags can be had alone."""

    def read_again() -> dict[str, str]:
        filters = [{"Name": "resource-id", "Values": [resource.name]}]
        pages = client.get_paginator("describe_tags").paginate(Filters=filters)
        return as_mapping(tag for page in pages for tag in page["Tags"])

    return Listed(
        kind=resource.kind,
        name=resource.name,
        arn=resource.arn,
        read=lambda: resource,
        read_tags=read_again,
    )


def list_notebooks(hook: MusherSageMakerHook, *, prefix: str) -> Iterator[Listed]:
    """Give the notebook instances, whatever their state."""
    for found in notebooks.list_notebooks(hook, prefix=prefix):
        if found[notebooks.STATUS] != notebooks.DELETING:
            name, arn = found["NotebookInstanceName"], found["NotebookInstanceArn"]
            read = partial(_read_notebook, hook, found)
            yield tagged(hook, kind=NOTEBOOK, name=name, arn=arn, read=read)


def _read_notebook(hook: MusherSageMakerHook, found: Mapping[str, Any]) -> Resource | None:
    name, arn = found["NotebookInstanceName"], found["NotebookInstanceArn"]
    described, tags = hook.find_notebook(name), read_tags(hook, arn=arn)
    if described is None or not tags:
        return None
    status = described[notebooks.STATUS]
    machine = 0.0 if status in notebooks.STARTABLE else hourly_price({described["InstanceType"]: 1})
    disk = described.get("VolumeSizeInGB", 5) * NOTEBOOK_USD_PER_GB_MONTH / HOURS_PER_MONTH
    return Resource(
        kind=NOTEBOOK,
        name=name,
        arn=arn,
        tags=tags,
        created_at=found["CreationTime"],
        usd_per_hour=None if machine is None else machine + disk,
        is_busy=status in BUSY,
    )


def list_lifecycle_configs(hook: MusherSageMakerHook, *, prefix: str) -> Iterator[Listed]:
    """Give the scripts that notebook instances start with; they cost nothing."""
    operation = "list_notebook_instance_lifecycle_configs"
    pages = hook.conn.get_paginator(operation).paginate(NameContains=prefix)
    for found in (one for page in pages for one in page["NotebookInstanceLifecycleConfigs"]):
        name = found["NotebookInstanceLifecycleConfigName"]
        arn = found["NotebookInstanceLifecycleConfigArn"]
        if name.startswith(prefix):
            read = partial(_read_lifecycle_config, hook, found)
            yield tagged(hook, kind=LIFECYCLE, name=name, arn=arn, read=read)


def _read_lifecycle_config(hook: MusherSageMakerHook, found: Mapping[str, Any]) -> Resource | None:
    arn = found["NotebookInstanceLifecycleConfigArn"]
    tags = read_tags(hook, arn=arn)
    if not tags:
        return None
    name = found["NotebookInstanceLifecycleConfigName"]
    return Resource(kind=LIFECYCLE, name=name, arn=arn, tags=tags, created_at=found["CreationTime"])


def lifecycle_configs_in_use(hook: MusherSageMakerHook, *, prefix: str, gone: Gone) -> set[str]:
    """Return the lifecycle configurations of the notebook instances that stay."""
    return {
        found.get("NotebookInstanceLifecycleConfigName", "")
        for found in notebooks.list_notebooks(hook, prefix=prefix)
        if found["NotebookInstanceName"] not in gone[NOTEBOOK]
    }
