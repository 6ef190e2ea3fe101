"""Hold what instances may be told against the values that EC2 knows, and change what metadata they show.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsRequest.html
"""

from collections.abc import Mapping
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import InstanceBackend, MetadataOptions

from localaws.ec2 import wording

SWITCH = ("disabled", "enabled")
CHOICES = {
    "HttpEndpoint": SWITCH,
    "HttpProtocolIpv6": SWITCH,
    "HttpTokens": ("optional", "required"),
    "InstanceInitiatedShutdownBehavior": ("stop", "terminate"),
    "InstanceMetadataTags": SWITCH,
    "MarketType": ("spot",),
}
HOPS = range(1, 65)
HOP_LIMIT = "HttpPutResponseHopLimit"
OPTIONS = {
    "HttpEndpoint": ("http_endpoint", "http_endpoint"),
    "HttpProtocolIpv6": ("http_protocol", "http_protocol_ipv6"),
    HOP_LIMIT: ("hop_limit", "http_put_response_hop_limit"),
    "HttpTokens": ("http_tokens", "http_tokens"),
    "InstanceMetadataTags": ("metadata_tags", "instance_metadata_tags"),
}
"""Members of the metadata's options, and what moto calls them in a change and in an instance."""


def check_choice(name: str, value: Any) -> None:
    """Refuse a value that EC2 does not know; None and an empty one are none."""
    if value and value not in CHOICES[name]:
        raise EC2ClientError(
            "InvalidParameterValue", wording.wrong_choice(value, parameter=name, known=CHOICES[name])
        )


def check_metadata(options: Mapping[str, Any]) -> None:
    """Refuse options of the metadata that EC2 does not know."""
    for name, value in options.items():
        if name in CHOICES:
            check_choice(name, value)
    hops = options.get(HOP_LIMIT)
    if hops is not None and int(hops) not in HOPS:
        raise EC2ClientError("InvalidParameterValue", wording.wrong_hops(hops))


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options of new instances, as moto names them, that EC2 does not know."""
    check_choice("InstanceInitiatedShutdownBehavior", options.get("instance_initiated_shutdown_behavior"))
    check_choice("MarketType", options.get("instance_market_options"))
    check_metadata(options.get("metadata_options") or {})


def modify_instance_metadata_options(
    backend: InstanceBackend, instance_id: str, **changes: Any
) -> MetadataOptions:
    """Change what is named, and leave the rest: moto would drop that tokens are required."""
    options = backend.get_instance(instance_id).metadata_options
    wanted = {name: changes[change] for name, (change, _) in OPTIONS.items() if changes.get(change)}
    if changes.get("hop_limit") is not None:
        wanted[HOP_LIMIT] = changes["hop_limit"]
    check_metadata(wanted)
    for name, value in wanted.items():
        setattr(options, OPTIONS[name][1], value)
    return options
