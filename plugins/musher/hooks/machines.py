"""List machines that runs may leave, and their disks: EC2's instances and volumes, notebook instances."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from musher.costs.prices import EBS_USD_PER_GB_MONTH, NOTEBOOK_USD_PER_GB_MONTH
from musher.hooks.inventory import Listed, read_tags
from musher.hooks.sagemaker import MusherSageMakerHook, found_or_none
from musher.payloads.expiry import HOURS_PER_MONTH, Resource, hourly_price
from musher.payloads.tags import PROJECT_TAG, as_mapping

logger = logging.getLogger(__name__)

INSTANCE, VOLUME = "instance", "volume"
NOTEBOOK, LIFECYCLE = "notebook instance", "lifecycle configuration"
COSTING = ("pending", "running", "stopping", "stopped")
"""States of an instance that somebody has to end: a stopped one keeps its volumes."""
GONE_CODES = ("InvalidInstanceID.NotFound", "InvalidVolume.NotFound")
NOTEBOOK_STOP_S = 900.0
NOTEBOOK_ENDS = ("Stopped", "Failed")
NOTEBOOK_BUSY = ("Pending", "Stopping", "Updating")

Gone = Mapping[str, Collection[str]]


def list_instances(client: Any, *, project: str, account: str) -> Iterator[Listed]:
    """Give EC2's instances that have the project's tag: their names are tags, too."""
    filters = [*_of_project(project), {"Name": "instance-state-name", "Values": list(COSTING)}]
    for page in client.get_paginator("describe_instances").paginate(Filters=filters):
        for found in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
            name = found["InstanceId"]
            resource = Resource(
                kind=INSTANCE,
                name=name,
                arn=_arn(client, account, f"instance/{name}"),
                tags=as_mapping(found.get("Tags", [])),
                created_at=found["LaunchTime"],
                usd_per_hour=_instance_price(found),
            )
            yield _listed(client, resource)


def _instance_price(found: Mapping[str, Any]) -> float | None:
    """Return what an instance costs in an hour, a Spot Instance at most; a stopped one has its volumes."""
    return 0.0 if found["State"]["Name"] == "stopped" else hourly_price({found["InstanceType"]: 1})


def terminate_instance(client: Any, name: str) -> bool:
    """Terminate an instance; return whether there was one."""
    return _unless_gone(partial(client.terminate_instances, InstanceIds=[name]))


def list_volumes(client: Any, *, project: str, account: str) -> Iterator[Listed]:
    """Give the volumes that have the project's tag and belong to no instance."""
    filters = [*_of_project(project), {"Name": "status", "Values": ["available", "error"]}]
    for page in client.get_paginator("describe_volumes").paginate(Filters=filters):
        for found in page["Volumes"]:
            name = found["VolumeId"]
            resource = Resource(
                kind=VOLUME,
                name=name,
                arn=_arn(client, account, f"volume/{name}"),
                tags=as_mapping(found.get("Tags", [])),
                created_at=found["CreateTime"],
                usd_per_hour=found["Size"] * EBS_USD_PER_GB_MONTH / HOURS_PER_MONTH,
            )
            yield _listed(client, resource)


def delete_volume(client: Any, name: str) -> bool:
    """Delete a volume; return whether there was one."""
    return _unless_gone(partial(client.delete_volume, VolumeId=name))


def _of_project(project: str) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{PROJECT_TAG}", "Values": [project]}]


def _arn(client: Any, account: str, resource: str) -> str:
    """Return an ARN, which EC2's answers have none of."""
    meta = client.meta
    return f"arn:{meta.partition}:ec2:{meta.region_name}:{account}:{resource}"


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


def _unless_gone(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE_CODES:
            return False
        raise
    return True


def list_notebooks(hook: MusherSageMakerHook, *, prefix: str) -> Iterator[Listed]:
    """Give the notebook instances, whatever their state."""
    pages = hook.conn.get_paginator("list_notebook_instances").paginate(NameContains=prefix)
    for found in (one for page in pages for one in page["NotebookInstances"]):
        name, arn = found["NotebookInstanceName"], found["NotebookInstanceArn"]
        if name.startswith(prefix) and found["NotebookInstanceStatus"] != "Deleting":
            yield Listed(
                kind=NOTEBOOK,
                name=name,
                arn=arn,
                read=partial(_read_notebook, hook, found),
                read_tags=partial(read_tags, hook, arn=arn),
            )


def _read_notebook(hook: MusherSageMakerHook, found: Mapping[str, Any]) -> Resource | None:
    name, arn = found["NotebookInstanceName"], found["NotebookInstanceArn"]
    described = describe_notebook(hook, name)
    tags = read_tags(hook, arn=arn)
    if described is None or not tags:
        return None
    status = described["NotebookInstanceStatus"]
    machine = 0.0 if status in NOTEBOOK_ENDS else hourly_price({described["InstanceType"]: 1})
    disk = described.get("VolumeSizeInGB", 5) * NOTEBOOK_USD_PER_GB_MONTH / HOURS_PER_MONTH
    return Resource(
        kind=NOTEBOOK,
        name=name,
        arn=arn,
        tags=tags,
        created_at=found["CreationTime"],
        usd_per_hour=None if machine is None else machine + disk,
        is_busy=status in NOTEBOOK_BUSY,
    )


def describe_notebook(hook: MusherSageMakerHook, name: str) -> dict[str, Any] | None:
    """Return DescribeNotebookInstance's answer, or None: AWS's error for that is no code of its own."""
    try:
        return found_or_none(hook.conn.describe_notebook_instance, NotebookInstanceName=name)
    except ClientError as error:
        if "RecordNotFound" in str(error):
            return None
        raise


def remove_notebook(hook: MusherSageMakerHook, name: str, *, delay_s: float) -> bool:
    """Stop a notebook instance and delete it with its disk; return whether there was one.

    AWS deletes only what is stopped or has failed, and says so of one that is still on its way:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteNotebookInstance.html
    """
    described = describe_notebook(hook, name)
    if described is None:
        return False
    if described["NotebookInstanceStatus"] == "InService":
        hook.conn.stop_notebook_instance(NotebookInstanceName=name)
    if described["NotebookInstanceStatus"] in ("InService", "Stopping"):
        _wait_until_stopped(hook, name, delay_s=delay_s)
    hook.conn.delete_notebook_instance(NotebookInstanceName=name)
    logger.info("%s: removed notebook instance", name)
    return True


def _wait_until_stopped(hook: MusherSageMakerHook, name: str, *, delay_s: float) -> None:
    """Wait by botocore's own waiter, which fails for what becomes Failed: that can be deleted, too."""
    looks = {"Delay": delay_s, "MaxAttempts": max(1, int(NOTEBOOK_STOP_S / delay_s))}
    try:
        waiter = hook.conn.get_waiter("notebook_instance_stopped")
        waiter.wait(NotebookInstanceName=name, WaiterConfig=looks)
    except WaiterError:
        described = describe_notebook(hook, name)
        if described is None or described["NotebookInstanceStatus"] != "Failed":
            raise


def list_lifecycle_configs(hook: MusherSageMakerHook, *, prefix: str) -> Iterator[Listed]:
    """Give the scripts that notebook instances start with; they cost nothing."""
    operation = "list_notebook_instance_lifecycle_configs"
    pages = hook.conn.get_paginator(operation).paginate(NameContains=prefix)
    for found in (one for page in pages for one in page["NotebookInstanceLifecycleConfigs"]):
        name = found["NotebookInstanceLifecycleConfigName"]
        arn = found["NotebookInstanceLifecycleConfigArn"]
        if name.startswith(prefix):
            read = partial(_read_lifecycle_config, hook, found)
            tags = partial(read_tags, hook, arn=arn)
            yield Listed(kind=LIFECYCLE, name=name, arn=arn, read=read, read_tags=tags)


def _read_lifecycle_config(hook: MusherSageMakerHook, found: Mapping[str, Any]) -> Resource | None:
    arn = found["NotebookInstanceLifecycleConfigArn"]
    tags = read_tags(hook, arn=arn)
    if not tags:
        return None
    name = found["NotebookInstanceLifecycleConfigName"]
    return Resource(kind=LIFECYCLE, name=name, arn=arn, tags=tags, created_at=found["CreationTime"])


def delete_lifecycle_config(hook: MusherSageMakerHook, name: str) -> bool:
    """Delete a lifecycle configuration; return whether there was one."""
    delete = hook.conn.delete_notebook_instance_lifecycle_config
    return found_or_none(delete, NotebookInstanceLifecycleConfigName=name) is not None


def lifecycle_configs_in_use(hook: MusherSageMakerHook, *, gone: Gone) -> set[str]:
    """Return the lifecycle configurations of the notebook instances that stay."""
    pages = hook.conn.get_paginator("list_notebook_instances").paginate()
    return {
        found.get("NotebookInstanceLifecycleConfigName", "")
        for page in pages
        for found in page["NotebookInstances"]
        if found["NotebookInstanceName"] not in gone[NOTEBOOK]
    }
