"""What a launch template, or a launch configuration, says of instances that their request does not say.

moto heeds the image, the type, the user data, key, groups, tags and disks of a template, and no more.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Reservation

from localaws.ec2 import wording

OPTIONS = {
    "DisableApiStop": "disable_api_stop",
    "DisableApiTermination": "disable_api_termination",
    "EbsOptimized": "ebs_optimized",
    "InstanceInitiatedShutdownBehavior": "instance_initiated_shutdown_behavior",
    "MetadataOptions": "metadata_options",
}
"""Members of a template, and what moto calls them."""


def read_template(backend: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the launch template says that is asked for; raises EC2ClientError where there is none."""
    if not asked:
        return {}
    try:
        found: Mapping[str, Any] = backend._get_template_from_args(asked).data
    except LookupError as error:
        named = wording.no_template(asked.get("LaunchTemplateId", ""))
        raise EC2ClientError("InvalidLaunchTemplateId.NotFound", named) from error
    return found


def complete(options: MutableMapping[str, Any], template: Mapping[str, Any]) -> None:
    """Put into the options of new instances what the template says and they do not."""
    for name, option in OPTIONS.items():
        if not options.get(option) and template.get(name) is not None:
            options[option] = template[name]
    market = template.get("InstanceMarketOptions") or {}
    check_market(market.get("SpotOptions") or {})
    if not options.get("instance_market_options") and market.get("MarketType"):
        options["instance_market_options"] = market["MarketType"]


def check_market(options: Mapping[str, Any]) -> None:
    """Refuse Spot Instances that would come back."""
    is_kept = options.get("InstanceInterruptionBehavior", "terminate") != "terminate"
    if is_kept or options.get("SpotInstanceType", "one-time") != "one-time":
        raise EC2ClientError("UnsupportedOperation", wording.ONE_TIME_ONLY)


def associate_profile(
    backend: Any, reservation: Reservation, *, options: Mapping[str, Any], template: Mapping[str, Any]
) -> None:
    """Give new instances the profile of their template or configuration, where the request names none."""
    if options.get("iam_instance_profile_name") or options.get("iam_instance_profile_arn"):
        return  # moto's answer to the request does it
    configured = getattr(options.get("launch_config"), "iam_instance_profile", None) or ""
    member = "Arn" if configured.startswith("arn:") else "Name"
    named = template.get("IamInstanceProfile") or ({member: configured} if configured else {})
    for instance in reservation.instances if named else ():
        backend.associate_iam_instance_profile(
            instance_id=instance.id,
            iam_instance_profile_name=named.get("Name"),
            iam_instance_profile_arn=named.get("Arn"),
        )
