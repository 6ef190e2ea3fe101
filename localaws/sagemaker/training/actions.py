"""SageMaker actions on training jobs that moto lacks, or answers without looking."""

from typing import cast

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.responses import SageMakerResponse

from localaws.moto_dispatch import ExactResult
from localaws.sagemaker.listing import job_kind, list_resources
from localaws.sagemaker.training.backend import TrainingMixin

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
TRAINING = job_kind("Training", members=("SecondaryStatus",))


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

    def describe_training_job(self) -> ActionResult:
        """DescribeTrainingJob."""
        return ExactResult(self._training.describe_training_job(self._get_param("TrainingJobName")))

    def stop_training_job(self) -> EmptyResult:
        """StopTrainingJob."""
        self._training.stop_training_job(training_job_name=self._get_param("TrainingJobName"))
        return EmptyResult()

    def delete_training_job(self) -> EmptyResult:
        """DeleteTrainingJob."""
        self._training.delete_training_job(training_job_name=self._get_param("TrainingJobName"))
        return EmptyResult()

    def list_training_jobs(self) -> ActionResult:
        """ListTrainingJobs. No job has a warm pool or a training plan, so that none has the one asked for."""
        is_of_none = any(self._get_param(name) for name in ("WarmPoolStatusEquals", "TrainingPlanArnEquals"))
        jobs = [] if is_of_none else self._training.training_jobs.values()
        return ExactResult(list_resources(jobs, self._get_param, kind=TRAINING))
