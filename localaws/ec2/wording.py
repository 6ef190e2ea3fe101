"""What EC2 says, word by word.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from collections.abc import Iterable
from datetime import datetime

Reason = tuple[str, str]
"""Code and message of a StateReason (API_StateReason)."""

NO_SIZE = "The request must contain the parameter size or snapshotId"
USER_DATA_ENCODED = "Encoded User data is limited to 25600 bytes"
USER_DATA_TOO_LONG = "User data is limited to 16384 bytes"
USER_DATA_ENCODING = "Invalid BASE64 encoding of user data."
USER_SHUTDOWN: Reason = (
    "Client.UserInitiatedShutdown",
    "Client.UserInitiatedShutdown: User initiated shutdown",
)
USER_HIBERNATION: Reason = (
    "Client.UserInitiatedHibernate",
    "Client.UserInitiatedHibernate: User initiated hibernate",
)
INSTANCE_SHUTDOWN: Reason = (
    "Client.InstanceInitiatedShutdown",
    "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
)
SPOT_TERMINATION: Reason = (
    "Server.SpotInstanceTermination",
    "Server.SpotInstanceTermination: Spot instance termination",
)
TOO_MANY_SPOT = "Max spot instance count exceeded"
NOT_ENCRYPTED = "The root volume must be encrypted for an instance that is to hibernate"
ONE_TIME_ONLY = (
    "localaws has one-time Spot Instances only: no persistent ones, and none that stop or hibernate"
)
OTHER_ARGUMENTS = (
    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
)
OF_TERMINATED = (
    "The client token you have provided is associated with a terminated instance. Please use a different "
    "client token."
)


def user_initiated(now: datetime) -> str:
    """Return the StateTransitionReason of an instance that a request has shut down."""
    return f"User initiated ({now:%Y-%m-%d %H:%M:%S} GMT)"


def missing(parameter: str) -> str:
    """Return what is said where a parameter is needed."""
    return f"The request must contain the parameter {parameter}"


def no_template(template_id: str) -> str:
    """Return what is said of a launch template that there is not."""
    return f"The specified launch template, with template ID {template_id}, does not exist."


def no_key(name: str) -> str:
    """Return what is said of a key pair that there is not."""
    return f"The key pair '{name}' does not exist"


def unknown_type(name: str) -> str:
    """Return what is said of an instance type that there is not."""
    return f"Invalid value '{name}' for InstanceType."


def wrong_architecture(*, of_type: str, of_image: str) -> str:
    """Return what is said of an image for another processor."""
    return (
        f"The architecture '{of_type}' of the specified instance type does not match the "
        f"architecture '{of_image}' of the specified AMI. Specify an instance type and an AMI that have "
        "matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' "
        "to discover the architecture of the instance type or AMI."
    )


def too_many(*, wanted: int, limit: int) -> str:
    """Return what is said where more instances would run than may."""
    return (
        f"You have requested more instances ({wanted}) than your current instance limit of {limit} allows "
        "for the specified instance type. Please visit http://aws.amazon.com/contact-us/ec2-request to "
        "request an adjustment to this limit."
    )


def no_namespaces(refusal: str) -> str:
    """Return what is said where nothing would keep an instance apart from this machine."""
    return f"localaws runs instances in Linux namespaces of their own, which it cannot have here: {refusal}"


def cannot_start(instance_id: str) -> str:
    """Return what is said of an instance that cannot be started now."""
    return f"The instance '{instance_id}' is not in a state from which it can be started."


def cannot_stop(instance_id: str) -> str:
    """Return what is said of an instance that cannot be stopped now."""
    return f"This instance '{instance_id}' is not in a state from which it can be stopped."


def wrong_choice(value: str, *, parameter: str, known: Iterable[str]) -> str:
    """Return what is said of a value that a parameter cannot have."""
    return f"Value ({value}) for parameter {parameter} is invalid. Expected: {', '.join(known)}."


def wrong_hops(value: int) -> str:
    """Return what is said of a hop limit that cannot be."""
    return f"Value ({value}) for parameter HttpPutResponseHopLimit is invalid. Expected: 1 to 64."


def no_profile(*, name: str | None, arn: str | None) -> str:
    """Return what is said of an instance profile that there is not, or not yet."""
    member, kind = ("arn", "ARN") if arn else ("name", "name")
    return (
        f"Value ({arn or name}) for parameter iamInstanceProfile.{member} is invalid. "
        f"Invalid IAM Instance Profile {kind}"
    )


def not_stopped(instance_id: str) -> str:
    """Return what is said to who changes what is fixed while an instance is on."""
    return f"The instance '{instance_id}' is not in the 'stopped' state."


def not_positive(value: int, *, parameter: str) -> str:
    """Return what is said of a number of instances that is none."""
    return f"Value ({value}) for parameter {parameter} is invalid. Expected a positive integer."


def less_than_least(value: int, *, least: int) -> str:
    """Return what is said where fewer instances are wanted at most than at least."""
    return f"Value ({value}) for parameter maxCount is invalid. It is less than minCount ({least})."


def one_time_spot(instance_id: str) -> str:
    """Return what is said to who stops a Spot Instance."""
    return (
        f"You can't stop the Spot Instance '{instance_id}' because it is associated with a one-time Spot "
        "Instance request. You can only stop Spot Instances associated with persistent Spot Instance "
        "requests."
    )


def wrong_size(size: int, *, device: str) -> str:
    """Return what is said of a volume that no volume can be, in GiB."""
    return f"Value ({size}) for parameter volumeSize of {device} is invalid. Expected: 1 to 65536 GiB."


def small_volume(size: int, *, snapshot: str, least: int) -> str:
    """Return what is said of a volume on which its snapshot does not fit, in GiB."""
    return f"Volume of size {size}GB is smaller than snapshot '{snapshot}', expect size >= {least}GB"


def too_many_vcpus(limit: int) -> str:
    """Return what is said where instances would have more vCPUs together than the quota allows."""
    return (
        f"You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the "
        "instance bucket that the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
    )


def no_capacity(*, name: str, zone: str) -> str:
    """Return what is said where AWS has no such instance left in a zone."""
    return (
        f"We currently do not have sufficient {name} capacity in the Availability Zone you requested "
        f"({zone}). Our system will be working on provisioning additional capacity."
    )


def malformed_image(name: str) -> str:
    """Return what is said of what is no image's id."""
    return f'Invalid id: "{name}" (expecting "ami-...")'


def malformed_subnet(name: str) -> str:
    """Return what is said of what is no subnet's id."""
    return f'Invalid id: "{name}" (expecting "subnet-...")'


def not_heeded(member: str) -> str:
    """Return what is said of a member of RequestSpotInstances that is not built."""
    return f"localaws fulfils Spot requests at once, and does not heed {member}: leave it out"


def no_spot_request(name: str) -> str:
    """Return what is said of a Spot request that there is not."""
    return f"The spot instance request ID '{name}' does not exist"


def no_hibernation(instance_id: str) -> str:
    """Return what is said of an instance that was not launched to hibernate."""
    return f"The instance '{instance_id}' is not configured for hibernation"


def cannot_reboot(instance_id: str) -> str:
    """Return what is said of an instance that cannot be rebooted now."""
    return f"The instance '{instance_id}' is not in a state from which it can be rebooted."
