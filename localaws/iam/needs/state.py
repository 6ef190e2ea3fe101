"""What moto's backends know of resources that a request names. Nothing is made, nor imported, by looking.

What a module's backend is not there for has no resources either.
"""

import sys
from collections.abc import Mapping
from typing import Any

from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from localaws.iam.needs.arns import Asking

GLOBAL = "aws"


def find_backend(package: str, attribute: str, *, account_id: str, region: str) -> Any:
    """Return the backend of a service that an account has in a region; None where it has none yet."""
    module = sys.modules.get(f"moto.{package}.models")
    account = getattr(module, attribute, {}).get(account_id)
    return None if account is None else account.get(region)


def find_iam(asking: Asking) -> Any:
    """Return the account's IAM."""
    return find_backend("iam", "iam_backends", account_id=asking.account_id, region=asking.partition)


def find_in_iam(kind: str, name: str, asking: Asking) -> str | None:
    """Return the ARN of a principal or a profile by its name: it may have a path."""
    backend = find_iam(asking)
    if backend is None:
        return None
    found = getattr(backend, kind)
    entries: Mapping[str, Any] = found
    if kind in ("users", "groups"):
        return str(entries[name].arn) if name in entries else None
    return next((str(each.arn) for each in list(entries.values()) if each.name == name), None)


def find_key_owner(key_id: str, asking: Asking) -> str | None:
    """Return the name of the user that an access key belongs to."""
    backend = find_iam(asking)
    found = None if backend is None else backend.access_keys.get(key_id)
    return None if found is None else str(found.user_name)


def find_profile_role(name: str, asking: Asking) -> str | None:
    """Return the ARN of the role in an instance profile, by the profile's name or ARN."""
    backend = find_iam(asking)
    profiles = [] if backend is None else list(backend.instance_profiles.values())
    for profile in profiles:
        if name in (profile.name, profile.arn):
            return next((str(role.arn) for role in profile.roles), None)
    return None


def find_key(name: str, asking: Asking) -> str | None:
    """Return the ARN of a KMS key by its alias."""
    backend = find_backend("kms", "kms_backends", account_id=asking.account_id, region=asking.region)
    keys = [] if backend is None else list(backend.keys.values())
    return next((str(key.arn) for key in keys if name in key.aliases), None)


def find_secret(name: str, asking: Asking) -> str | None:
    """Return the ARN of a secret by its name: letters that nobody chose are at its end."""
    backend = find_backend(
        "secretsmanager", "secretsmanager_backends", account_id=asking.account_id, region=asking.region
    )
    found = None if backend is None else backend.secrets.get(name)
    return None if found is None else str(found.arn)


def find_bucket(name: str) -> Any:
    """Return a bucket; None where it is not there."""
    module = sys.modules.get("moto.s3.models")
    place = None if module is None else module.s3_backends.bucket_accounts.get(name)
    if module is None or place is None:
        return None
    partition, account_id = place
    backend = find_backend("s3", "s3_backends", account_id=account_id, region=partition)
    return None if backend is None else backend.buckets.get(name)


def find_launch_template(named: Mapping[str, Any], asking: Asking) -> Mapping[str, Any]:
    """Return what a launch template says, by its name or id and version; nothing where it is not there."""
    backend = find_backend("ec2", "ec2_backends", account_id=asking.account_id, region=asking.region)
    if backend is None:
        return {}
    try:
        found: Mapping[str, Any] = backend._get_template_from_args(named).data
    except (ServiceException, HTTPException, LookupError):
        return {}
    return found


def find_vpc(arn: str, *, account_id: str) -> str | None:
    """Return the ARN of the VPC that a subnet or a security group is in."""
    partition, _, region, _, name = arn.split(":", 5)[1:]
    kind, _, resource_id = name.partition("/")
    backend = find_backend("ec2", "ec2_backends", account_id=account_id, region=region)
    if backend is None or kind not in ("subnet", "security-group"):
        return None
    if kind == "subnet":
        zones = list(backend.subnets.values())
        found = next((zone[resource_id] for zone in zones if resource_id in zone), None)
    else:
        found = backend.get_security_group_from_id(resource_id)
    vpc = getattr(found, "vpc_id", None)
    return f"arn:{partition}:ec2:{region}:{account_id}:vpc/{vpc}" if vpc else None


def find_bucket_account(bucket: str) -> str | None:
    """Return the account that a bucket is in; None where it is not there."""
    module = sys.modules.get("moto.s3.models")
    if module is None:
        return None
    found = module.s3_backends.bucket_accounts.get(bucket)
    return None if found is None else str(found[1])
