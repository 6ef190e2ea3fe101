"""Build the parts of requests that an installation's VPC, keys and isolation add.

What is not set is left out, so that AWS's own defaults hold.
https://docs.aws.amazon.com/sagemaker/latest/dg/infrastructure-security.html
"""

from typing import Any

from musher.settings import Settings


def vpc_config(settings: Settings) -> dict[str, Any]:
    """Return the VpcConfig member of training jobs and models."""
    if not settings.subnets:
        return {}
    return {
        "VpcConfig": {
            "SecurityGroupIds": list(settings.security_groups),
            "Subnets": list(settings.subnets),
        }
    }


def function_vpc_config(settings: Settings) -> dict[str, Any]:
    """Return the VpcConfig member of a function, whose subnets Lambda names otherwise."""
    if not settings.subnets:
        return {}
    return {
        "VpcConfig": {
            "SecurityGroupIds": list(settings.security_groups),
            "SubnetIds": list(settings.subnets),
        }
    }


def isolation(settings: Settings) -> dict[str, Any]:
    """Return the member that cuts a container off from every network."""
    return {"EnableNetworkIsolation": True} if settings.isolate_network else {}


def traffic_encryption(settings: Settings) -> dict[str, Any]:
    """Return the member that makes a training job's instances encrypt what they exchange."""
    return {"EnableInterContainerTrafficEncryption": True} if settings.encrypt_traffic else {}


def output_key(settings: Settings) -> dict[str, str]:
    """Return the member that names the key of what a job or a capture of data writes to S3."""
    return {"KmsKeyId": settings.output_kms_key} if settings.output_kms_key else {}


def volume_key(settings: Settings) -> dict[str, str]:
    """Return the member of ResourceConfig or TransformResources that names the key of a job's disks."""
    return {"VolumeKmsKeyId": settings.volume_kms_key} if settings.volume_kms_key else {}


def endpoint_volume_key(settings: Settings) -> dict[str, str]:
    """Return the member of an endpoint configuration that names the key of its disks."""
    return {"KmsKeyId": settings.volume_kms_key} if settings.volume_kms_key else {}
