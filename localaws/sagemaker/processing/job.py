"""A processing job: moto's object, in motion."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.models import FakeProcessingJob

from localaws.sagemaker.job_state import JobState

MOTO_MEMBERS = (
    "AppSpecification",
    "ExperimentConfig",
    "NetworkConfig",
    "ProcessingInputs",
    "ProcessingJobName",
    "ProcessingOutputConfig",
    "RoleArn",
    "StoppingCondition",
    "Tags",
)
OUR_MEMBERS = ("Environment", "ProcessingResources")


class LocalProcessingJob(JobState, FakeProcessingJob):
    """A job whose attributes are the answer of DescribeProcessingJob."""

    KIND = "processing"

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        request: Mapping[str, Any],
        account_id: str,
        region_name: str,
    ) -> None:
        members: dict[str, Any] = {camelcase_to_underscores(name): request.get(name) for name in MOTO_MEMBERS}
        FakeProcessingJob.__init__(self, account_id=account_id, region_name=region_name, **members)
        self.environment = request.get("Environment")
        self.processing_resources = request["ProcessingResources"]
        self.exit_message: str | None = None
        self.begin(now=now)

    @property
    def response_object(self) -> dict[str, Any]:
        """Return the answer of DescribeProcessingJob."""
        answer = self.describe(super().response_object)
        return {name: value for name, value in answer.items() if name != "Tags"}
