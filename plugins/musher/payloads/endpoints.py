"""Build CreateModel, CreateEndpointConfig and CreateEndpoint requests.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.errors import PayloadError
from musher.payloads.choices import MAX_INSTANCES, SERVERLESS
from musher.payloads.endpoint_kinds import (
    REALTIME_KIND,
    EndpointKind,
    build_queue,
    build_serverless,
    check_kind,
)
from musher.payloads.security import endpoint_volume_key, isolation, output_key, vpc_config
from musher.payloads.tags import PACKAGE_TAG, as_list
from musher.settings import Settings

VARIANT = "AllTraffic"
STARTUP_TIMEOUT_S = 600
"""How long a container may take until /ping answers 200; SageMaker takes 60 to 3600."""


@dataclass(frozen=True, kw_only=True)
class EndpointPlan:
    """Hold what distinguishes one endpoint from another, and the names of its three resources.

    A model and a configuration cannot be changed: an update brings new ones under an endpoint's stable name.
    `image` is the serving image's address. It brings the packages only: the code comes with `model_uri`.
    """

    model_name: str
    endpoint_config_name: str
    endpoint_name: str
    image: str
    model_uri: str
    package_arn: str
    """Of the registry's version, which the configuration's tags name."""
    instance_type: str
    """Nothing to a serverless endpoint, as the count."""
    instance_count: int
    kind: EndpointKind = REALTIME_KIND
    capture_percent: int = 0
    """How many of a hundred requests and answers are kept in S3."""
    tags: Mapping[str, str]


def build_endpoint(settings: Settings, *, plan: EndpointPlan) -> dict[str, dict[str, Any]]:
    """Return the three requests as the provider's endpoint operator takes them."""
    if not 1 <= plan.instance_count <= MAX_INSTANCES:
        raise PayloadError(
            f"endpoint_instance_count is {plan.instance_count}. Choose 1 to {MAX_INSTANCES} instances."
        )
    check_kind(plan.kind)
    tags = as_list(dict(plan.tags))
    return {
        "Model": build_model(
            settings,
            name=plan.model_name,
            role="endpoint",
            image=plan.image,
            model_uri=plan.model_uri,
            tags=plan.tags,
        ),
        "EndpointConfig": {
            **_endpoint_config(settings, plan),
            "Tags": as_list({**plan.tags, PACKAGE_TAG: plan.package_arn}),
        },
        "Endpoint": {
            "EndpointName": plan.endpoint_name,
            "EndpointConfigName": plan.endpoint_config_name,
            "Tags": tags,
        },
    }


def build_model(
    settings: Settings, *, name: str, role: str, image: str, model_uri: str, tags: Mapping[str, str]
) -> dict[str, Any]:
    """Return a CreateModel request; `role` is what its containers and AWS work as."""
    return {
        "ModelName": name,
        "ExecutionRoleArn": names.role_arn(settings, role=role),
        "PrimaryContainer": {"Image": image, "ModelDataUrl": model_uri},
        **vpc_config(settings),
        **isolation(settings),
        "Tags": as_list(dict(tags)),
    }


def _endpoint_config(settings: Settings, plan: EndpointPlan) -> dict[str, Any]:
    variant = {
        "VariantName": VARIANT,
        "ModelName": plan.model_name,
        "InitialVariantWeight": 1.0,
        **(build_serverless(plan.kind) if plan.kind.name == SERVERLESS else _instances(plan)),
    }
    return {
        "EndpointConfigName": plan.endpoint_config_name,
        "ProductionVariants": [variant],
        **endpoint_volume_key(settings),
        **_data_capture(settings, plan),
        **build_queue(settings, plan.kind, endpoint_name=plan.endpoint_name),
    }


def _instances(plan: EndpointPlan) -> dict[str, Any]:
    return {
        "InstanceType": plan.instance_type,
        "InitialInstanceCount": plan.instance_count,
        "ContainerStartupHealthCheckTimeoutInSeconds": STARTUP_TIMEOUT_S,
    }


def _data_capture(settings: Settings, plan: EndpointPlan) -> dict[str, Any]:
    """Return the member by which an endpoint keeps a share of what it is asked and answers.

    Without a list of content types, AWS writes both as base64:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html
    """
    if not plan.capture_percent:
        return {}
    return {
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": plan.capture_percent,
            "DestinationS3Uri": names.s3_uri(settings, key=names.captures_prefix(settings)),
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            **output_key(settings),
        }
    }
