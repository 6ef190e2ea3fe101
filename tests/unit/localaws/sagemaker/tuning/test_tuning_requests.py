"""What training jobs are created with, and what is listed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localaws.sagemaker.listing import list_resources
from localaws.sagemaker.tuning.actions import TUNING
from localaws.sagemaker.tuning.definition import describe_definition, training_members
from localaws.sagemaker.tuning.listing import list_trials

ONE_KIND = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 10}
ROOT = Path(__file__).parents[5]


def members(definition: dict[str, Any]) -> dict[str, Any]:
    """Return what a training job is created with."""
    return training_members(
        definition,
        job_name="tune-001-abcdef01",
        values={"x": "0.5"},
        metric="loss",
        tags=[{"Key": "k", "Value": "v"}],
    )


def test_hyper_parameters_are_static_tuned_and_the_objective(tuning_request: Any) -> None:
    found = members(tuning_request()["training_job_definition"])
    assert found["hyper_parameters"] == {"_tuning_objective_metric": "loss", "epochs": "9", "x": "0.5"}
    assert found["tags"] == [{"Key": "k", "Value": "v"}]
    assert found["enable_managed_spot_training"] is False
    assert found["debug_hook_config"] is None


def test_every_training_job_has_a_checkpoint_folder_of_its_own(tuning_request: Any) -> None:
    config = {"S3Uri": "s3://b/checkpoints/", "LocalPath": "/opt/ml/checkpoints"}
    found = members(tuning_request(definition={"CheckpointConfig": config})["training_job_definition"])
    assert found["checkpoint_config"] == {
        "S3Uri": "s3://b/checkpoints/tune-001-abcdef01",
        "LocalPath": "/opt/ml/checkpoints",
    }
    assert members(tuning_request()["training_job_definition"])["checkpoint_config"] is None


def test_the_tuning_resource_config_gives_the_first_choice(tuning_request: Any) -> None:
    definition = {
        "ResourceConfig": None,
        "HyperParameterTuningResourceConfig": {
            "AllocationStrategy": "Prioritized",
            "InstanceConfigs": [ONE_KIND, {**ONE_KIND, "InstanceType": "ml.m5.large"}],
            "VolumeKmsKeyId": "key",
        },
    }
    found = members(tuning_request(definition=definition)["training_job_definition"])
    assert found["resource_config"] == ONE_KIND | {"VolumeKmsKeyId": "key"}


@pytest.mark.parametrize(
    ("given", "resource_config"),
    [
        ({"HyperParameterTuningResourceConfig": ONE_KIND}, ONE_KIND),
        ({"HyperParameterTuningResourceConfig": {"InstanceConfigs": [ONE_KIND]}}, None),
        ({"ResourceConfig": ONE_KIND}, ONE_KIND),
        ({}, None),
    ],
)
def test_one_kind_of_instance_is_described_as_resource_config(
    given: dict[str, Any], resource_config: dict[str, Any] | None
) -> None:
    described = describe_definition(given)
    assert described.pop("ResourceConfig", None) == resource_config
    assert described.items() <= given.items()


def test_trials_are_sorted_and_filtered(make_harness: Any) -> None:
    harness = make_harness(
        config={"ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 3}}
    )
    harness.run([2.0, None, 1.0])
    trials = harness.job.trials

    def numbers(sort_by: str = "Name", **query: Any) -> list[int]:
        asked = {"is_descending": False, "status": None} | query
        return [trial.number for trial in list_trials(trials, sort_by=sort_by, **asked)]

    assert numbers() == [1, 2, 3]
    assert numbers(is_descending=True) == [3, 2, 1]
    assert numbers("FinalObjectiveMetricValue") == [3, 1]
    assert numbers("Status") == [1, 3, 2]
    assert numbers(status="Failed") == [2]


def test_jobs_are_sorted_and_filtered(make_harness: Any) -> None:
    job = make_harness().job

    def names(**query: Any) -> list[str]:
        answer = list_resources([job], lambda name, default=None: query.get(name, default), kind=TUNING)
        return [item["HyperParameterTuningJobName"] for item in answer["HyperParameterTuningJobSummaries"]]

    assert names(NameContains="TUN", StatusEquals="InProgress") == ["tune"]
    assert names(StatusEquals="Failed") == names(CreationTimeAfter=job.creation_time) == []


def test_starting_localaws_imports_no_optimiser() -> None:
    program = (
        "import sys, localaws.server, localaws.sagemaker.models, localaws.sagemaker.responses\n"
        "print([name for name in ('optuna', 'numpy', 'torch', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
