"""Buckets of stacks, and their policies: moto gives them an encryption and tags, and passes the rest over.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucketpolicy.html
"""

import json
from collections.abc import Mapping
from typing import Any

from moto.core.common_models import CloudFormationModel
from moto.s3.models import FakeBucket, PublicAccessBlock, S3Backend, s3_backends
from moto.utilities.utils import get_partition

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_create = FakeBucket.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]
_update = FakeBucket.update_from_cloudformation_json.__func__  # type: ignore[attr-defined]


def correct_buckets() -> None:
    """Change moto's class, through which CloudFormation makes buckets."""
    for name, method in (
        ("create_from_cloudformation_json", create_bucket),
        ("update_from_cloudformation_json", update_bucket),
    ):
        setattr(FakeBucket, name, classmethod(method))


def create_bucket(
    cls: type[FakeBucket],
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **kwargs: Any,
) -> FakeBucket:
    """Make a bucket with its versions and its public access block."""
    made: FakeBucket = _create(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)
    _set(_backend(account_id, region_name), made.name, cloudformation_json.get("Properties", {}))
    return made


def update_bucket(
    cls: type[FakeBucket],
    original_resource: FakeBucket,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> FakeBucket:
    """Change a bucket: settings that are gone from the template are as in a new bucket."""
    changed: FakeBucket = _update(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    )
    _set(_backend(account_id, region_name), changed.name, cloudformation_json.get("Properties", {}))
    return changed


def _backend(account_id: str, region_name: str) -> S3Backend:
    backend: S3Backend = s3_backends[account_id][get_partition(region_name)]
    return backend


def _set(backend: S3Backend, name: str, properties: Mapping[str, Any]) -> None:
    """Give a bucket what a template says; S3 has no way back from versions to none, only a suspension."""
    bucket = backend.get_bucket(name)
    status = properties.get("VersioningConfiguration", {}).get("Status")
    if status or bucket.versioning_status:
        backend.put_bucket_versioning(name, status or "Suspended")
    blocks = properties.get("PublicAccessBlockConfiguration")
    bucket.public_access_block = blocks and PublicAccessBlock(
        *(str(blocks.get(block, False)).lower() for block in BLOCKS)
    )


class BucketPolicy(CloudFormationModel):
    """The policy of a bucket, as a resource of a stack."""

    def __init__(self, bucket_name: str) -> None:
        self.bucket_name = bucket_name

    @property
    def physical_resource_id(self) -> str:
        """Return the bucket's name."""
        return self.bucket_name

    @staticmethod
    def cloudformation_name_type() -> str:
        """Return which property is its name."""
        return "Bucket"

    @staticmethod
    def cloudformation_type() -> str:
        """Return what templates call it."""
        return "AWS::S3::BucketPolicy"

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **kwargs: Any,
    ) -> "BucketPolicy":
        """Give a bucket its policy."""
        properties = cloudformation_json["Properties"]
        document = json.dumps(properties["PolicyDocument"]).encode()
        _backend(account_id, region_name).put_bucket_policy(properties["Bucket"], document)
        return cls(properties["Bucket"])

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: "BucketPolicy",
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> "BucketPolicy":
        """Give the bucket another policy; one that it leaves has none."""
        made = cls.create_from_cloudformation_json(
            new_resource_name, cloudformation_json, account_id, region_name
        )
        if made.bucket_name != original_resource.bucket_name:
            cls._delete(original_resource.bucket_name, account_id, region_name)
        return made

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        """Take the bucket's policy away."""
        cls._delete(resource_name, account_id, region_name)

    @staticmethod
    def _delete(bucket_name: str, account_id: str, region_name: str) -> None:
        backend = _backend(account_id, region_name)
        if bucket_name in backend.buckets:
            backend.delete_bucket_policy(bucket_name)
