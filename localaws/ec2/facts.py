"""Read from moto's record of an instance what its metadata say."""

import json
from datetime import datetime
from typing import Any

from moto.ec2.models.instances import Instance
from moto.iam.models import InstanceProfile

from localaws.context import Context
from localaws.ec2.hardware import decode
from localaws.ec2.spec import Facts, MetadataOptions, Profile
from localaws.iam.identity import Credentials
from localaws.iam.trust import trusts_service

PRINCIPAL = "ec2.amazonaws.com"
REFRESH_S = 1800.0
"""AWS seconds for which the same credentials are handed out: they are always good for as long again."""
UNAUTHORIZED = (
    "EC2 cannot assume the role {role}.  Please see documentation at https://docs.aws.amazon.com/IAM/latest/"
    "UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc."
)


def make_facts(instance: Instance) -> Facts:
    """Return what metadata say of an instance now."""
    options = instance.metadata_options
    return Facts(
        instance_id=instance.id,
        account_id=instance.owner_id,
        region=instance.region_name,
        zone=instance.availability_zone or "",
        instance_type=instance.instance_type,
        image_id=instance.image_id,
        architecture=instance.architecture or "x86_64",
        local_ip=instance.private_ip or "",
        local_hostname=instance.private_dns_name,
        launched_at=as_text(instance.launch_time),
        is_spot=instance.lifecycle == "spot",
        public_ip=instance.public_ip or "",
        public_hostname=instance.public_dns_name or "",
        mac=instance.nics[0].mac_address if instance.nics else "",
        launch_index=instance.ami_launch_index,
        reservation_id=find_reservation(instance),
        security_groups=tuple(group.name for group in instance.security_groups),
        user_data=decode(instance.user_data),
        profile=find_profile(instance),
        tags={tag["key"]: tag["value"] for tag in instance.get_tags()},
        options=MetadataOptions(
            needs_token=options.http_tokens == "required",
            is_enabled=options.http_endpoint == "enabled",
            has_tags=options.instance_metadata_tags == "enabled",
        ),
    )


def as_text(moment: datetime) -> str:
    """Return a time, which is in UTC, as metadata write it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def find_reservation(instance: Instance) -> str:
    """Return the id of the reservation that an instance is of."""
    reservations = instance.ec2_backend.reservations.copy().values()
    return next((item.id for item in reservations if instance in item.instances), "")


def find_profile(instance: Instance) -> Profile | None:
    """Return the instance profile that is associated with an instance now, and has a role."""
    association = instance.ec2_backend.iam_instance_profile_associations.get(instance.id)
    found: InstanceProfile | None = association and association.iam_instance_profile
    if found is None or not found.roles:
        return None
    role: Any = found.roles[0]
    return Profile(
        arn=found.arn,
        id=found.id,
        role_name=role.name,
        role_arn=role.arn,
        is_trusting=trusts_service(role.assume_role_policy_document, service=PRINCIPAL),
    )


class RoleCredentials:
    """The credentials of an instance's role, renewed before they end."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._made: tuple[str, float, Credentials] | None = None
        """The role, until when they are handed out, and what they are."""

    def document(self, profile: Profile, *, instance_id: str) -> bytes:
        """Return what `iam/security-credentials/<role>` answers."""
        now = self._context.clock.now()
        if not profile.is_trusting:
            message = UNAUTHORIZED.format(role=profile.role_name)
            refused = {"Code": "AssumeRoleUnauthorizedAccess", "Message": message}
            return json.dumps(refused | {"LastUpdated": as_text(now)}, indent=2).encode()
        found = self._renew(profile, instance_id=instance_id)
        document = {
            "Code": "Success",
            "LastUpdated": as_text(now),
            "Type": "AWS-HMAC",
            "AccessKeyId": found.access_key_id,
            "SecretAccessKey": found.secret_access_key,
            "Token": found.session_token,
            "Expiration": as_text(found.expiration),
        }
        return json.dumps(document, indent=2).encode()

    def _renew(self, profile: Profile, *, instance_id: str) -> Credentials:
        now_s, made = self._context.clock.monotonic(), self._made
        if made is not None and made[0] == profile.role_arn and now_s < made[1]:
            return made[2]
        found = self._context.identity.assume(role_arn=profile.role_arn, session_name=instance_id)
        self._made = (profile.role_arn, now_s + REFRESH_S, found)
        return found
