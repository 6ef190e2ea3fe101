"""Refuse what EC2 refuses of a launch, and what this machine cannot do.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
"""

from collections.abc import Mapping
from typing import Any

from moto.ec2.exceptions import EC2ClientError, InvalidUserDataError
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import InstanceBackend

from localaws import context
from localaws.ec2 import wording
from localaws.ec2.hardware import decode
from localaws.ec2.quotas import count_vcpus, find_quota, read_value
from localaws.faults.spec import NoCapacity

MAX_USER_DATA = 16_384
"""Bytes of user data, before they are encoded."""
MAX_ENCODED = 25_600
"""Characters of user data in base64."""
MAX_INSTANCES = 20
"""Instances of a region that may be on at a time: all share this machine."""
ON = ("pending", "running", "stopping", "shutting-down")


def check_launch(
    backend: InstanceBackend,
    *,
    image_id: str | None,
    count: int,
    user_data: Any,
    options: Mapping[str, Any],
    template: Mapping[str, Any],
) -> None:
    """Raise EC2ClientError where instances are not to be made; what a launch template says counts too."""
    check_user_data(user_data or template.get("UserData"))
    image = image_id or template.get("ImageId")
    if not image:
        raise EC2ClientError("MissingParameter", wording.missing("ImageId"))
    is_named = not options.get("is_instance_type_default")
    named = options["instance_type"] if is_named else template.get("InstanceType", options["instance_type"])
    check_type(backend, image_id=image, name=named)
    check_key(backend, name=options.get("key_name") or template.get("KeyName"))
    zone = find_zone(backend, options)
    check_room(backend, count=count)
    is_spot = options.get("lifecycle") == "spot" or bool(options.get("instance_market_options"))
    check_vcpus(backend, name=named, count=count, is_spot=is_spot)
    check_capacity(name=named, zone=zone)


def find_zone(backend: Any, options: Mapping[str, Any]) -> str:
    """Return the zone of new instances; raises EC2ClientError for a subnet that there is not."""
    nics = [nic.get("SubnetId") for nic in options.get("nics") or []]
    if subnet := next((each for each in (options.get("subnet_id"), *nics) if each), None):
        if not subnet.startswith("subnet-"):
            raise EC2ClientError("InvalidSubnetID.Malformed", wording.malformed_subnet(subnet))
        return str(backend.get_subnet(subnet).availability_zone)
    return str(options.get("placement") or f"{backend.region_name}a")


def check_vcpus(backend: Any, *, name: str, count: int, is_spot: bool) -> None:
    """Refuse instances that together would have more vCPUs than the account's quota."""
    quota = find_quota(name, is_spot=is_spot)
    if quota is None:
        return
    limit = read_value(backend, quota)
    others = [
        each
        for each in backend.all_instances()
        if each.state in ON and find_quota(each.instance_type, is_spot=each.lifecycle == "spot") == quota
    ]
    wanted = count * count_vcpus(name) + sum(count_vcpus(each.instance_type) for each in others)
    if wanted <= limit:
        return
    if is_spot:
        raise EC2ClientError("MaxSpotInstanceCountExceeded", wording.TOO_MANY_SPOT)
    raise EC2ClientError("VcpuLimitExceeded", wording.too_many_vcpus(int(limit)))


def check_capacity(*, name: str, zone: str) -> None:
    """Refuse an instance where a rule says that AWS has none left."""
    running = context.current()
    rule = running.faults.take(
        lambda effect: isinstance(effect, NoCapacity) and effect.applies(instance_type=name, zone=zone),
        now=running.clock.now().isoformat(),
        outcome=f"{name} in {zone}",
    )
    if rule is not None:
        message = wording.no_capacity(name=name, zone=zone)
        raise NoCapacityError("InsufficientInstanceCapacity", message)


class NoCapacityError(EC2ClientError):
    """AWS has no such instance left; `actions` answers it as a failure of AWS's, which SDKs try again."""


def check_key(backend: Any, *, name: str | None) -> None:
    """Refuse a key pair that there is not."""
    if name and name not in backend.key_pairs:
        raise EC2ClientError("InvalidKeyPair.NotFound", wording.no_key(name))


def check_user_data(user_data: Any) -> None:
    """Refuse user data that are too long, or not in base64."""
    if len(str(user_data or "")) > MAX_ENCODED:
        raise EC2ClientError("InvalidParameterValue", wording.USER_DATA_ENCODED)
    try:
        raw = decode(user_data)
    except ValueError as error:
        raise InvalidUserDataError(wording.USER_DATA_ENCODING) from error
    if len(raw) > MAX_USER_DATA:
        raise EC2ClientError("InvalidParameterValue", wording.USER_DATA_TOO_LONG)


def check_type(backend: Any, *, image_id: str, name: str) -> None:
    """Refuse an instance type or image that there is not, and two that do not fit."""
    if name not in INSTANCE_TYPES:
        raise EC2ClientError("InvalidParameterValue", wording.unknown_type(name))
    if not image_id.startswith("ami-"):
        raise EC2ClientError("InvalidAMIID.Malformed", wording.malformed_image(image_id))
    image = backend.describe_images(ami_ids=[image_id])[0]
    known: list[str] = INSTANCE_TYPES[name]["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture not in known:
        found = wording.wrong_architecture(of_type=",".join(known), of_image=image.architecture)
        raise EC2ClientError("InvalidParameterValue", found)


def check_room(backend: InstanceBackend, *, count: int) -> None:
    """Refuse instances that this machine has no room for, or cannot keep to themselves."""
    if refusal := context.current().supervisor.refusal:
        raise EC2ClientError("Unsupported", wording.no_namespaces(refusal))
    wanted = sum(instance.state in ON for instance in backend.all_instances()) + count
    if wanted > MAX_INSTANCES:
        raise EC2ClientError("InstanceLimitExceeded", wording.too_many(wanted=wanted, limit=MAX_INSTANCES))
