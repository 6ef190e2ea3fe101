"""Early stopping, Hyperband and the criteria that complete a tuning job."""

import statistics
from typing import Any

EPOCHS = """
import sys, time
values = {name.lstrip("-"): value for name, value in zip(sys.argv[1::2], sys.argv[2::2])}
for epoch in range(1, int(values["epochs"]) + 1):
    print(f"loss={float(values['x']) + 1 / epoch:.4f};", flush=True)
    time.sleep(0.1 if float(values["x"]) < 5 else 0.4)
"""
"""Each epoch's loss falls towards x; what is bad from the start is slow too: there is time to stop it."""


def grid(*values: str) -> dict[str, Any]:
    """Return options of a grid over x."""
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": list(values)}]}
    return {"strategy": "Grid", "ranges": ranges, "jobs": len(values)}


def statuses(trials: list[dict[str, Any]]) -> dict[str, str]:
    """Return the status of the training job for each x."""
    return {trial["TunedHyperParameters"]["x"]: trial["TrainingJobStatus"] for trial in trials}


def x_of(trial: dict[str, Any]) -> float:
    """Return a training job's x."""
    return float(trial["TunedHyperParameters"]["x"])


def test_early_stopping_stops_what_is_worse_than_the_median(tunings: Any) -> None:
    auto = {"TrainingJobEarlyStoppingType": "Auto"}
    options = grid("0.1", "0.2", "9.0", "0.0") | {"parallel": 1, "static": {"epochs": "6"}, "config": auto}
    name = tunings.create(EPOCHS, **options)
    description = tunings.wait(name)
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    found = statuses(tunings.trials(name))
    assert found["9.0"] == "Stopped"
    assert found["0.1"] == found["0.0"] == "Completed"
    assert description["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.0"}
    (stopped,) = [t for t in tunings.trials(name) if t["TunedHyperParameters"]["x"] == "9.0"]
    assert stopped["ObjectiveStatus"] == "Succeeded"
    assert stopped["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] > 9


def test_without_early_stopping_everything_runs_to_its_end(tunings: Any) -> None:
    name = tunings.create(EPOCHS, **grid("0.1", "0.2", "4.0") | {"static": {"epochs": "3"}})
    tunings.wait(name)
    assert set(statuses(tunings.trials(name)).values()) == {"Completed"}


def test_hyperband_stops_bad_ones_and_keeps_the_best(tunings: Any) -> None:
    script = EPOCHS.replace('0.1 if float(values["x"]) < 5 else 0.4', "0.15")
    ranges = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "10"}]}
    options = {
        "strategy": "Hyperband",
        "ranges": ranges,
        "jobs": 12,
        "parallel": 3,
        "static": {"epochs": "9"},
    }
    name = tunings.create(script, **options)
    description = tunings.wait(name)
    trials = tunings.trials(name)
    counters = description["TrainingJobStatusCounters"]
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert counters["Stopped"] >= 4, counters
    assert counters["Completed"] >= 1, counters
    best = min(trials, key=x_of)
    assert description["BestTrainingJob"]["TrainingJobName"] == best["TrainingJobName"]
    means = {
        status: statistics.fmean(x_of(trial) for trial in trials if trial["TrainingJobStatus"] == status)
        for status in ("Completed", "Stopped")
    }
    assert means["Stopped"] > means["Completed"]


def test_hyperband_stops_what_goes_on_beyond_max_resource(tunings: Any) -> None:
    strategy = {"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 3}}}
    ranges = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]}
    options = {"strategy": "Hyperband", "ranges": ranges, "jobs": 1, "config": strategy}
    description = tunings.run(EPOCHS, **options, static={"epochs": "600"})
    assert description["TrainingJobStatusCounters"]["Stopped"] == 1
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert description["BestTrainingJob"]["ObjectiveStatus"] == "Succeeded"


def test_reaching_the_target_completes_the_job_and_stops_the_rest(tunings: Any) -> None:
    criteria = {"TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 0.6}}
    options = grid("9.0", "0.1", "8.0", "7.0") | {
        "parallel": 2,
        "static": {"epochs": "2"},
        "config": criteria,
    }
    script = EPOCHS.replace("0.4)", "60)")
    name = tunings.create(script, **options)
    description = tunings.wait(name)
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert description["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.1"}
    assert description["TrainingJobStatusCounters"]["Completed"] == 1
    assert description["TrainingJobStatusCounters"]["Stopped"] >= 1


def test_a_job_that_no_longer_improves_completes(tunings: Any) -> None:
    stop = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    values = ["0.5", "0.6", "0.7", "0.8", "0.1", "0.2"]
    options = grid(*values) | {"parallel": 1, "config": {"TuningJobCompletionCriteria": stop}}
    description = tunings.run(EPOCHS, **options, static={"epochs": "1"})
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert description["TrainingJobStatusCounters"]["Completed"] == 4
    assert description["TuningJobCompletionDetails"] == {"NumberOfTrainingJobsObjectiveNotImproving": 3}


def test_the_longest_runtime_ends_the_job_with_what_it_has(fast_tunings: Any) -> None:
    limits = {
        "MaxNumberOfTrainingJobs": 4,
        "MaxParallelTrainingJobs": 1,
        "MaxRuntimeInSeconds": 240,
    }
    options = grid("0.1", "9.0", "8.0", "7.0") | {"config": {"ResourceLimits": limits}}
    script = EPOCHS.replace("0.4)", "60)")
    description = fast_tunings.run(script, **options, static={"epochs": "2"})
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert description["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.1"}
    assert description["TrainingJobStatusCounters"]["Stopped"] == 1
    assert 240 <= description["ConsumedResources"]["RuntimeInSeconds"] < 2000
