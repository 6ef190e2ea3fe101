"""Which of EC2's quotas an instance counts against. They count virtual processors, not instances.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-quotas.html
"""

import re
from collections.abc import Mapping

SERVICE = "ec2"

STANDARD = "Standard (A, C, D, H, I, M, R, T, Z)"
FAMILIES: Mapping[str, str] = {
    **dict.fromkeys("acdhimrtz", STANDARD),
    "g": "G and VT",
    "vt": "G and VT",
    "p": "P",
    "f": "F",
    "x": "X",
    "inf": "Inf",
    "trn": "Trn",
    "dl": "DL",
    "hpc": "HPC",
}
"""The letters that a type's name begins with, and what its quotas are called by."""


def quota_name(instance_type: str, *, is_spot: bool) -> str | None:
    """Return the quota's name, as Service Quotas lists it; None for a family that is not known here."""
    letters = re.match(r"[a-z]+", instance_type)
    family = FAMILIES.get(letters[0]) if letters else None
    if family is None:
        return None
    return f"All {family} Spot Instance Requests" if is_spot else f"Running On-Demand {family} instances"


def judge_quota(name: str, *, value: float | None, vcpus: int, instance_type: str, region: str) -> list[str]:
    """Return a sentence where the quota is too small for one instance."""
    if value is None or value >= vcpus:
        return []
    return [
        f"ec2_instance_type is {instance_type}, which has {vcpus} virtual processors, and the account's "
        f"quota {name!r} in {region} is {value:g}. Ask for more in the Service Quotas console, or choose "
        "another type."
    ]
