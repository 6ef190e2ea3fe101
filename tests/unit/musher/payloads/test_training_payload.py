"""CreateTrainingJob requests."""

import dataclasses
from typing import Any

import pytest

from musher.errors import PayloadError
from musher.payloads.training import TrainingPlan, build_training_job, rename_training_job
from musher.settings import Settings

SETTINGS = Settings(account_id="123456789012", training_image="registry/train:1")
PLAN = TrainingPlan(
    job_name="musher-train-0123abcd",
    source_uri="s3://b/musher/code/ff/sourcedir.tar.gz",
    channels={"train": "s3://b/d/train/", "manifest": "s3://b/d/manifest.json"},
    hyperparameters={
        "architecture": "small_cnn",
        "epochs": 12,
        "learning_rate": 0.003,
        "freeze_backbone": False,
    },
    instance_type="ml.m5.xlarge",
    instance_count=2,
    max_runtime_s=3600,
    metric_definitions=[{"Name": "train:loss", "Regex": "loss=([0-9.]+)"}],
    tags={"musher:project": "musher"},
)


def channel(name: str, uri: str) -> dict[str, Any]:
    """Return the channel that the request must hold."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def test_the_whole_request() -> None:
    assert build_training_job(SETTINGS, plan=PLAN) == {
        "TrainingJobName": "musher-train-0123abcd",
        "RoleArn": "arn:aws:iam::123456789012:role/musher-sagemaker",
        "AlgorithmSpecification": {
            "TrainingImage": "registry/train:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "train:loss", "Regex": "loss=([0-9.]+)"}],
        },
        "HyperParameters": {
            "architecture": "small_cnn",
            "epochs": "12",
            "learning_rate": "0.003",
            "freeze_backbone": "false",
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://b/musher/code/ff/sourcedir.tar.gz",
            "sagemaker_region": "us-east-1",
            "sagemaker_container_log_level": "20",
            "sagemaker_job_name": "musher-train-0123abcd",
        },
        "InputDataConfig": [
            channel("train", "s3://b/d/train/"),
            channel("manifest", "s3://b/d/manifest.json"),
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://musher-123456789012-us-east-1/musher/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Tags": [{"Key": "musher:project", "Value": "musher"}],
    }


def test_a_spot_job_waits_in_whole_seconds() -> None:
    """A form's integer may arrive as 7200.0, which boto3 refuses."""
    plan = dataclasses.replace(PLAN, max_runtime_s=3600.0, max_wait_s=7200.0, instance_count=2.0)  # type: ignore[arg-type]  # the point
    request = build_training_job(SETTINGS, plan=plan)
    assert request["EnableManagedSpotTraining"] is True
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    numbers = [*request["StoppingCondition"].values(), request["ResourceConfig"]["InstanceCount"]]
    assert {type(number) for number in numbers} == {int}


def checkpoints(**changes: Any) -> str:
    """Return where the jobs of a changed plan keep their checkpoints."""
    plan = dataclasses.replace(PLAN, keeps_checkpoints=True, **changes)
    config = build_training_job(SETTINGS, plan=plan)["CheckpointConfig"]
    assert config["LocalPath"] == "/opt/ml/checkpoints"
    return str(config["S3Uri"])


def test_checkpoints_belong_to_the_jobs_options_code_and_data() -> None:
    same = checkpoints()
    stem = "s3://musher-123456789012-us-east-1/musher/jobs/musher-train-0123abcd/checkpoints/"
    assert same.startswith(stem)
    assert len(same) == len(stem) + 8
    assert same == checkpoints(max_runtime_s=7200)
    others = [
        checkpoints(hyperparameters={**PLAN.hyperparameters, "learning_rate": 0.1}),
        checkpoints(source_uri="s3://b/musher/code/00/sourcedir.tar.gz"),
        checkpoints(channels={"train": "s3://b/e/train/"}),
    ]
    assert len({same, *others}) == 4


def test_the_next_attempt_continues_from_the_first_ones_checkpoints() -> None:
    request = build_training_job(SETTINGS, plan=dataclasses.replace(PLAN, keeps_checkpoints=True))
    renamed = rename_training_job(request, job_name="musher-train-0123abcd-2")
    assert renamed["CheckpointConfig"] == request["CheckpointConfig"]


def test_another_program_leaves_its_files_as_they_are() -> None:
    plan = dataclasses.replace(PLAN, program="embed.py", is_compressed=False)
    request = build_training_job(SETTINGS, plan=plan)
    assert request["HyperParameters"]["sagemaker_program"] == "embed.py"
    assert request["OutputDataConfig"] == {
        "S3OutputPath": "s3://musher-123456789012-us-east-1/musher/jobs",
        "CompressionType": "NONE",
    }


def test_the_next_attempt_is_the_same_job_under_another_name() -> None:
    request = build_training_job(SETTINGS, plan=PLAN)
    renamed = rename_training_job(request, job_name="musher-train-0123abcd-2")
    assert renamed.pop("TrainingJobName") == "musher-train-0123abcd-2"
    assert renamed["HyperParameters"].pop("sagemaker_job_name") == "musher-train-0123abcd-2"
    assert request["TrainingJobName"] == "musher-train-0123abcd"
    del request["TrainingJobName"], request["HyperParameters"]["sagemaker_job_name"]
    assert renamed == request


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instance_count": 0}, "instance_count is 0. Choose 1 to 8"),
        ({"instance_count": 9}, "instance_count is 9. Choose 1 to 8"),
        ({"max_runtime_s": 0}, "max_runtime_s is 0"),
        ({"max_wait_s": 3599}, r"max_wait_s is 3599\. Choose max_runtime_s \(3600\) to 432000"),
        ({"channels": {}}, "has no input channel"),
        ({"hyperparameters": {"sagemaker_program": "x.py"}}, "'sagemaker_program' is script mode's own"),
        ({"hyperparameters": {"note": "x" * 2501}}, "'note' has 2501 characters"),
        ({"hyperparameters": {f"p{n}": n for n in range(96)}}, "96 hyper-parameters; SageMaker takes 100"),
    ],
)
def test_what_aws_would_refuse_is_refused_first(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        build_training_job(SETTINGS, plan=dataclasses.replace(PLAN, **change))
