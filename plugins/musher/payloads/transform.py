"""Build CreateTransformJob's request, and that of the model that it runs.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.payloads.endpoints import build_model
from musher.payloads.security import output_key, volume_key
from musher.payloads.tags import as_list
from musher.settings import Settings

MAX_PAYLOAD_MB = 6
"""Of an image, as for InvokeEndpoint."""

MAX_CONCURRENT = 8
"""Images that an instance is sent at a time; AWS takes up to 100 MB of payloads in all."""

TIMEOUT_S = 60
RETRIES = 3
"""For each image: as long as an endpoint has, and as often as AWS allows."""

ANY_IMAGE = "application/x-image"
"""A job names one type for all objects, and they may be of several: serve.py takes this one for each."""


@dataclass(frozen=True, kw_only=True)
class TransformPlan:
    """Hold what distinguishes one batch transform job from another."""

    job_name: str
    model_name: str
    image: str
    model_uri: str
    input_uri: str
    """What the addresses of all images begin with."""
    instance_type: str
    instance_count: int
    max_runtime_s: int
    tags: Mapping[str, str]


def build_transform(settings: Settings, *, plan: TransformPlan) -> dict[str, Any]:
    """Return both requests, and the seconds after which the job is given up: AWS has no limit for it.

    The model works as the role of jobs: it reads what they read, and writes where they write.
    """
    return {
        "Model": build_model(
            settings,
            name=plan.model_name,
            role="sagemaker",
            image=plan.image,
            model_uri=plan.model_uri,
            tags=plan.tags,
        ),
        "Transform": _transform_job(settings, plan),
        "MaxRuntimeInSeconds": plan.max_runtime_s,
    }


def rename_transform_job(request: Mapping[str, Any], *, job_name: str) -> dict[str, Any]:
    """Return the same request under another name, with a folder of its own for the answers."""
    output = request["TransformOutput"]
    folder = output["S3OutputPath"].replace(f"/{request['TransformJobName']}/", f"/{job_name}/")
    return {
        **request,
        "TransformJobName": job_name,
        "TransformOutput": {**output, "S3OutputPath": folder},
    }


def _transform_job(settings: Settings, plan: TransformPlan) -> dict[str, Any]:
    folder = f"{names.jobs_prefix(settings)}/{plan.job_name}/output/"
    return {
        "TransformJobName": plan.job_name,
        "ModelName": plan.model_name,
        "MaxConcurrentTransforms": MAX_CONCURRENT,
        "MaxPayloadInMB": MAX_PAYLOAD_MB,
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": TIMEOUT_S, "InvocationsMaxRetries": RETRIES},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": plan.input_uri}},
            "ContentType": ANY_IMAGE,
        },
        "TransformOutput": {
            "S3OutputPath": names.s3_uri(settings, key=folder),
            "Accept": "application/json",
            **output_key(settings),
        },
        "TransformResources": {
            "InstanceType": plan.instance_type,
            "InstanceCount": plan.instance_count,
            **volume_key(settings),
        },
        "Tags": as_list(dict(plan.tags)),
    }
