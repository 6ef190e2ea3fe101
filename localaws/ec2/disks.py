"""The volumes of new instances: the image's, and what a request changes of them or adds.

moto makes the image's volume only where nothing is asked for, and takes every size.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.instances import InstanceResponse

from localaws.ec2 import wording

SIZES_GB = range(1, 65_537)
"""GiB of a volume (the largest are gp3's)."""
ROOT_TYPE = "gp3"


def image_mappings(image: Ami) -> list[dict[str, Any]]:
    """Return the volumes of an image, as DescribeImages answers them; moto's would outlive instances."""
    disk = {
        "SnapshotId": image.ebs_snapshot.id,
        "VolumeSize": image.ebs_snapshot.volume.size,
        "DeleteOnTermination": True,
        "VolumeType": ROOT_TYPE,
        "Encrypted": False,
    }
    return [{"DeviceName": image.root_device_name, "Ebs": disk}]


def plan_disks(backend: Any, image: Ami, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a mapping for each volume of an instance; raises EC2ClientError where one cannot be."""
    planned = {mapping["DeviceName"]: mapping for mapping in image.block_device_mappings}
    for mapping in asked:
        name = mapping.get("DeviceName")
        if not name:
            raise EC2ClientError("MissingParameter", wording.missing("DeviceName"))
        if mapping.get("NoDevice") is not None:
            planned.pop(name, None)
        elif mapping.get("Ebs") is not None:
            planned[name] = {"DeviceName": name, "Ebs": read_disk(planned.get(name), mapping["Ebs"])}
    for mapping in planned.values():
        check_disk(backend, mapping["DeviceName"], mapping["Ebs"])
    return list(planned.values())


def read_disk(known: Mapping[str, Any] | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a volume is: as the image has it, but for what is asked for."""
    base = dict(known["Ebs"]) if known else {"DeleteOnTermination": False}
    return base | {name: value for name, value in asked.items() if value is not None}


def check_disk(backend: EBSBackend, name: str, disk: dict[str, Any]) -> None:
    """Refuse a volume without a size, or one that its snapshot does not fit on; numbers become numbers."""
    snapshot = backend.get_snapshot(disk["SnapshotId"]) if disk.get("SnapshotId") else None
    least = int(snapshot.volume.size) if snapshot else 0
    size = int(disk.get("VolumeSize") or least)
    if not size:
        raise EC2ClientError("MissingParameter", wording.NO_SIZE)
    if size not in SIZES_GB:
        raise EC2ClientError("InvalidParameterValue", wording.wrong_size(size, device=name))
    if size < least:
        raise EC2ClientError(
            "InvalidBlockDeviceMapping", wording.small_volume(size, snapshot=disk["SnapshotId"], least=least)
        )
    disk["VolumeSize"] = size


def read_mappings(response: InstanceResponse) -> list[dict[str, Any]]:
    """Return what a request says of volumes; moto asks for a size where the image has one."""
    return [dict(mapping) for mapping in response._get_param("BlockDeviceMappings", [])]


def check_hibernation(options: Mapping[str, Any], *, root: str) -> None:
    """Refuse instances that are to hibernate without an encrypted root volume to keep their memory on."""
    disks = options.get("block_device_mappings") or []
    is_encrypted = any(each["Ebs"].get("Encrypted") for each in disks if each["DeviceName"] == root)
    if (options.get("hibernation_options") or {}).get("Configured") and not is_encrypted:
        raise EC2ClientError("UnsupportedHibernationConfiguration", wording.NOT_ENCRYPTED)


def install() -> None:
    """Put these in the place of moto's."""
    setattr(Ami, "block_device_mappings", property(image_mappings))  # noqa: B010 - mypy refuses it
    setattr(InstanceResponse, "_parse_block_device_mapping", read_mappings)  # noqa: B010


def complete_disks(
    backend: InstanceBackend, options: dict[str, Any], template: Mapping[str, Any], *, image: Ami
) -> None:
    """Put the volumes of new instances, and their tags, into the options of a launch."""
    if options.get("launch_config") is not None:  # an Auto Scaling group's, which moto reads
        return
    asked = options.get("block_device_mappings") or template.get("BlockDeviceMappings") or []
    options["block_device_mappings"] = plan_disks(backend, image, asked)
    tags: dict[str, dict[str, str]] = dict(options.get("tags") or {})
    for item in template.get("TagSpecifications") or []:
        if item.get("ResourceType") == "volume":
            named = {tag["Key"]: tag["Value"] for tag in item.get("Tags") or []}
            tags["volume"] = named | tags.get("volume", {})
    options["tags"] = tags
