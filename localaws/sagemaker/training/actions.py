"""SageMaker actions on training jobs that moto lacks, or answers without looking."""

from typing import cast

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.training.backend import DEFAULT_PAGE, TrainingMixin, parse_token

MOTO_MEMBERS = (
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
    "Tags",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "TensorBoardOutputConfig",
    "ExperimentConfig",
)
"""Members of CreateTrainingJob that moto's job keeps."""
OUR_MEMBERS = ("Environment", "RetryStrategy")
LIST_FILTERS = (
    "NameContains",
    "StatusEquals",
    "CreationTimeAfter",
    "CreationTimeBefore",
    "LastModifiedTimeAfter",
    "LastModifiedTimeBefore",
)


class TrainingActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    @property
    def _training(self) -> TrainingMixin:
        return cast(TrainingMixin, self.sagemaker_backend)

    def create_training_job(self) -> ActionResult:
        """CreateTrainingJob, with the members that moto drops."""
        members = {
            camelcase_to_underscores(name): self._get_param(name) for name in (*MOTO_MEMBERS, *OUR_MEMBERS)
        }
        for flag in ("EnableNetworkIsolation", "EnableManagedSpotTraining"):
            members[camelcase_to_underscores(flag)] = self._get_param(flag, False)
        flag = "EnableInterContainerTrafficEncryption"
        members[camelcase_to_underscores(flag)] = self._get_param(flag, False)
        job = self._training.create_training_job(self._get_param("TrainingJobName"), **members)
        return ActionResult({"TrainingJobArn": job.arn})

    def stop_training_job(self) -> EmptyResult:
        """StopTrainingJob."""
        self._training.stop_training_job(training_job_name=self._get_param("TrainingJobName"))
        return EmptyResult()

    def list_training_jobs(self) -> ActionResult:
        """ListTrainingJobs, filtered before it is cut into pages, the newest first as on AWS."""
        summaries, following = self._training.page_training_jobs(
            filters={name: self._get_param(name) for name in LIST_FILTERS},
            sort_by=self._get_param("SortBy", "CreationTime"),
            descending=self._get_param("SortOrder", "Descending") == "Descending",
            start=parse_token(self._get_param("NextToken")),
            limit=self._get_int_param("MaxResults", DEFAULT_PAGE),
        )
        page = {"TrainingJobSummaries": summaries}
        return ActionResult(page if following is None else page | {"NextToken": str(following)})
