"""CreateHyperParameterTuningJob requests, and what is read from the answers."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from musher.errors import PayloadError
from musher.payloads.training import TrainingPlan, build_training_job
from musher.payloads.tuning import (
    TuningPlan,
    as_grid,
    build_config,
    build_tuning_job,
    check_ranges,
    read_search,
    read_trial,
    read_values,
    rename_tuning_job,
)
from musher.settings import Settings
from tests.objections import objection

SETTINGS = Settings(account_id="123456789012", training_image="registry/train:1")
RANGES: dict[str, dict[str, Any]] = {
    "learning_rate": {"type": "continuous", "min": 0.001, "max": 0.1, "scale": "log"},
    "batch_size": {"type": "categorical", "values": [32, 64]},
}
TRIAL = TrainingPlan(
    job_name="musher-t-0123abcd",
    source_uri="s3://b/musher/code/ff/sourcedir.tar.gz",
    channels={"train": "s3://b/d/train/"},
    hyperparameters={"learning_rate": 0.01, "batch_size": 128, "epochs": 3, "save_model": False},
    instance_type="ml.m5.xlarge",
    instance_count=1,
    max_runtime_s=3600,
    metric_definitions=[{"Name": "best:valid_loss", "Regex": "best:valid_loss=([0-9.]+)"}],
    tags={"musher:project": "musher"},
)
PLAN = TuningPlan(
    trial=TRIAL, strategy="Random", ranges=RANGES, trials=4, parallel=2, seed=2**31, max_epochs=3
)


def test_the_whole_request() -> None:
    alike = build_training_job(SETTINGS, plan=TRIAL)
    for key in ("TrainingJobName", "HyperParameters", "Tags"):
        del alike[key]
    assert build_tuning_job(SETTINGS, plan=PLAN) == {
        "HyperParameterTuningJobName": "musher-t-0123abcd",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "best:valid_loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [
                    {
                        "Name": "learning_rate",
                        "MinValue": "0.001",
                        "MaxValue": "0.1",
                        "ScalingType": "Logarithmic",
                    }
                ],
                "CategoricalParameterRanges": [{"Name": "batch_size", "Values": ["32", "64"]}],
            },
            "TrainingJobEarlyStoppingType": "Off",
            "RandomSeed": 1,
        },
        "TrainingJobDefinition": {
            **alike,
            "StaticHyperParameters": {
                "epochs": "3",
                "save_model": "false",
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": "s3://b/musher/code/ff/sourcedir.tar.gz",
                "sagemaker_region": "us-east-1",
                "sagemaker_container_log_level": "20",
            },
        },
        "Tags": [{"Key": "musher:project", "Value": "musher"}],
    }


def test_trials_on_spot_capacity_keep_no_checkpoints() -> None:
    plan = dataclasses.replace(PLAN, trial=dataclasses.replace(TRIAL, max_wait_s=7200))
    definition = build_tuning_job(SETTINGS, plan=plan)["TrainingJobDefinition"]
    assert definition["EnableManagedSpotTraining"] is True
    assert "CheckpointConfig" not in definition


def test_a_grid_has_categories_only_and_as_many_trials_as_points() -> None:
    config = build_config(dataclasses.replace(PLAN, strategy="Grid", trials=7, parallel=10))
    assert config["ParameterRanges"] == {
        "ContinuousParameterRanges": [],
        "CategoricalParameterRanges": [
            {"Name": "learning_rate", "Values": ["0.001", "0.01", "0.1"]},
            {"Name": "batch_size", "Values": ["32", "64"]},
        ],
    }
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 6}


def test_a_grid_with_one_rate_takes_the_middle_of_the_scale() -> None:
    assert as_grid(RANGES, trials=3)["learning_rate"]["values"] == [0.01]
    assert len(as_grid(RANGES, trials=100)["learning_rate"]["values"]) <= 30
    narrow = {**RANGES, "learning_rate": {"type": "continuous", "min": 0.01, "max": 0.01000001}}
    assert as_grid(narrow, trials=100)["learning_rate"]["values"] == [0.01]


def test_hyperband_compares_unfinished_trials_epoch_by_epoch() -> None:
    config = build_config(dataclasses.replace(PLAN, strategy="Hyperband", max_epochs=9))
    assert config["StrategyConfig"] == {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Minimize", "MetricName": "valid:loss"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strategy": "Guess"}, "tuning_strategy is 'Guess'. Choose one of Random, Bayesian"),
        ({"trials": 0}, "tuning_trials is 0. Choose 1 to 100"),
        ({"trials": 101}, "tuning_trials is 101"),
        ({"parallel": 0}, "tuning_parallel is 0"),
        (
            {"strategy": "Grid", "trials": 1},
            "A grid of 2 combinations needs as many trials; tuning_trials is 1",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_first(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        build_tuning_job(SETTINGS, plan=dataclasses.replace(PLAN, **change))


def ranges(*, low: float = 0.001, high: float = 0.1, sizes: tuple[int, ...] = (32,)) -> dict[str, Any]:
    """Return changed ranges."""
    return {
        "learning_rate": {"type": "continuous", "min": low, "max": high},
        "batch_size": {"type": "categorical", "values": sizes},
    }


def test_ranges_that_the_data_can_fill_pass() -> None:
    assert objection(check_ranges, ranges(sizes=(32, 100)), images=100, instances=1) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ranges(low=0.1, high=0.1), "learning_rate_min is 0.1 and learning_rate_max 0.1"),
        (ranges(low=0), "learning_rate_min is 0"),
        (ranges(sizes=()), r"batch_sizes is \[\]"),
        (ranges(sizes=(8, 8)), r"batch_sizes is \[8, 8\]"),
        (ranges(sizes=(32, 128, 256)), "batch_sizes: 128, 256, but there are 100 training images"),
    ],
)
def test_ranges_without_a_choice_or_beyond_the_data_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        check_ranges(given, images=100, instances=1)


def test_the_next_attempt_is_the_same_job_under_another_name() -> None:
    request = build_tuning_job(SETTINGS, plan=PLAN)
    renamed = rename_tuning_job(request, job_name="musher-t-0123abcd-2")
    assert renamed == {**request, "HyperParameterTuningJobName": "musher-t-0123abcd-2"}


def test_quoted_values_are_unquoted() -> None:
    found = read_values({"batch_size": '"64"', "learning_rate": "0.0123", "epochs": "3"})
    assert found == {"batch_size": 64, "learning_rate": 0.0123}
    assert type(found["batch_size"]) is int


@pytest.mark.parametrize("text", ["large", "", "nan", '"', "inf"])
def test_a_value_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(PayloadError, match="The tuning job gave learning_rate the value"):
        read_values({"learning_rate": text})


START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
SUMMARY = {
    "TrainingJobName": "musher-t-0123abcd-001-89abcdef",
    "TrainingJobStatus": "Completed",
    "TunedHyperParameters": {"batch_size": '"32"', "learning_rate": "0.02"},
    "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "best:valid_loss", "Value": 0.25},
    "TrainingStartTime": START,
    "TrainingEndTime": START.replace(second=9),
}


def test_a_trial_is_read_as_numbers() -> None:
    assert read_trial(SUMMARY) == {
        "name": "musher-t-0123abcd-001-89abcdef",
        "status": "Completed",
        "hyperparameters": {"batch_size": 32, "learning_rate": 0.02},
        "objective": 0.25,
        "seconds": 9.0,
    }


def test_a_trial_that_never_ran_has_neither_objective_nor_seconds() -> None:
    kept = ("TrainingJobName", "TunedHyperParameters")
    summary = {key: value for key, value in SUMMARY.items() if key in kept}
    found = read_trial({**summary, "TrainingJobStatus": "Failed"})
    assert (found["objective"], found["seconds"]) == (None, None)


def test_a_search_is_read_in_the_form_of_a_tuning_job() -> None:
    trials = [
        {"trial": 1, "status": "Failed", "hyperparameters": {"learning_rate": 9.0}, "reason": "no number"},
        {"trial": 2, "status": "Completed", "hyperparameters": {"learning_rate": 0.02}, "objective": 0.4},
    ]
    found = {"objective": "best:valid_loss", "best": {"trial": 2}, "trials": trials}
    job = {"job_name": "musher-search-0123abcd", "seconds": 30.0, "billable_seconds": 20, "instances": 1}
    read = read_search(json.loads(json.dumps(found)), job=job)
    assert [(trial["name"], trial["status"], trial["objective"]) for trial in read["trials"]] == [
        ("trial-1", "Failed", None),
        ("trial-2", "Completed", 0.4),
    ]
    assert read.pop("best") is read.pop("trials")[1]
    assert read == {
        "strategy": "in_job",
        "job_name": "musher-search-0123abcd",
        "objective": "best:valid_loss",
        "seconds": 30.0,
        "billed_seconds": 20,
    }
