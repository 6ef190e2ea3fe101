"""What stock moto gets wrong: once one of these fails, moto has learned it and an override can go."""

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from moto import mock_aws

DEFINITIONS = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
REQUEST: dict[str, Any] = {
    "RoleArn": "arn:aws:iam::123456789012:role/training-tests",
    "AlgorithmSpecification": {
        "TrainingImage": "image",
        "TrainingInputMode": "File",
        "MetricDefinitions": DEFINITIONS,
    },
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


def request(client: Any, s3: Any, name: str) -> dict[str, Any]:
    """Return a request for a job without code; its bucket exists afterwards."""
    s3.create_bucket(Bucket="stock-moto")
    output = {"OutputDataConfig": {"S3OutputPath": "s3://stock-moto/jobs"}}
    return REQUEST | output | {"TrainingJobName": name, "HyperParameters": {"epochs": "1"}}


def ends_as_failed(client: Any, s3: Any) -> None:
    """A job without anything to run starts, and ends as Failed with a reason."""
    client.create_training_job(**request(client, s3, "stock-fails"))
    deadline = time.monotonic() + 10
    while client.describe_training_job(TrainingJobName="stock-fails")["TrainingJobStatus"] == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    description = client.describe_training_job(TrainingJobName="stock-fails")
    assert description["TrainingJobStatus"] == "Failed"
    assert description["FailureReason"]


def keeps_the_metric_definitions(client: Any, s3: Any) -> None:
    """The job's MetricDefinitions are the user's."""
    client.create_training_job(**request(client, s3, "stock-metrics"))
    description = client.describe_training_job(TrainingJobName="stock-metrics")
    assert description["AlgorithmSpecification"]["MetricDefinitions"] == DEFINITIONS


def refuses_a_name_twice(client: Any, s3: Any) -> None:
    """A second job of the same name is refused."""
    client.create_training_job(**request(client, s3, "stock-twice"))
    with pytest.raises(client.exceptions.ResourceInUse):
        client.create_training_job(**request(client, s3, "stock-twice"))


def refuses_no_instances(client: Any, s3: Any) -> None:
    """No instance is refused."""
    wrong = request(client, s3, "stock-empty")
    wrong["ResourceConfig"] = wrong["ResourceConfig"] | {"InstanceCount": 0}
    with pytest.raises(client.exceptions.ClientError, match="instanceCount"):
        client.create_training_job(**wrong)


def refuses_a_role_that_is_missing(client: Any, s3: Any) -> None:
    """SageMaker must be able to assume the role."""
    wrong = request(client, s3, "stock-roles") | {"RoleArn": "arn:aws:iam::123456789012:role/stock-absent"}
    with pytest.raises(client.exceptions.ClientError, match="Could not assume role"):
        client.create_training_job(**wrong)


def can_be_stopped(client: Any, s3: Any) -> None:
    """StopTrainingJob knows which jobs there are."""
    with pytest.raises(client.exceptions.ClientError, match="Requested resource not found"):
        client.stop_training_job(TrainingJobName="stock-absent")


def lists_the_newest_first(client: Any, s3: Any) -> None:
    """A filter is applied before the page is cut, and the newest job comes first where asked for."""
    for name in ("stock-list-1", "stock-list-2", "other-stock"):
        client.create_training_job(**request(client, s3, name))
    answer = client.list_training_jobs(NameContains="stock-list", SortOrder="Descending", MaxResults=1)
    (found,) = answer["TrainingJobSummaries"]
    assert found["TrainingJobName"] == "stock-list-2"


def refuses_a_wait_time_without_spot(client: Any, s3: Any) -> None:
    """MaxWaitTimeInSeconds is for managed spot training only."""
    wrong = request(client, s3, "stock-waits")
    wrong["StoppingCondition"] = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    with pytest.raises(client.exceptions.ClientError, match="EnableManagedSpotTraining"):
        client.create_training_job(**wrong)


CHECKS: dict[Callable[[Any, Any], None], type[BaseException]] = {
    ends_as_failed: AssertionError,
    keeps_the_metric_definitions: AssertionError,
    refuses_a_name_twice: pytest.fail.Exception,
    refuses_no_instances: pytest.fail.Exception,
    refuses_a_role_that_is_missing: pytest.fail.Exception,
    can_be_stopped: NotImplementedError,
    lists_the_newest_first: AssertionError,
    refuses_a_wait_time_without_spot: pytest.fail.Exception,
}
"""What is checked, and how it fails on stock moto."""


@pytest.mark.parametrize("check", CHECKS)
def test_localaws_passes(jobs: Any, check: Callable[[Any, Any], None]) -> None:
    check(jobs.sagemaker, jobs.s3)


@pytest.mark.parametrize(("check", "failure"), CHECKS.items())
def test_stock_moto_does_not(check: Callable[[Any, Any], None], failure: type[BaseException]) -> None:
    with mock_aws():
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        client, s3 = boto3.client("sagemaker", **keys), boto3.client("s3", **keys)
        with pytest.raises(failure):
            check(client, s3)
