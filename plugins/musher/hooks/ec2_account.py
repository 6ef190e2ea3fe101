"""Look at what an account has for an EC2 instance. No call here changes anything.

Each function raises botocore's error where AWS refuses the look: the caller decides what that means.
"""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from musher.errors import PreflightError

EVERYWHERE = ("0.0.0.0/0", "::/0")
MISSING_IMAGE = ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidAMIID.Malformed")


@dataclass(frozen=True, kw_only=True)
class Image:
    """What of an image a request depends on."""

    image_id: str
    root_device: str
    root_gb: int
    """GiB that its disk has at least; 0 where EC2 does not say."""
    architecture: str


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """What of an instance type a request depends on."""

    vcpus: int
    architectures: tuple[str, ...]


def find_image(ec2: Any, ssm: Any, *, parameter: str) -> Image:
    """Return the image that a parameter names; PreflightError where either is missing."""
    try:
        image_id = str(ssm.get_parameter(Name=parameter)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        raise PreflightError(
            f"ec2_image is {parameter}, and AWS has no such parameter here. Choose one of those that "
            "`aws ssm get-parameters-by-path --recursive --path /aws/service/ami-amazon-linux-latest` lists."
        ) from error
    try:
        [found] = ec2.describe_images(ImageIds=[image_id])["Images"]
    except (ClientError, ValueError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] not in MISSING_IMAGE:
            raise
        raise PreflightError(
            f"ec2_image is {parameter}, which names {image_id}, and there is no such image. Choose another."
        ) from error
    root = str(found.get("RootDeviceName") or "/dev/xvda")
    sizes = [
        int(mapping.get("Ebs", {}).get("VolumeSize") or 0)
        for mapping in found.get("BlockDeviceMappings", [])
        if mapping.get("DeviceName") == root
    ]
    return Image(
        image_id=image_id, root_device=root, root_gb=max(sizes, default=0), architecture=found["Architecture"]
    )


def find_type(ec2: Any, *, name: str) -> InstanceType:
    """Return an instance type; PreflightError where the region has none of that name."""
    try:
        [found] = ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"]
    except (ClientError, ValueError) as error:
        if isinstance(error, ClientError) and "InvalidInstanceType" not in error.response["Error"]["Code"]:
            raise
        raise PreflightError(
            f"ec2_instance_type is {name}, and EC2 has no such type here. Choose one such as m5.xlarge."
        ) from error
    return InstanceType(
        vcpus=int(found["VCpuInfo"]["DefaultVCpus"]),
        architectures=tuple(found["ProcessorInfo"]["SupportedArchitectures"]),
    )


def find_group(ec2: Any, *, name: str) -> str | None:
    """Return the id of the default VPC's security group of this name; None without group or VPC."""
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        return None
    filters = {"group-name": name, "vpc-id": vpcs[0]["VpcId"]}
    found = ec2.describe_security_groups(
        Filters=[{"Name": key, "Values": [value]} for key, value in filters.items()]
    )["SecurityGroups"]
    return str(found[0]["GroupId"]) if found else None


def find_inbound(ec2: Any, *, group_ids: tuple[str, ...]) -> list[str]:
    """Return those of these groups that let anybody in from everywhere."""
    found = ec2.describe_security_groups(GroupIds=list(group_ids))["SecurityGroups"]
    return [str(group["GroupId"]) for group in found if any(map(_is_open, group.get("IpPermissions", [])))]


def _is_open(rule: dict[str, Any]) -> bool:
    ranges = [found.get("CidrIp") for found in rule.get("IpRanges", [])]
    ranges += [found.get("CidrIpv6") for found in rule.get("Ipv6Ranges", [])]
    return any(found in EVERYWHERE for found in ranges)


def find_flaw_of_subnet(ec2: Any, *, subnet: str) -> str | None:
    """Return why an instance in a subnet would reach nothing outside, or None."""
    try:
        [found] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidSubnetID.NotFound":
            raise
        return "does not exist"
    route = _default_route(ec2, subnet=subnet, vpc=found["VpcId"])
    if route is None:
        return "has no route to 0.0.0.0/0, so that an instance in it reaches neither S3 nor CloudWatch Logs"
    if route.get("State") == "blackhole":
        return "has a route to 0.0.0.0/0 that ends nowhere (blackhole)"
    is_public = str(route.get("GatewayId", "")).startswith("igw-")
    if is_public and not found.get("MapPublicIpOnLaunch"):
        return "leads to an internet gateway and gives instances no public address"
    return None


def _default_route(ec2: Any, *, subnet: str, vpc: str) -> dict[str, Any] | None:
    """Return the route to everywhere of a subnet's own table, or, without one, of the VPC's main table."""
    own = {"association.subnet-id": subnet}
    main = {"vpc-id": vpc, "association.main": "true"}
    for wanted in (own, main):
        tables = ec2.describe_route_tables(
            Filters=[{"Name": key, "Values": [value]} for key, value in wanted.items()]
        )["RouteTables"]
        if tables:
            routes: list[dict[str, Any]] = tables[0].get("Routes", [])
            return next((found for found in routes if found.get("DestinationCidrBlock") == "0.0.0.0/0"), None)
    return None


def has_profile(iam: Any, *, name: str) -> bool:
    """Return whether there is an instance profile with a role in it."""
    try:
        profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return False
        raise
    return bool(profile["Roles"])
