"""Tuning jobs that start from what others have found."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def warm_start(kind: str, *parents: str) -> dict[str, Any]:
    """Return the request's WarmStartConfig."""
    names = [{"HyperParameterTuningJobName": parent} for parent in parents]
    return {"WarmStartConfig": {"WarmStartType": kind, "ParentHyperParameterTuningJobs": names}}


def create_pair(tunings: Any, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two requests with the same training job."""
    parent = tunings.request(**options)
    child = tunings.request(**options) | {"TrainingJobDefinition": parent["TrainingJobDefinition"]}
    return parent, child


def run(tunings: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Run a request to its end."""
    tunings.sagemaker.create_hyper_parameter_tuning_job(**request)
    return dict(tunings.wait(request["HyperParameterTuningJobName"]))


def test_identical_data_makes_bayesian_start_where_the_parent_ended(tunings: Any) -> None:
    parent, child = create_pair(tunings, strategy="Bayesian", jobs=15, parallel=3, seed=5)
    before = run(tunings, parent)
    child["HyperParameterTuningJobConfig"] = tunings.config(strategy="Bayesian", jobs=4, parallel=1, seed=6)
    cold = run(tunings, child)
    child["HyperParameterTuningJobName"] += "-w"
    after = run(
        tunings, child | warm_start("IdenticalDataAndAlgorithm", parent["HyperParameterTuningJobName"])
    )
    metric = "FinalHyperParameterTuningJobObjectiveMetric"
    assert after["BestTrainingJob"][metric]["Value"] < cold["BestTrainingJob"][metric]["Value"]
    overall = after["OverallBestTrainingJob"]
    assert overall[metric]["Value"] == min(job["BestTrainingJob"][metric]["Value"] for job in (before, after))
    assert overall["TuningJobName"] in (
        parent["HyperParameterTuningJobName"],
        child["HyperParameterTuningJobName"],
    )


def test_transfer_learning_tries_the_parents_best_first(tunings: Any) -> None:
    parent, child = create_pair(tunings, jobs=4)
    before = run(tunings, parent)
    run(tunings, child | warm_start("TransferLearning", parent["HyperParameterTuningJobName"]))
    first = tunings.trials(child["HyperParameterTuningJobName"])[0]
    assert first["TunedHyperParameters"] == before["BestTrainingJob"]["TunedHyperParameters"]
    assert "OverallBestTrainingJob" not in tunings.describe(child["HyperParameterTuningJobName"])


def test_random_does_not_repeat_its_parent(tunings: Any) -> None:
    values = [str(number) for number in range(6)]
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": values}]}
    parent, child = create_pair(tunings, ranges=ranges, jobs=3, seed=1)
    run(tunings, parent)
    name = parent["HyperParameterTuningJobName"]
    run(tunings, child | warm_start("IdenticalDataAndAlgorithm", name))
    tried = [
        trial["TunedHyperParameters"]["x"]
        for request in (parent, child)
        for trial in tunings.trials(request["HyperParameterTuningJobName"])
    ]
    assert sorted(tried) == values


def test_parents_are_checked(tunings: Any) -> None:
    parent, child = create_pair(tunings, jobs=1)
    run(tunings, parent)
    name = parent["HyperParameterTuningJobName"]

    def refusal(request: dict[str, Any], kind: str = "TransferLearning", parent: str = name) -> str:
        with pytest.raises(ClientError) as caught:
            tunings.sagemaker.create_hyper_parameter_tuning_job(**request | warm_start(kind, parent))
        return str(caught.value.response["Error"]["Message"])

    assert "can't find a tuning job" in refusal(child, parent="no-such-job")
    more = tunings.request(jobs=1, static={"extra": "1"})
    assert refusal(more).startswith("The set of tunable plus static HyperParameter names is not the same")
    assert "objective metric" in refusal(tunings.request(jobs=1, type="Maximize"))
    image = child["TrainingJobDefinition"]["AlgorithmSpecification"] | {"TrainingImage": "other:1"}
    other = child | {
        "TrainingJobDefinition": child["TrainingJobDefinition"] | {"AlgorithmSpecification": image}
    }
    assert "training image must be the same" in refusal(other, "IdenticalDataAndAlgorithm")
    grid = {"CategoricalParameterRanges": [{"Name": name, "Values": ["1", "2"]} for name in ("x", "y")]}
    assert "not with Grid" in refusal(tunings.request(strategy="Grid", ranges=grid, jobs=4))


def test_a_parent_that_still_runs_is_refused(tunings: Any) -> None:
    script = "import time\ntime.sleep(60)"
    parent, child = create_pair(tunings, script=script, jobs=1)
    tunings.sagemaker.create_hyper_parameter_tuning_job(**parent)
    name = parent["HyperParameterTuningJobName"]
    with pytest.raises(ClientError, match="is in status InProgress"):
        tunings.sagemaker.create_hyper_parameter_tuning_job(**child | warm_start("TransferLearning", name))
    tunings.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    tunings.wait(name)
