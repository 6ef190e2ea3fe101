"""SageMaker actions on models and endpoints that moto lacks, or answers without looking."""

from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.endpoints.validation import check_unbuilt, update_arguments
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
        backend: Any = self.sagemaker_backend
        config = backend.create_endpoint_config(
            endpoint_config_name=self._get_param("EndpointConfigName"),
            async_inference_config=self._get_param("AsyncInferenceConfig"),
            production_variants=self._get_param("ProductionVariants"),
            data_capture_config=self._get_param("DataCaptureConfig"),
            tags=self._get_param("Tags"),
            kms_key_id=self._get_param("KmsKeyId"),
            shadow_production_variants=self._get_param("ShadowProductionVariants"),
        )
        return ActionResult({"EndpointConfigArn": config.endpoint_config_arn})

    def create_endpoint(self) -> ActionResult:
        """Serve CreateEndpoint; its DeploymentConfig is kept for updates that retain it."""
        backend: Any = self.sagemaker_backend
        endpoint = backend.create_endpoint(
            endpoint_name=self._get_param("EndpointName"),
            endpoint_config_name=self._get_param("EndpointConfigName"),
            tags=self._get_param("Tags"),
            deployment_config=self._get_param("DeploymentConfig"),
        )
        return ActionResult({"EndpointArn": endpoint.arn})

    def update_endpoint(self) -> ActionResult:
        """Serve UpdateEndpoint."""
        backend: Any = self.sagemaker_backend  # a LocalSageMakerBackend; moto's type lacks update_endpoint
        arn = backend.update_endpoint(
            endpoint_name=self._get_param("EndpointName"), **update_arguments(self._get_param)
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
