"""Build the registry's requests: a version for each trained model, with what it was made from.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musher.payloads.approval import PENDING
from musher.payloads.tags import as_list

RUN, JOB, DATA, OUTPUT, ACCURACY = "run", "training-job", "data-hash", "output-uri", "test-accuracy"
RECIPE = "recipe"
"""What a version says of itself (CustomerMetadataProperties)."""

CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp", "application/json")


@dataclass(frozen=True, kw_only=True)
class PackagePlan:
    """Hold what a version of a model was made from; it waits for the gate's verdict."""

    group: str
    image: str
    model_uri: str
    metadata: Mapping[str, str]
    instance_type: str
    tags: Mapping[str, str]


def build_package_group(*, group: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the CreateModelPackageGroup request."""
    return {
        "ModelPackageGroupName": group,
        "ModelPackageGroupDescription": "Each model that a run has trained, and what became of it.",
        "Tags": as_list(dict(tags)),
    }


def build_package(plan: PackagePlan) -> dict[str, Any]:
    """Return the CreateModelPackage request of a version that nobody has judged yet."""
    return {
        "ModelPackageGroupName": plan.group,
        "ModelApprovalStatus": PENDING,
        "InferenceSpecification": {
            "Containers": [{"Image": plan.image, "ModelDataUrl": plan.model_uri}],
            "SupportedContentTypes": list(CONTENT_TYPES),
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": [plan.instance_type],
        },
        "CustomerMetadataProperties": dict(plan.metadata),
    }
