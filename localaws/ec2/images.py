"""The Deep Learning AMIs, by the parameters that lead to them: moto has those of Amazon Linux only.

https://docs.aws.amazon.com/dlami/latest/devguide/dlami-release-notes.html names the parameters. An AMI has
another id in each region and release; here it is made of its name and region, and what it starts is this
machine's Python.
"""

import functools
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models.amis import Ami, AmiBackend
from moto.ssm.models import Parameter, ParameterDict

PREFIX = "/aws/service/deeplearning/ami"
BASE, PYTORCH = "base-oss-nvidia-driver-gpu", "oss-nvidia-driver-gpu-pytorch"
KINDS = (
    f"{BASE}-ubuntu-22.04",
    f"{BASE}-ubuntu-24.04",
    f"{BASE}-amazon-linux-2023",
    f"{PYTORCH}-2.7-ubuntu-22.04",
    f"{PYTORCH}-2.10-ubuntu-24.04",
    f"{PYTORCH}-2.12-ubuntu-24.04",
)
ARCHITECTURES = ("x86_64", "arm64")
OWNER = "898082745236"
"""The account of AWS that these images are of."""
RELEASED = datetime(2026, 10, 1, tzinfo=UTC)


def find_images(region: str) -> Iterator[tuple[str, str, str]]:
    """Give parameter, image id and architecture of each image of a region."""
    for architecture in ARCHITECTURES:
        for kind in KINDS:
            parameter = f"{PREFIX}/{architecture}/{kind}/latest/ami-id"
            digest = hashlib.sha256(f"{region}{parameter}".encode()).hexdigest()
            yield parameter, f"ami-{digest[:17]}", architecture


def add_images(backend: Any) -> None:
    """Give a region's backend these images."""
    for parameter, image_id, architecture in find_images(backend.region_name):
        kind = parameter.split("/")[-3]
        backend.amis[image_id] = Ami(
            backend,
            image_id,
            name=f"localaws {kind} ({architecture})",
            description=f"Stands for the Deep Learning AMI of {parameter}",
            owner_id=OWNER,
            owner_alias="amazon",
            public=True,
            virtualization_type="hvm",
            architecture=architecture,
            creation_date=RELEASED,
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name="/dev/sda1" if "ubuntu" in kind else "/dev/xvda",
            region_name=f"{backend.region_name}a",
        )


def add_parameters(parameters: ParameterDict) -> None:
    """Give a region's parameters those that lead to the images."""
    make: Any = Parameter  # which lacks what only CloudFormation asks for
    for name, image_id, _ in find_images(parameters.region_name):
        parameter = make(
            account_id=parameters.account_id,
            name=name,
            value=image_id,
            parameter_type="String",
            description=None,
            allowed_pattern=None,
            keyid=None,
            last_modified_date=RELEASED,
            version=1,
            data_type="aws:ec2:image",
        )
        dict.__setitem__(parameters, name, [parameter])


@functools.cache
def install() -> None:
    """Let moto load these with its own images and parameters."""
    stock_images, stock_parameters = AmiBackend._load_amis, ParameterDict._check_loading_status

    def load_images(backend: AmiBackend) -> None:
        stock_images(backend)
        add_images(backend)

    def check_loaded(parameters: ParameterDict, key: str) -> None:
        stock_parameters(parameters, key)
        is_wanted = str(key or "").startswith(PREFIX)
        if is_wanted and not any(name.startswith(PREFIX) for name in parameters):
            add_parameters(parameters)

    setattr(AmiBackend, "_load_amis", load_images)  # noqa: B010 - mypy refuses to assign a method
    setattr(ParameterDict, "_check_loading_status", check_loaded)  # noqa: B010
