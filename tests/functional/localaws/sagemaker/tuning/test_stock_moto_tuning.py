"""What stock moto gets wrong: once one of these fails, moto has learned it and an override can go."""

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

REQUEST: dict[str, Any] = {
    "HyperParameterTuningJobConfig": {
        "Strategy": "Grid",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
        "ResourceLimits": {"MaxParallelTrainingJobs": 1},
        "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "rate", "Values": ["1"]}]},
    },
    "TrainingJobDefinition": {
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
        "RoleArn": "arn:aws:iam::123456789012:role/tuning-tests",
        "OutputDataConfig": {"S3OutputPath": "s3://stock-moto-tuning/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    },
}


def create(client: Any, name: str) -> dict[str, str]:
    """Create a tuning job whose training jobs have no code; return its name as a member of requests."""
    client.create_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **REQUEST)
    return {"HyperParameterTuningJobName": name}


def has_no_winner_before_a_job_has_succeeded(client: Any) -> None:
    """The winner is no name that nobody gave."""
    description = client.describe_hyper_parameter_tuning_job(**create(client, "stock-winner"))
    assert "BestTrainingJob" not in description, description["BestTrainingJob"]["TrainingJobName"]


def fails_when_all_training_jobs_fail(client: Any) -> None:
    """Without code the training jobs fail, and then the tuning job does."""
    name = create(client, "stock-fails")
    deadline = time.monotonic() + 20
    while (answer := client.describe_hyper_parameter_tuning_job(**name))["HyperParameterTuningJobStatus"] == (
        "InProgress"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert answer["HyperParameterTuningJobStatus"] == "Failed"
    assert answer["TrainingJobStatusCounters"]["NonRetryableError"] == 1


def lists_its_training_jobs(client: Any) -> None:
    """ListTrainingJobsForHyperParameterTuningJob is there."""
    name = create(client, "stock-lists")
    assert "TrainingJobSummaries" in client.list_training_jobs_for_hyper_parameter_tuning_job(**name)


def stops(client: Any) -> None:
    """StopHyperParameterTuningJob is there: a job that is missing is not found, not unknown as an action."""
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stock-stops")


def refuses_an_empty_range(client: Any) -> None:
    """A range from 2 to 1 is refused."""
    ranges = {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "2", "MaxValue": "1"}]}
    config = REQUEST["HyperParameterTuningJobConfig"] | {"Strategy": "Random", "ParameterRanges": ranges}
    request = REQUEST | {"HyperParameterTuningJobConfig": config}
    with pytest.raises(ClientError, match="must be less than"):
        client.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="stock-range", **request)


def passes_the_objective_on(client: Any) -> None:
    """The static hyper-parameters hold _tuning_objective_metric, as AWS describes them."""
    description = client.describe_hyper_parameter_tuning_job(**create(client, "stock-metric"))
    assert description["TrainingJobDefinition"]["StaticHyperParameters"]["_tuning_objective_metric"] == "loss"


CHECKS: dict[Callable[[Any], None], type[BaseException]] = {
    has_no_winner_before_a_job_has_succeeded: AssertionError,
    fails_when_all_training_jobs_fail: AssertionError,
    lists_its_training_jobs: NotImplementedError,
    stops: NotImplementedError,
    refuses_an_empty_range: pytest.fail.Exception,
    passes_the_objective_on: KeyError,
}
"""What is checked, and how it fails on stock moto."""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_localaws_does_it(tunings: Any, check: Callable[[Any], None]) -> None:
    tunings.s3.create_bucket(Bucket="stock-moto-tuning")
    check(tunings.sagemaker)


@pytest.mark.parametrize(("check", "failure"), CHECKS.items(), ids=lambda part: part.__name__)
def test_stock_moto_does_not(check: Callable[[Any], None], failure: type[BaseException]) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    with mock_aws(), pytest.raises(failure):
        check(boto3.client("sagemaker", **keys))
