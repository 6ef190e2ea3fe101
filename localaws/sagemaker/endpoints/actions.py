"""SageMaker actions on models and endpoints that moto lacks, or answers without looking."""

from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.models import Model
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.listing import DEFAULT_PAGE, parse_token


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

    def list_models(self) -> ActionResult:
        """Serve ListModels: filtered, sorted, the newest first where nothing is asked, in pages."""
        found = [model for model in self.sagemaker_backend.list_models() if self._is_asked_for(model)]
        is_by_name = self._get_param("SortBy") == "Name"
        found.sort(
            key=lambda model: model.model_name if is_by_name else model.creation_time,
            reverse=self._get_param("SortOrder", "Descending") == "Descending",
        )
        start = parse_token(self._get_param("NextToken"))
        end = start + self._get_param("MaxResults", DEFAULT_PAGE)
        answer: dict[str, Any] = {"Models": [_summary(model) for model in found[start:end]]}
        return ActionResult(answer | ({"NextToken": str(end)} if end < len(found) else {}))

    def _is_asked_for(self, model: Model) -> bool:
        part, after, before = (
            self._get_param(name) for name in ("NameContains", "CreationTimeAfter", "CreationTimeBefore")
        )
        return (
            (part is None or part.lower() in model.model_name.lower())
            and (after is None or model.creation_time > after)
            and (before is None or model.creation_time < before)
        )


def _summary(model: Model) -> dict[str, Any]:
    """Return ModelSummary."""
    return {"ModelName": model.model_name, "ModelArn": model.arn, "CreationTime": model.creation_time}
