"""SageMaker hook with Musher's waits, and describe calls that answer None for what does not exist."""

from collections.abc import Callable
from os import PathLike
from typing import Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from botocore.exceptions import ClientError

from musher.hooks.answers import WholeAnswers
from musher.hooks.waits import WAITERS

MISSING_CODES = frozenset({"ValidationException", "ResourceNotFound", "ResourceNotFoundException"})
"""SageMaker answers most descriptions and deletions of missing things with ValidationException."""


class MusherSageMakerHook(WholeAnswers, SageMakerHook):
    """Add waits as data and answers for missing resources to the provider's hook."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the parameters of every AWS hook."""
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]  # the provider's is untyped

    @property
    def waiter_path(self) -> PathLike[str]:
        """Return the file of Musher's own SageMaker waiters."""
        return WAITERS / "sagemaker.json"

    def find_training_job(self, name: str) -> dict[str, Any] | None:
        """Return DescribeTrainingJob's answer, or None."""
        return found_or_none(self.conn.describe_training_job, TrainingJobName=name)

    def find_tuning_job(self, name: str) -> dict[str, Any] | None:
        """Return DescribeHyperParameterTuningJob's answer, or None."""
        return found_or_none(self.conn.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)

    def find_transform_job(self, name: str) -> dict[str, Any] | None:
        """Return DescribeTransformJob's answer, or None."""
        return found_or_none(self.conn.describe_transform_job, TransformJobName=name)

    def find_processing_job(self, name: str) -> dict[str, Any] | None:
        """Return DescribeProcessingJob's answer, or None."""
        return found_or_none(self.conn.describe_processing_job, ProcessingJobName=name)

    def list_trials(self, tuning_job: str) -> list[dict[str, Any]]:
        """Return the summaries of a tuning job's training jobs, oldest first."""
        pages = self.conn.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=tuning_job, SortBy="CreationTime", SortOrder="Ascending"
        )
        return [trial for page in pages for trial in page["TrainingJobSummaries"]]

    def find_model(self, name: str) -> dict[str, Any] | None:
        """Return DescribeModel's answer, or None."""
        return found_or_none(self.conn.describe_model, ModelName=name)

    def find_endpoint_config(self, name: str) -> dict[str, Any] | None:
        """Return DescribeEndpointConfig's answer, or None."""
        return found_or_none(self.conn.describe_endpoint_config, EndpointConfigName=name)

    def list_resources(self, kind: str, *, name_contains: str) -> list[tuple[str, str]]:
        """Return (name, ARN) of each Model or EndpointConfig whose name contains a text."""
        operation = {"Model": "list_models", "EndpointConfig": "list_endpoint_configs"}[kind]
        pages = self.conn.get_paginator(operation).paginate(NameContains=name_contains)
        return [(found[f"{kind}Name"], found[f"{kind}Arn"]) for page in pages for found in page[f"{kind}s"]]

    def find_package(self, name: str) -> dict[str, Any] | None:
        """Return DescribeModelPackage's answer, or None."""
        return found_or_none(self.conn.describe_model_package, ModelPackageName=name)

    def find_endpoint(self, name: str) -> dict[str, Any] | None:
        """Return DescribeEndpoint's answer, or None."""
        return found_or_none(self.conn.describe_endpoint, EndpointName=name)

    def find_notebook(self, name: str) -> dict[str, Any] | None:
        """Return DescribeNotebookInstance's answer, or None."""
        return found_or_none(self.conn.describe_notebook_instance, NotebookInstanceName=name)

    def find_lifecycle_config(self, name: str) -> dict[str, Any] | None:
        """Return DescribeNotebookInstanceLifecycleConfig's answer, or None."""
        return found_or_none(
            self.conn.describe_notebook_instance_lifecycle_config, NotebookInstanceLifecycleConfigName=name
        )


def found_or_none(call: Callable[..., Any], **arguments: str) -> dict[str, Any] | None:
    """Make a call about one resource; return None where AWS says that there is no such resource."""
    try:
        answer: dict[str, Any] = call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING_CODES:
            return None
        raise
    return answer
