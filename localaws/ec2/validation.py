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

MAX_USER_DATA = 16_384
"""Bytes of user data, before they are encoded."""
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
    check_room(backend, count=count)


def check_key(backend: Any, *, name: str | None) -> None:
    """Refuse a key pair that there is not."""
    if name and name not in backend.key_pairs:
        raise EC2ClientError("InvalidKeyPair.NotFound", wording.no_key(name))


def check_user_data(user_data: Any) -> None:
    """Refuse user data that are too long, or not in base64."""
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
