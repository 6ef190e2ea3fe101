"""A transform job: moto's object, in motion."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from moto.sagemaker.models import FakeTransformJob

from localaws.sagemaker.job_state import JobState

MEMBERS = {
    "transform_job_name": "TransformJobName",
    "model_name": "ModelName",
    "max_concurrent_transforms": "MaxConcurrentTransforms",
    "model_client_config": "ModelClientConfig",
    "max_payload_in_mb": "MaxPayloadInMB",
    "batch_strategy": "BatchStrategy",
    "environment": "Environment",
    "transform_input": "TransformInput",
    "transform_output": "TransformOutput",
    "data_capture_config": "DataCaptureConfig",
    "transform_resources": "TransformResources",
    "data_processing": "DataProcessing",
    "tags": "Tags",
    "experiment_config": "ExperimentConfig",
}
"""moto's names for the members of CreateTransformJob."""


class LocalTransformJob(JobState, FakeTransformJob):
    """A job whose attributes are the answer of DescribeTransformJob."""

    KIND = "transform"

    def __init__(
        self, *, now: Callable[[], datetime], request: Mapping[str, Any], account_id: str, region_name: str
    ) -> None:
        members: dict[str, Any] = {name: request.get(member) for name, member in MEMBERS.items()}
        FakeTransformJob.__init__(self, account_id=account_id, region_name=region_name, **members)
        self.begin(now=now)

    @property
    def response_object(self) -> dict[str, Any]:
        """Return the answer of DescribeTransformJob."""
        answer = self.describe(super().response_object)
        return {name: value for name, value in answer.items() if name != "Tags"}
