"""Refuse a notebook instance that cannot be had, before anything starts."""

from collections.abc import Mapping
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

from localaws.context import current
from localaws.sagemaker.notebooks import wording
from localaws.sagemaker.notebooks.states import DELETING, FAILED, STOPPED
from localaws.sagemaker.roles import check_role
from localaws.sagemaker.wording import constraint
from localaws.wire.compiler import find_model

MIN_VOLUME_GB, MAX_VOLUME_GB = 5, 16_384
MAX_INSTANCES = 20
"""Instances of one type that may be on at a time in a region (Service Quotas has 20 for the common ones)."""
ENDED_PLATFORMS = ("notebook-al1-v1", "notebook-al2-v1")
DISASSOCIATIONS = {
    "LifecycleConfigName": "DisassociateLifecycleConfig",
    "DefaultCodeRepository": "DisassociateDefaultCodeRepository",
    "AdditionalCodeRepositories": "DisassociateAdditionalCodeRepositories",
    "AcceleratorTypes": "DisassociateAcceleratorTypes",
}
"""What an update may give, and by what it takes it away."""


def check_request(request: Mapping[str, Any]) -> None:
    """Refuse values of CreateNotebookInstance or UpdateNotebookInstance, whoever has sent them.

    CloudFormation's come without having been held against AWS's model.
    """
    if refusal := current().supervisor.refusal:
        raise wording.no_namespaces(refusal)
    check_type(request.get("InstanceType"))
    check_volume(request.get("VolumeSizeInGB"))
    if request.get("DefaultCodeRepository") or request.get("AdditionalCodeRepositories"):
        raise AWSValidationException(wording.NO_REPOSITORIES)
    if request.get("PlatformIdentifier") in ENDED_PLATFORMS:
        raise wording.no_platform(request["PlatformIdentifier"])
    if request.get("RoleArn") is not None:
        check_role(request["RoleArn"])


def check_type(instance_type: str | None) -> None:
    """Refuse an instance type that AWS's model does not name."""
    model = find_model("sagemaker")
    assert model is not None
    known: Any = model.shape_for("InstanceType")
    if instance_type is not None and instance_type not in known.enum:
        rule = f"Member must satisfy enum value set: [{', '.join(known.enum)}]"
        raise constraint(value=instance_type, member="instanceType", rule=rule)


def check_volume(size_gb: int | None) -> None:
    """Refuse a volume that is too small or too large."""
    if size_gb is None:
        return
    if size_gb < MIN_VOLUME_GB:
        rule = f"Member must have value greater than or equal to {MIN_VOLUME_GB}"
    elif size_gb > MAX_VOLUME_GB:
        rule = f"Member must have value less than or equal to {MAX_VOLUME_GB}"
    else:
        return
    raise constraint(value=size_gb, member="volumeSizeInGB", rule=rule)


def check_room(instances: Mapping[str, Any], *, instance_type: str) -> None:
    """Refuse an instance beyond the quota of its type."""
    on = [
        found
        for found in list(instances.values())
        if found.instance_type == instance_type and found.status not in (STOPPED, FAILED, DELETING)
    ]
    if len(on) >= MAX_INSTANCES:
        raise wording.too_many(instance_type=instance_type, limit=MAX_INSTANCES)


def check_update(request: Mapping[str, Any], *, volume_gb: int) -> None:
    """Refuse an update that contradicts itself, or would make the volume smaller."""
    check_request(request)
    for member, disassociation in DISASSOCIATIONS.items():
        if request.get(member) and request.get(disassociation):
            raise wording.both(member, disassociation)
    wanted = request.get("VolumeSizeInGB")
    if wanted is not None and wanted < volume_gb:
        raise wording.smaller_volume(current_gb=volume_gb, wanted_gb=wanted)
