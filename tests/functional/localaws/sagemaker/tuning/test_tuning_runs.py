"""Tuning jobs from the outside: what they launch, and what they find."""

import itertools
import re
from typing import Any

import pytest


def found_values(trials: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the combinations in the order of the training jobs' names."""
    return [trial["TunedHyperParameters"] for trial in trials]


def bowl(values: dict[str, str]) -> float:
    """Return what the script prints for a combination."""
    return (float(values["x"]) - 0.3) ** 2 + (float(values["y"]) - 0.7) ** 2


def test_random_runs_real_jobs_and_names_the_best(tunings: Any) -> None:
    name = tunings.create(jobs=5, parallel=3)
    description = tunings.wait(name)
    trials = tunings.trials(name)
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert description["TrainingJobStatusCounters"] == {
        "Completed": 5,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert description["ObjectiveStatusCounters"] == {"Succeeded": 5, "Pending": 0, "Failed": 0}
    assert description["HyperParameterTuningEndTime"] >= description["CreationTime"]
    assert "FailureReason" not in description
    assert "OverallBestTrainingJob" not in description
    assert all(
        re.fullmatch(rf"{name}-00{n}-[0-9a-f]{{8}}", t["TrainingJobName"]) for n, t in enumerate(trials, 1)
    )
    for trial in trials:
        metric = trial["FinalHyperParameterTuningJobObjectiveMetric"]
        assert metric == {
            "Type": "Minimize",
            "MetricName": "loss",
            "Value": pytest.approx(bowl(trial["TunedHyperParameters"]), rel=1e-5),
        }
        assert trial["ObjectiveStatus"] == "Succeeded"
    best = min(trials, key=lambda trial: bowl(trial["TunedHyperParameters"]))
    assert description["BestTrainingJob"] == best


def test_a_child_is_a_training_job_that_knows_its_tuning_job(tunings: Any) -> None:
    tags = [{"Key": "project", "Value": "musher"}]
    name = tunings.create(jobs=1, static={"epochs": "3"}, more={"Tags": tags})
    description = tunings.wait(name)
    child = description["BestTrainingJob"]["TrainingJobName"]
    job = tunings.sagemaker.describe_training_job(TrainingJobName=child)
    assert job["TuningJobArn"] == description["HyperParameterTuningJobArn"]
    assert job["TrainingJobStatus"] == "Completed"
    assert job["HyperParameters"]["_tuning_objective_metric"] == "loss"
    assert job["HyperParameters"]["epochs"] == "3"
    tuned = description["BestTrainingJob"]["TunedHyperParameters"]
    assert {key: job["HyperParameters"][key] for key in ("x", "y")} == tuned
    assert tunings.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == tags
    assert tunings.sagemaker.list_tags(ResourceArn=job["TuningJobArn"])["Tags"] == tags
    static = description["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["_tuning_objective_metric"] == "loss"


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_the_same_seed_tries_the_same(tunings: Any, strategy: str) -> None:
    names = [tunings.create(strategy=strategy, jobs=6, parallel=1, seed=seed) for seed in (3, 3, 4)]
    for name in names:
        tunings.wait(name)
    first, second, other = (found_values(tunings.trials(name)) for name in names)
    assert first == second
    assert first != other


def test_bayesian_beats_random_on_a_smooth_function(tunings: Any) -> None:
    names = {
        strategy: tunings.create(strategy=strategy, jobs=20, parallel=1, seed=11)
        for strategy in ("Random", "Bayesian")
    }
    best = {
        strategy: tunings.wait(name)["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"][
            "Value"
        ]
        for strategy, name in names.items()
    }
    assert best["Bayesian"] < best["Random"] / 2, best


def test_a_grid_covers_every_combination_and_keeps_quoted_values(tunings: Any) -> None:
    script = """
import sys
values = {name.lstrip("-"): value for name, value in zip(sys.argv[1::2], sys.argv[2::2])}
print(f"loss={abs(int(values['batch_size']) - 64) + (values['kind'] != 'b')};")
"""
    sizes, kinds = ['"32"', '"64"', '"128"'], ["a", "b"]
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "batch_size", "Values": sizes},
            {"Name": "kind", "Values": kinds},
        ]
    }
    name = tunings.create(script, strategy="Grid", ranges=ranges, jobs=None, parallel=3)
    description = tunings.wait(name)
    tried = {(values["batch_size"], values["kind"]) for values in found_values(tunings.trials(name))}
    assert tried == set(itertools.product(sizes, kinds))
    assert description["TrainingJobStatusCounters"]["Completed"] == 6
    assert description["BestTrainingJob"]["TunedHyperParameters"] == {"batch_size": '"64"', "kind": "b"}


def test_maximize_picks_the_largest(tunings: Any) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.3", "0.5", "0.9"]}]}
    description = tunings.run(strategy="Grid", ranges=ranges, jobs=3, type="Maximize")
    assert description["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.9"}


def test_no_more_than_the_parallel_limit_runs_at_once(tunings: Any) -> None:
    script = "import time\ntime.sleep(0.4)\nprint('loss=1;')"
    name = tunings.create(script, jobs=6, parallel=2)
    most = 0
    while (description := tunings.describe(name))["HyperParameterTuningJobStatus"] == "InProgress":
        most = max(most, description["TrainingJobStatusCounters"]["InProgress"])
    assert most == 2
    trials = tunings.trials(name)
    spans = [(trial["TrainingStartTime"], trial["TrainingEndTime"]) for trial in trials]
    assert len(spans) == 6
    assert all(sum(start < moment < end for start, end in spans) <= 2 for moment, _ in spans)


def test_scales_are_searched_as_asked(tunings: Any) -> None:
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "x", "MinValue": "0.00001", "MaxValue": "0.1", "ScalingType": "Logarithmic"},
            {"Name": "y", "MinValue": "0.9", "MaxValue": "0.9999", "ScalingType": "ReverseLogarithmic"},
        ],
        "IntegerParameterRanges": [
            {"Name": "n", "MinValue": "1", "MaxValue": "1000", "ScalingType": "Auto"},
        ],
    }
    name = tunings.create(ranges=ranges, jobs=12, parallel=4)
    tunings.wait(name)
    values = found_values(tunings.trials(name))
    assert all(1e-5 <= float(v["x"]) <= 0.1 and 0.9 <= float(v["y"]) <= 0.9999 for v in values)
    assert sum(float(v["x"]) < 0.001 for v in values) >= 3
    assert sum(float(v["y"]) > 0.99 for v in values) >= 3
    assert sum(int(v["n"]) < 32 for v in values) >= 3


def test_lists_sort_filter_and_page(tunings: Any) -> None:
    script = """
import sys
values = {name.lstrip("-"): value for name, value in zip(sys.argv[1::2], sys.argv[2::2])}
if values["x"] == "fail": sys.exit(3)
print(f"loss={values['x']};")
"""
    values = ["0.5", "0.1", "fail", "0.9"]
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": values}]}
    name = tunings.create(script, strategy="Grid", ranges=ranges, jobs=4, parallel=1)
    tunings.wait(name)
    by_value = {"SortBy": "FinalObjectiveMetricValue", "PaginationConfig": {"PageSize": 2}}
    ascending = tunings.trials(name, **by_value)
    assert [trial["TunedHyperParameters"]["x"] for trial in ascending] == ["0.1", "0.5", "0.9"]
    descending = tunings.trials(name, SortOrder="Descending", **by_value)
    assert [trial["TrainingJobName"] for trial in descending] == [
        trial["TrainingJobName"] for trial in reversed(ascending)
    ]
    assert [trial["TunedHyperParameters"]["x"] for trial in tunings.trials(name)] == values
    (failed,) = tunings.trials(name, StatusEquals="Failed")
    assert failed["ObjectiveStatus"] == "Failed"
    assert "exit code: 1" in failed["FailureReason"]
    page = tunings.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, MaxResults=3, SortBy="CreationTime"
    )
    assert len(page["TrainingJobSummaries"]) == 3
    assert page["NextToken"]


def test_tuning_jobs_are_listed(tunings: Any) -> None:
    names = [f"list-{letter}-{tunings.bucket[-8:]}" for letter in "bac"]
    for name in names:
        tunings.create(jobs=1, name=name)
    for name in names:
        tunings.wait(name)
    listed = tunings.sagemaker.list_hyper_parameter_tuning_jobs(
        NameContains=tunings.bucket[-8:], StatusEquals="Completed", MaxResults=2
    )
    found = listed["HyperParameterTuningJobSummaries"]
    assert [job["HyperParameterTuningJobName"] for job in found] == sorted(names)[:2]
    assert found[0]["Strategy"] == "Random"
    assert found[0]["TrainingJobStatusCounters"]["Completed"] == 1
    rest = tunings.sagemaker.list_hyper_parameter_tuning_jobs(
        NameContains=tunings.bucket[-8:], MaxResults=2, NextToken=listed["NextToken"]
    )
    assert len(rest["HyperParameterTuningJobSummaries"]) == 1
    assert "NextToken" not in rest


def test_ranges_are_described_also_where_there_are_none_of_a_kind(tunings: Any) -> None:
    name = tunings.create(jobs=1)
    ranges = tunings.describe(name)["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert {item["Name"] for item in ranges.pop("ContinuousParameterRanges")} == {"x", "y"}
    assert ranges == {"CategoricalParameterRanges": [], "IntegerParameterRanges": []}
