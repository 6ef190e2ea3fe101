"""What would make training on an EC2 instance fail, looked for before anything is paid."""

from collections.abc import Callable, Mapping, Sequence

from musher import names
from musher.errors import PreflightError
from musher.hooks.account import look_client, read_quotas
from musher.hooks.ec2_account import (
    Image,
    find_flaw_of_subnet,
    find_group,
    find_image,
    find_inbound,
    find_type,
    has_profile,
)
from musher.hooks.objects import count_bytes
from musher.payloads.ec2_quotas import SERVICE, judge_quota, quota_name
from musher.results import Params
from musher.settings import Settings
from musher.stages.checks import Check

STACK = "Deploy infra/bootstrap.yaml with Ec2Vpc, as docs/aws.md says."
PACKAGES_GB = 8
"""GiB that torch, the other packages and what the job writes have to have."""
GIB = 1 << 30

Look = Callable[[], Sequence[str]]


def list_ec2_checks(settings: Settings, params: Params, *, channels: Mapping[str, str]) -> list[Check]:
    """Return what is looked at; `channels` are what the instance will read."""
    looks: dict[str, Look] = {
        "EC2 and the settings": lambda: contradicting_settings(settings, params),
        "EC2 image, type and disk": lambda: check_instance(settings, params, channels=channels),
        "EC2 quota": lambda: check_quota(settings, params),
        "EC2 network": lambda: check_network(settings),
        "EC2 role": lambda: check_profile(settings),
    }
    return [Check(about=about, look=look) for about, look in looks.items()]


def contradicting_settings(settings: Settings, params: Params) -> list[str]:
    """Return what of the installation no instance can follow."""
    found = []
    if settings.isolate_network:
        found.append(
            "MUSHER_ISOLATE_NETWORK is true, and an EC2 instance reaches its data by the network. Leave "
            "train_on_ec2 out."
        )
    if settings.volume_kms_key:
        found.append(
            f"MUSHER_VOLUME_KMS_KEY is {settings.volume_kms_key}, and the stack's policies do not let EC2 "
            "use it. Leave train_on_ec2 out."
        )
    uri = params.get("weights_uri")
    if uri and names.split_s3_uri(uri)[0] != names.bucket(settings):
        found.append(
            f"weights_uri is {uri}: the EC2 instance may read {names.bucket(settings)} only. Copy the "
            "weights there."
        )
    return found


def find_chosen_image(settings: Settings, params: Params) -> Image:
    """Return the image that the run asks for; PreflightError where there is none."""
    ec2, ssm = look_client(settings, "ec2"), look_client(settings, "ssm")
    return find_image(ec2, ssm, parameter=params["ec2_image"])


def check_instance(settings: Settings, params: Params, *, channels: Mapping[str, str]) -> list[str]:
    """Return where image and type do not fit, or the disk is too small for image, packages and data."""
    image = find_chosen_image(settings, params)
    name, wanted_gb = params["ec2_instance_type"], int(params["ec2_volume_gb"])
    found, known = [], find_type(look_client(settings, "ec2"), name=name)
    if image.architecture not in known.architectures:
        found.append(
            f"ec2_image is for {image.architecture}, and {name} is {', '.join(known.architectures)}. Choose "
            "an image and an instance type that fit."
        )
    s3 = look_client(settings, "s3")
    data_gb = sum(count_bytes(s3, uri=uri) for uri in channels.values()) / GIB
    if wanted_gb < (least_gb := image.root_gb + PACKAGES_GB + data_gb):
        found.append(
            f"ec2_volume_gb is {wanted_gb}, and the image has {image.root_gb} GiB, the data {data_gb:.1f}, "
            f"and packages and the model need {PACKAGES_GB}. Set it to {int(least_gb) + 1} or more."
        )
    return found


def check_quota(settings: Settings, params: Params) -> list[str]:
    """Return whether the quota is too small for the instance."""
    name = params["ec2_instance_type"]
    quota = quota_name(name, is_spot=bool(params["ec2_use_spot"]))
    if quota is None:
        return []
    vcpus = find_type(look_client(settings, "ec2"), name=name).vcpus
    value = read_quotas(look_client(settings, "service-quotas"), service=SERVICE, names={quota}).get(quota)
    return judge_quota(quota, value=value, vcpus=vcpus, instance_type=name, region=settings.region)


def check_network(settings: Settings) -> list[str]:
    """Return why the instance would have no network, or too open a one."""
    ec2, groups = look_client(settings, "ec2"), find_groups(settings)
    found = [
        f"The security group {group} lets in connections from everywhere, and the EC2 instance needs none. "
        "Name another one in MUSHER_SECURITY_GROUPS."
        for group in find_inbound(ec2, group_ids=groups)
    ]
    flaws = {subnet: find_flaw_of_subnet(ec2, subnet=subnet) for subnet in settings.subnets[:1]}
    found += [
        f"The subnet {subnet} {flaw}. Name another one first in MUSHER_SUBNETS, or correct its routes."
        for subnet, flaw in flaws.items()
        if flaw
    ]
    return found


def find_groups(settings: Settings) -> tuple[str, ...]:
    """Return the security groups of the installation's subnets, else the stack's; PreflightError without."""
    if settings.security_groups:
        return settings.security_groups
    name = names.instance_profile(settings)
    group = find_group(look_client(settings, "ec2"), name=name)
    if group is None:
        raise PreflightError(
            f"The region's default VPC, if there is one, has no security group {name}. {STACK} Or set "
            "MUSHER_SUBNETS and MUSHER_SECURITY_GROUPS."
        )
    return (group,)


def check_profile(settings: Settings) -> list[str]:
    """Return whether the instance profile is missing."""
    name = names.instance_profile(settings)
    if has_profile(look_client(settings, "iam"), name=name):
        return []
    return [f"The instance profile {name} does not exist, or has no role. {STACK}"]
