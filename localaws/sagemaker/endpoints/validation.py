"""Refuse what AWS refuses about models, endpoint configs and endpoints, in AWS's words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpointConfig

from localaws.sagemaker.buckets import parse_uri

NAME_PATTERN = "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
NAME_CHARACTERS = 63
INSTANCE_TYPE_PATTERN = r"ml\.[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|\d*xlarge)"


class LocalEndpointConfig(FakeEndpointConfig):
    """moto's endpoint config, which knows the instance types of today (moto's list ends with g4dn)."""

    def validate_instance_type(self, instance_type: str) -> None:
        """Refuse what is not of the form of an instance type."""
        if not re.fullmatch(INSTANCE_TYPE_PATTERN, instance_type):
            raise constraint_error(
                value=instance_type,
                member="productionVariants.1.member.instanceType",
                constraint="Member must satisfy enum value set",
            )


def constraint_error(*, value: object, member: str, constraint: str) -> ValidationError:
    """Return the error of AWS's own request validation."""
    return ValidationError(
        message=f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"{constraint}"
    )


def check_name(name: str, *, member: str) -> None:
    """Refuse a name that AWS refuses. Names become folder names here, so nothing else may pass."""
    if len(name) > NAME_CHARACTERS:
        constraint = f"Member must have length less than or equal to {NAME_CHARACTERS}"
        raise constraint_error(value=name, member=member, constraint=constraint)
    if not re.fullmatch(NAME_PATTERN, name):
        constraint = f"Member must satisfy regular expression pattern: {NAME_PATTERN}"
        raise constraint_error(value=name, member=member, constraint=constraint)


def check_variants(variants: Sequence[Mapping[str, Any]]) -> None:
    """Refuse variants without a valid name, model or instance count, and names that come twice."""
    if not variants:
        raise constraint_error(
            value="[]",
            member="productionVariants",
            constraint="Member must have length greater than or equal to 1",
        )
    seen = set()
    for index, variant in enumerate(variants, start=1):
        member = f"productionVariants.{index}.member"
        name = str(variant.get("VariantName", ""))
        check_name(name, member=f"{member}.variantName")
        if name in seen:
            raise ValidationError(message=f'The variant name "{name}" was non-unique within the request.')
        seen.add(name)
        if not variant.get("ModelName"):
            raise ValidationError(
                message=f"Variant {name} names no model: localaws has no inference components"
            )
        if "ServerlessConfig" not in variant:
            check_count(variant.get("InitialInstanceCount"), member=f"{member}.initialInstanceCount")


def check_async_inference(config: Mapping[str, Any]) -> None:
    """Refuse places outside S3, and notifications that are to hold the answer itself.

    How AWS writes such notifications is not published.
    """
    output = config.get("OutputConfig") or {}
    for name in ("S3OutputPath", "S3FailurePath"):
        if output.get(name):
            parse_uri(output[name], member=f"asyncInferenceConfig.outputConfig.{name[0].lower()}{name[1:]}")
    if (output.get("NotificationConfig") or {}).get("IncludeInferenceResponseIn"):
        raise ValidationError(
            message="AsyncInferenceConfig: localaws has no IncludeInferenceResponseIn; notifications name "
            "where the answer lies."
        )


def check_data_capture(config: Mapping[str, Any]) -> None:
    """Refuse a place outside S3."""
    if config:
        parse_uri(config["DestinationS3Uri"], member="dataCaptureConfig.destinationS3Uri")


def check_count(count: Any, *, member: str) -> None:
    """Refuse an instance count below 1."""
    if count is None:
        raise constraint_error(value="null", member=member, constraint="Member must not be null")
    if int(count) < 1:
        constraint = "Member must have value greater than or equal to 1"
        raise constraint_error(value=count, member=member, constraint=constraint)


def check_model_data(container: Mapping[str, Any], *, account_id: str, partition: str) -> None:
    """Refuse a model whose archive is not in S3, as CreateModel does."""
    from moto.s3.models import s3_backends

    uri = str(container.get("ModelDataUrl") or "")
    if not uri:
        return
    found = re.fullmatch(r"s3://([^/]+)/(.+)", uri)
    if found is None:
        raise ValidationError(message=f"ModelDataUrl {uri!r} is not of the form s3://bucket/key.")
    bucket = s3_backends[account_id][partition].buckets.get(found[1])
    if bucket is None or found[2] not in bucket.keys:
        raise ValidationError(message=f"Could not find model data at {uri}.")
