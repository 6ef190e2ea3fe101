"""SageMaker actions on models and endpoints that moto lacks, or answers without looking."""

from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.endpoints.validation import check_deployment, check_unbuilt
from localaws.sagemaker.listing import Kind, list_resources

ENDPOINTS = Kind(
    answer="Endpoints",
    name="endpoint_name",
    status="endpoint_status",
    summarise=lambda endpoint: endpoint.summary(),
    default_order="Descending",
)
ENDPOINT_CONFIGS = Kind(
    answer="EndpointConfigs",
    name="endpoint_config_name",
    summarise=lambda config: config.summary(),
    default_order="Descending",
)
MODELS = Kind(
    answer="Models",
    name="model_name",
    summarise=lambda model: {
        "ModelName": model.model_name,
        "ModelArn": model.arn,
        "CreationTime": model.creation_time,
    },
    default_order="Descending",
)


class EndpointActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    def create_endpoint_config(self) -> ActionResult:
        """Serve CreateEndpointConfig; moto drops members that it does not know."""
        check_unbuilt(self._get_param)
        return super().create_endpoint_config()

    def update_endpoint(self) -> ActionResult:
        """Serve UpdateEndpoint."""
        check_deployment(self._get_param("DeploymentConfig") or {})
        excluded = self._get_param("ExcludeRetainedVariantProperties") or []
        backend: Any = self.sagemaker_backend  # a LocalSageMakerBackend; moto's type lacks update_endpoint
        arn = backend.update_endpoint(
            endpoint_name=self._get_param("EndpointName"),
            endpoint_config_name=self._get_param("EndpointConfigName"),
            is_retaining=bool(self._get_param("RetainAllVariantProperties")),
            excluded={item["VariantPropertyType"] for item in excluded},
        )
        return ActionResult({"EndpointArn": arn})

    def list_endpoints(self) -> ActionResult:
        """Serve ListEndpoints."""
        return self._list(self.sagemaker_backend.endpoints, kind=ENDPOINTS)

    def list_endpoint_configs(self) -> ActionResult:
        """Serve ListEndpointConfigs."""
        return self._list(self.sagemaker_backend.endpoint_configs, kind=ENDPOINT_CONFIGS)

    def list_models(self) -> ActionResult:
        """Serve ListModels."""
        return self._list(self.sagemaker_backend._models, kind=MODELS)

    def _list(self, resources: Mapping[str, Any], *, kind: Kind) -> ActionResult:
        return ActionResult(list_resources(resources.values(), self._get_param, kind=kind))
