"""SageMaker actions on endpoints that moto lacks."""

from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse


class EndpointActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    def update_endpoint(self) -> ActionResult:
        """Serve UpdateEndpoint."""
        excluded = self._get_param("ExcludeRetainedVariantProperties") or []
        backend: Any = self.sagemaker_backend  # a LocalSageMakerBackend; moto's type lacks update_endpoint
        arn = backend.update_endpoint(
            endpoint_name=self._get_param("EndpointName"),
            endpoint_config_name=self._get_param("EndpointConfigName"),
            is_retaining=bool(self._get_param("RetainAllVariantProperties")),
            excluded={item["VariantPropertyType"] for item in excluded},
        )
        return ActionResult({"EndpointArn": arn})
