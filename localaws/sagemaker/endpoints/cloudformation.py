"""What moto's CloudFormation does to hosting resources, put right: their names, and updates of endpoints."""

from typing import Any

from moto.sagemaker import models
from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, Model

from localaws.sagemaker.endpoints.validation import update_arguments


def correct_resources() -> None:
    """Change moto's classes, through which CloudFormation works whatever the backend is.

    Their cloudformation_name_type() is "", which makes moto ignore the names in a template; and moto updates
    an endpoint by deleting it and making another, where AWS calls UpdateEndpoint.
    """
    names = {FakeEndpoint: "EndpointName", FakeEndpointConfig: "EndpointConfigName", Model: "ModelName"}
    for resource, property_name in names.items():
        setattr(resource, "cloudformation_name_type", staticmethod(lambda name=property_name: name))  # noqa: B010
    setattr(FakeEndpoint, "update_from_cloudformation_json", classmethod(_update))  # noqa: B010


def _update(
    _cls: type[FakeEndpoint],
    original_resource: FakeEndpoint,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> FakeEndpoint:
    del new_resource_name  # an endpoint keeps its name
    backend: Any = models.sagemaker_backends[account_id][region_name]
    properties = cloudformation_json["Properties"]
    if properties["EndpointConfigName"] != original_resource.endpoint_config_name:
        arguments = update_arguments(properties.get)
        backend.update_endpoint(endpoint_name=original_resource.endpoint_name, **arguments)
    return original_resource
