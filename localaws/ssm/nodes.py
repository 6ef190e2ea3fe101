"""The instances that Systems Manager manages: those with an agent, and a role that lets it register.

https://docs.aws.amazon.com/systems-manager/latest/userguide/instance-profile-add-permissions.html
"""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from localaws.clock import naive_utc
from localaws.context import current
from localaws.ec2.backend import LocalInstance
from localaws.iam.actions import identity_documents
from localaws.iam.policies import ALLOWED, decide, read_statements

ONLINE, LOST = "Online", "ConnectionLost"
REGISTER = "ssm:UpdateInstanceInformation"
"""What AmazonSSMManagedInstanceCore allows, and an agent calls to be known at all."""
AGENT_VERSION = "3.3.0.0"
PLATFORM, PLATFORM_VERSION = "Amazon Linux", "2023"


def may_register(instance: LocalInstance) -> bool:
    """Tell whether the role of an instance's profile lets the agent register."""
    profile = instance.describe().profile
    if profile is None or not profile.is_trusting:
        return False
    backend = iam_backends[instance.owner_id]["aws"]
    try:
        documents = identity_documents(backend, profile.role_arn)
    except NotFoundException:
        return False
    return decide(read_statements(documents), action=REGISTER, resource="*").outcome == ALLOWED


def find_ping(instance: LocalInstance) -> str:
    """Return the ping status of an instance; empty where Systems Manager does not know it."""
    if instance.state == "terminated" or not instance.agent.has_connected or not may_register(instance):
        return ""
    return ONLINE if instance.state == "running" and instance.agent.is_connected else LOST


def find_nodes(*, account_id: str, region: str) -> dict[str, tuple[LocalInstance, str]]:
    """Return the managed instances of a region by id, each with its ping status."""
    instances = ec2_backends[account_id][region].all_instances()
    pings = ((each, find_ping(each)) for each in instances if isinstance(each, LocalInstance))
    return {instance.id: (instance, ping) for instance, ping in pings if ping}


def select(
    nodes: Mapping[str, tuple[LocalInstance, str]], targets: Iterable[Mapping[str, Any]]
) -> list[LocalInstance]:
    """Return the instances that are on and that all targets name."""
    return [
        instance
        for instance, ping in nodes.values()
        if ping == ONLINE and all(is_meant(instance, target) for target in targets)
    ]


def is_meant(instance: LocalInstance, target: Mapping[str, Any]) -> bool:
    """Tell whether a target names an instance."""
    key, values = target.get("Key", ""), target.get("Values") or []
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    if key.lower() == "instanceids":
        return instance.id in values
    if key == "tag-key":
        return any(value in tags for value in values)
    name = key.removeprefix("tag:")
    return name in tags and tags[name] in values


def describe_node(instance: LocalInstance, ping: str) -> dict[str, Any]:
    """Return an instance as DescribeInstanceInformation answers it."""
    profile = instance.describe().profile
    return {
        "InstanceId": instance.id,
        "PingStatus": ping,
        "LastPingDateTime": naive_utc(current().clock.now()).replace(tzinfo=UTC),
        "AgentVersion": AGENT_VERSION,
        "IsLatestVersion": True,
        "PlatformType": "Linux",
        "PlatformName": PLATFORM,
        "PlatformVersion": PLATFORM_VERSION,
        "ResourceType": "EC2Instance",
        "IPAddress": instance.private_ip or "",
        "ComputerName": instance.private_dns_name,
        "SourceId": instance.id,
        "SourceType": "AWS::EC2::Instance",
        **({} if profile is None else {"IamRole": profile.role_name}),
    }
