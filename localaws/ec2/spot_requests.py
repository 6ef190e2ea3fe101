"""Spot requests: one for each Spot Instance, whoever has asked for that.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-requests.html. They are one-time, and fulfilled at
once or refused: where there is no capacity, RequestSpotInstances fails as RunInstances does. What somebody
would pay at most is kept, and changes nothing.
"""

from collections.abc import Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Reservation
from moto.ec2.models.spot_requests import LaunchSpecification, SpotInstanceRequest, SpotRequestBackend
from moto.ec2.responses.spot_instances import SpotInstances
from moto.ec2.utils import (
    filter_iam_instance_profiles,
    generic_filter,
    parse_user_data,
    random_spot_request_id,
)
from moto.iam.exceptions import NotFoundException

from localaws import context
from localaws.clock import naive_utc
from localaws.ec2 import wording
from localaws.ec2.templates import check_market

NOT_HEEDED = ("ValidFrom", "ValidUntil", "LaunchGroup", "AvailabilityZoneGroup", "BlockDurationMinutes")
TAGGED = "spot-instances-request"
FULFILLED = ("active", "fulfilled", "Your Spot request is fulfilled.")
MARKED = ("active", "marked-for-termination", "Your Spot instance is marked for termination.")
TAKEN = ("closed", "instance-terminated-no-capacity", "Your Spot instance was terminated: no capacity.")
ENDED = ("closed", "instance-terminated-by-user", "Your Spot Instance was terminated by the user.")
LEFT = (
    "cancelled",
    "request-canceled-and-instance-running",
    "Your Spot request is canceled, but your instance is still running.",
)
CANCELLED = ("cancelled", "canceled-before-fulfillment", "Your Spot request is canceled.")


class LocalSpotRequest(SpotInstanceRequest):
    """The request that an instance has come from: what became of it is what became of the instance."""

    def __init__(self, instance: Any, *, price: str, client_token: str | None) -> None:
        # moto's would make an instance
        self.ec2_backend = instance.ec2_backend
        self.id = random_spot_request_id()
        self.instance: Any = instance
        self.client_token = client_token
        self.is_cancelled = False
        self.price = price
        self.type = "one-time"
        self.instance_interruption_behaviour = "terminate"
        self.valid_from = self.valid_until = None
        self.launched_availability_zone = instance.availability_zone
        self.made_at = naive_utc(context.current().clock.now())
        self.launch_specification = LaunchSpecification(
            kernel_id=None,
            ramdisk_id=None,
            image_id=instance.image_id,
            key_name=instance.key_name,
            instance_type=instance.instance_type,
            placement=instance.availability_zone,
            monitored=instance.monitored,
            subnet_id=instance.subnet_id,
        )
        self.launch_specification.groups = list(instance.security_groups)

    @property
    def outcome(self) -> tuple[str, str, str]:
        """State, status code and message."""
        state, reason = self.instance.state, self.instance.state_reason.code
        if state in ("shutting-down", "terminated"):
            if self.is_cancelled:
                return "cancelled", *ENDED[1:]
            return TAKEN if reason == wording.SPOT_TERMINATION[0] else ENDED
        if self.is_cancelled:
            return LEFT
        return MARKED if self.instance.interruption.at is not None else FULFILLED

    @property
    def state(self) -> str:  # type: ignore[override]
        """Its state."""
        return self.outcome[0]

    @property
    def status(self) -> dict[str, Any]:
        """What has become of it."""
        _, code, message = self.outcome
        return {"Code": code, "Message": message, "UpdateTime": self.made_at}

    @property
    def create_time(self) -> Any:
        """When it was made."""
        return self.made_at


def note_requests(
    backend: Any, reservation: Reservation, *, price: str = "", token: str | None = None
) -> None:
    """Make a request for each Spot Instance of a launch."""
    instances: list[Any] = reservation.instances
    for instance in instances:
        if instance.lifecycle == "spot":
            request = LocalSpotRequest(instance, price=price, client_token=token)
            instance.spot_instance_request_id = request.id
            backend.spot_instance_requests[request.id] = request


def request_spot_instances(response: SpotInstances) -> ActionResult:
    """Answer RequestSpotInstances."""
    backend: Any = response.ec2_backend
    count = check_request(response)
    token = response._get_param("ClientToken")
    requests = backend.spot_instance_requests.values()
    made = [each for each in requests if token and each.client_token == token]
    if made:
        return ActionResult({"SpotInstanceRequests": made})
    response.error_on_dryrun()
    reservation = launch(response, count=count)
    tags = response._parse_tag_specification().get(TAGGED, {})
    instances: list[Any] = reservation.instances
    found = [backend.spot_instance_requests[each.spot_instance_request_id] for each in instances]
    for request in found:
        request.client_token, request.price = token, response._get_param("SpotPrice") or ""
        request.add_tags(tags)
    return ActionResult({"SpotInstanceRequests": found})


def check_request(response: SpotInstances) -> int:
    """Return how many instances a request wants; raises EC2ClientError for what cannot be."""
    behavior = response._get_param("InstanceInterruptionBehavior", "terminate")
    kind = response._get_param("Type", "one-time")
    if kind not in ("one-time", "persistent"):
        known = ("one-time", "persistent")
        message = wording.wrong_choice(kind, parameter="Type", known=known)
        raise EC2ClientError("InvalidParameterValue", message)
    check_market({"InstanceInterruptionBehavior": behavior, "SpotInstanceType": kind})
    for member in NOT_HEEDED:
        if response._get_param(member):
            raise EC2ClientError("UnsupportedOperation", wording.not_heeded(member))
    count = int(response._get_param("InstanceCount", 1))
    if count < 1:
        message = wording.not_positive(count, parameter="instanceCount")
        raise EC2ClientError("InvalidParameterValue", message)
    return count


def launch(response: SpotInstances, *, count: int) -> Reservation:
    """Run the instances of a request."""
    asked: dict[str, Any] = response._get_param("LaunchSpecification", {})
    placement, profile = asked.get("Placement") or {}, asked.get("IamInstanceProfile") or {}
    backend: Any = response.ec2_backend
    check_profile(response, name=profile.get("Name"), arn=profile.get("Arn"))
    options = {
        "instance_type": asked.get("InstanceType", "m1.small"),
        "is_instance_type_default": not asked.get("InstanceType"),
        "placement": placement.get("AvailabilityZone"),
        "region_name": response.region,
        "subnet_id": asked.get("SubnetId"),
        "key_name": asked.get("KeyName"),
        "security_group_ids": asked.get("SecurityGroupIds") or [],
        "nics": asked.get("NetworkInterfaces") or [],
        "ebs_optimized": asked.get("EbsOptimized") or False,
        "block_device_mappings": [dict(each) for each in asked.get("BlockDeviceMappings") or []],
        "monitoring_state": "enabled" if (asked.get("Monitoring") or {}).get("Enabled") else "disabled",
        "instance_market_options": "spot",
        "profile": profile,
    }
    groups = asked.get("SecurityGroups") or []
    user_data = parse_user_data(asked.get("UserData"))
    reservation: Reservation = backend.run_instances(
        asked.get("ImageId"), count, user_data, groups, **options
    )
    return reservation


def check_profile(response: SpotInstances, *, name: str | None, arn: str | None) -> None:
    """Refuse an instance profile that there is not."""
    try:
        filter_iam_instance_profiles(
            response.current_account,
            partition=response.partition,
            iam_instance_profile_arn=arn,
            iam_instance_profile_name=name,
        )
    except NotFoundException as error:
        raise EC2ClientError("InvalidParameterValue", wording.no_profile(name=name, arn=arn)) from error


def find_requests(backend: SpotRequestBackend, names: Iterable[str]) -> list[Any]:
    """Return requests by their ids; raises EC2ClientError for the first that there is not."""
    known = backend.spot_instance_requests
    for name in names:
        if name not in known:
            raise EC2ClientError("InvalidSpotInstanceRequestID.NotFound", wording.no_spot_request(name))
    return [known[name] for name in names]


def describe_requests(
    backend: SpotRequestBackend, filters: Any = None, spot_instance_ids: list[str] | None = None
) -> list[SpotInstanceRequest]:
    """Return requests by their ids and filters."""
    found = (
        find_requests(backend, spot_instance_ids)
        if spot_instance_ids
        else list(backend.spot_instance_requests.values())
    )
    return list(generic_filter(filters, found))


def cancel_requests(backend: SpotRequestBackend, request_ids: list[str]) -> list[SpotInstanceRequest]:
    """Cancel requests; their instances run on."""
    found = find_requests(backend, request_ids)
    for request in found:
        request.is_cancelled = True
    return found


def install() -> None:
    """Put these in the place of moto's."""
    setattr(SpotInstances, request_spot_instances.__name__, request_spot_instances)
    setattr(SpotRequestBackend, "describe_spot_instance_requests", describe_requests)  # noqa: B010
    setattr(SpotRequestBackend, "cancel_spot_instance_requests", cancel_requests)  # noqa: B010
