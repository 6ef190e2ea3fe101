"""What volumes an instance gets from its image and its request."""

from types import SimpleNamespace
from typing import Any

import pytest
from moto.ec2.exceptions import EC2ClientError

from localaws.ec2.disks import check_hibernation, image_mappings, plan_disks

SNAPSHOT = SimpleNamespace(id="snap-1", volume=SimpleNamespace(size=15))
BACKEND: Any = SimpleNamespace(get_snapshot=lambda name: SNAPSHOT)


def make_image() -> Any:
    image: Any = SimpleNamespace(ebs_snapshot=SNAPSHOT, root_device_name="/dev/xvda")
    image.block_device_mappings = image_mappings(image)
    return image


def plan(*asked: Any) -> dict[str, Any]:
    found = plan_disks(BACKEND, make_image(), asked)
    return {mapping["DeviceName"]: mapping["Ebs"] for mapping in found}


def test_the_images_volume_is_changed_by_what_is_asked_for() -> None:
    found = plan({"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": "30", "Encrypted": True}})
    assert found == {
        "/dev/xvda": {
            "SnapshotId": "snap-1",
            "VolumeSize": 30,
            "DeleteOnTermination": True,
            "VolumeType": "gp3",
            "Encrypted": True,
        }
    }


def test_other_volumes_outlive_the_instance_unless_they_are_told_not_to() -> None:
    found = plan(
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/sdg", "Ebs": {"SnapshotId": "snap-1", "DeleteOnTermination": True}},
        {"DeviceName": "/dev/sdh", "VirtualName": "ephemeral0"},
    )
    assert sorted(found) == ["/dev/sdf", "/dev/sdg", "/dev/xvda"]
    assert [found[name]["DeleteOnTermination"] for name in ("/dev/sdf", "/dev/sdg")] == [False, True]
    assert found["/dev/sdg"]["VolumeSize"] == 15


def test_a_volume_of_the_image_can_be_left_out() -> None:
    assert plan({"DeviceName": "/dev/xvda", "NoDevice": ""}) == {}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Ebs": {"VolumeSize": 3}}, "MissingParameter"),
        ({"DeviceName": "/dev/sdf", "Ebs": {"Encrypted": True}}, "MissingParameter"),
        ({"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 14}}, "InvalidBlockDeviceMapping"),
        ({"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 65_537}}, "InvalidParameterValue"),
    ],
)
def test_volumes_that_cannot_be_are_refused(asked: Any, code: str) -> None:
    with pytest.raises(EC2ClientError) as caught:
        plan(asked)
    assert caught.value.code == code


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_memory_is_kept_on_encrypted_volumes_only(is_encrypted: bool) -> None:
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": is_encrypted}}
    options = {"block_device_mappings": [disk], "hibernation_options": {"Configured": True}}
    if is_encrypted:
        check_hibernation(options, root="/dev/xvda")
        return
    with pytest.raises(EC2ClientError, match="encrypted"):
        check_hibernation(options, root="/dev/xvda")
