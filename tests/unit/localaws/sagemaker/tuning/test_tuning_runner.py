"""A tuning job from its first training job to its end, tick by tick."""

from typing import Any

import pytest
from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.tuning.job import TERMINAL, TRANSITIONS
from localaws.sagemaker.tuning.planning import check_untried


def limits(jobs: int, parallel: int, **more: int) -> dict[str, Any]:
    """Return options with these ResourceLimits."""
    members = {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel}
    return {"config": {"ResourceLimits": members | more}}


def with_config(options: dict[str, Any], **config: Any) -> dict[str, Any]:
    """Add members to the options' config."""
    return {"config": options["config"] | config}


def test_the_table_of_states_knows_only_its_own() -> None:
    assert frozenset().union(*TRANSITIONS.values()) <= set(TRANSITIONS)
    assert {"Completed", "Failed", "Stopped"} == TERMINAL


def test_parallel_jobs_are_refilled_as_they_end(make_harness: Any) -> None:
    harness = make_harness(**limits(5, 2))
    assert not harness.runner.tick()
    assert harness.children.statuses() == ["InProgress"] * 2
    assert not harness.runner.tick()
    assert len(harness.children.launched) == 2
    harness.children.end(1, value=1.0)
    harness.runner.tick()
    assert harness.children.statuses() == ["Completed", "InProgress", "InProgress"]
    assert harness.job.describe()["TrainingJobStatusCounters"]["InProgress"] == 2


def test_the_job_completes_with_its_best(make_harness: Any) -> None:
    harness = make_harness(**limits(4, 2))
    harness.run([3.0, 1.0, 2.0, 1.0])
    description = harness.job.describe()
    assert harness.status == "Completed"
    best = description["BestTrainingJob"]
    assert best["TrainingJobName"] == "tune-002"
    assert best["FinalHyperParameterTuningJobObjectiveMetric"] == {
        "Type": "Minimize",
        "MetricName": "loss",
        "Value": 1.0,
    }
    assert description["HyperParameterTuningEndTime"] == harness.job.last_modified_time
    assert description["ConsumedResources"] == {"RuntimeInSeconds": 4}
    assert "FailureReason" not in description


def test_counters_tell_errors_that_can_be_retried(make_harness: Any) -> None:
    harness = make_harness(**limits(3, 3))
    harness.runner.tick()
    harness.children.end(1, "Failed", reason="InternalServerError: We encountered an internal error.")
    harness.children.end(2, "Failed", value=1.0, reason="AlgorithmError: no")
    harness.children.end(3, value=2.0)
    assert harness.runner.tick()
    description = harness.job.describe()
    counters = description["TrainingJobStatusCounters"]
    assert (counters["RetryableError"], counters["NonRetryableError"], counters["Completed"]) == (1, 1, 1)
    assert description["ObjectiveStatusCounters"] == {"Succeeded": 1, "Pending": 0, "Failed": 2}
    assert description["BestTrainingJob"]["TrainingJobName"] == "tune-003"


def test_all_failed_is_a_failed_job(make_harness: Any) -> None:
    harness = make_harness(**limits(2, 1))
    harness.run([None, None])
    assert harness.status == "Failed"
    assert harness.job.describe()["FailureReason"].startswith("All training jobs failed.")


def test_hope_ends_after_five_failures_but_returns_with_a_success(make_harness: Any) -> None:
    harness = make_harness(**limits(20, 3))
    harness.runner.tick()
    for number in (1, 2, 3):
        harness.children.end(number, "Failed")
    harness.runner.tick()
    for number in (4, 5):
        harness.children.end(number, "Failed")
    harness.runner.tick()
    assert harness.children.statuses() == ["Failed"] * 5 + ["InProgress"]
    harness.children.end(6, value=1.0)
    harness.runner.tick()
    assert len(harness.children.launched) == 9
    assert harness.status == "InProgress"


def test_stopping_stops_the_children_and_waits_for_them(make_harness: Any) -> None:
    harness = make_harness(**limits(10, 2))
    harness.runner.tick()
    assert harness.job.advance("Stopping")
    assert not harness.runner.tick()
    assert harness.children.statuses() == ["Stopping", "Stopping"]
    harness.children.end(1, "Stopped", value=5.0)
    assert not harness.runner.tick()
    harness.children.end(2, "Stopped")
    assert harness.runner.tick()
    assert harness.status == "Stopped"
    assert not harness.job.advance("Stopping")
    assert harness.job.describe()["BestTrainingJob"]["TrainingJobName"] == "tune-001"
    assert len(harness.children.launched) == 2


def test_a_refused_training_job_fails_the_tuning_job_with_the_refusal(make_harness: Any) -> None:
    harness = make_harness(**limits(3, 1))
    harness.runner.tick()
    harness.children.refusal = AWSValidationException("No S3 objects found")
    harness.children.end(1, value=1.0)
    harness.runner.tick()
    assert harness.status == "Failed"
    assert harness.job.describe()["FailureReason"] == "No S3 objects found"


def test_time_runs_out_by_the_clock(make_harness: Any) -> None:
    harness = make_harness(**limits(10, 1, MaxRuntimeInSeconds=120))
    harness.runner.tick()
    harness.children.end(1, value=1.0)
    harness.clock.advance(119)
    harness.runner.tick()
    assert harness.children.statuses() == ["Completed", "InProgress"]
    harness.clock.advance(1)
    harness.runner.tick()
    assert harness.children.statuses() == ["Completed", "Stopping"]
    harness.children.end(2, "Stopped")
    assert harness.runner.tick()
    assert harness.status == "Completed"


def test_the_target_ends_the_search(make_harness: Any) -> None:
    criteria = {"TargetObjectiveMetricValue": 0.5}
    harness = make_harness(**with_config(limits(10, 2), TuningJobCompletionCriteria=criteria))
    harness.runner.tick()
    harness.children.end(1, value=0.5)
    harness.runner.tick()
    assert harness.children.statuses() == ["Completed", "Stopping"]
    harness.children.end(2, "Stopped")
    assert harness.runner.tick()
    assert harness.status == "Completed"


def test_no_improvement_ends_the_search_and_one_per_cent_is_none(make_harness: Any) -> None:
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    harness = make_harness(**with_config(limits(10, 1), TuningJobCompletionCriteria=criteria))
    harness.run([2.0, 1.0, 0.995, 1.5, 0.999] + [9.0] * 5)
    assert harness.status == "Completed"
    assert len(harness.children.launched) == 5
    assert harness.job.not_improving() == 3


def test_early_stopping_stops_a_child_by_what_it_prints(make_harness: Any) -> None:
    harness = make_harness(**with_config(limits(2, 1), TrainingJobEarlyStoppingType="Auto"))
    harness.runner.tick()
    harness.children.printed[1] = [1.0, 0.5]
    harness.children.end(1, value=0.5)
    harness.runner.tick()
    harness.children.printed[2] = [3.0]
    harness.runner.tick()
    assert harness.children.statuses() == ["Completed", "Stopping"]
    harness.children.end(2, "Stopped", value=3.0)
    assert harness.runner.tick()
    assert harness.status == "Completed"
    assert harness.job.describe()["BestTrainingJob"]["TrainingJobName"] == "tune-001"


def test_epochs_that_new_instances_train_again_count_once(make_harness: Any) -> None:
    """Hyperband stops what goes on beyond MaxResource, here 9 epochs."""
    harness = make_harness(**with_config(limits(1, 1), Strategy="Hyperband"))
    harness.runner.tick()
    harness.children.printed[1] = [1 / epoch for epoch in range(1, 6)]
    harness.runner.tick()
    harness.children.interrupt(1)
    harness.children.printed[1] = [0.1]  # the lost instances' last word
    harness.runner.tick()
    harness.children.printed[1] = [1 / epoch for epoch in range(1, 10)]
    harness.runner.tick()
    assert harness.children.statuses() == ["InProgress"]
    harness.children.end(1, value=1 / 9)
    assert harness.runner.tick()
    assert harness.status == "Completed"


def test_early_stopping_does_not_judge_by_an_interrupted_child(make_harness: Any) -> None:
    harness = make_harness(**with_config(limits(2, 1), TrainingJobEarlyStoppingType="Auto"))
    harness.runner.tick()
    harness.children.printed[1] = [9.0, 8.0]
    harness.runner.tick()
    harness.children.interrupt(1)
    harness.runner.tick()
    harness.children.printed[1] = [0.5]  # from a checkpoint: this is its third epoch
    harness.children.end(1, value=0.5)
    harness.runner.tick()
    harness.children.printed[2] = [9.0]
    harness.runner.tick()
    assert harness.children.statuses() == ["Completed", "InProgress"]


def test_a_grid_ends_with_its_last_combination(make_harness: Any) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "k", "Values": ["a", "b", "c"]}]}
    harness = make_harness(
        config={
            "Strategy": "Grid",
            "ParameterRanges": ranges,
            "ResourceLimits": {"MaxParallelTrainingJobs": 2},
        }
    )
    harness.run([3.0, 2.0, 1.0])
    assert [trial.values["k"] for trial in harness.children.launched] == ["a", "b", "c"]
    assert harness.job.describe()["BestTrainingJob"]["TunedHyperParameters"] == {"k": "c"}


def test_an_aborted_runner_launches_nothing(make_harness: Any) -> None:
    harness = make_harness(**limits(3, 1))
    harness.runner.abort()
    harness.runner.start()
    harness.runner.join(timeout_s=5)
    assert not harness.runner.is_running
    assert harness.children.launched == []


def test_a_defect_fails_the_job_and_stops_its_children(make_harness: Any) -> None:
    harness = make_harness(**limits(3, 1))
    harness.runner.tick()
    harness.children.refusal = RuntimeError("a defect")
    harness.children.end(1, value=1.0)
    harness.runner.start()
    harness.runner.join(timeout_s=5)
    assert harness.status == "Failed"
    assert harness.job.describe()["FailureReason"].startswith("InternalServerError")


def test_warm_start_shares_results_or_only_combinations(make_harness: Any) -> None:
    parent = make_harness(**limits(3, 1))
    parent.run([3.0, 1.0, 2.0])
    best = parent.children.launched[1].values
    same = {"warm_start_config": {"WarmStartType": "IdenticalDataAndAlgorithm"}}
    child = make_harness(parents=[parent.job], more=same, **limits(2, 1))
    child.run([5.0, 4.0])
    overall = child.job.describe()["OverallBestTrainingJob"]
    assert (overall["TunedHyperParameters"], overall["TuningJobName"]) == (best, "tune")
    assert all(trial.values != best for trial in child.children.launched)
    other = {"warm_start_config": {"WarmStartType": "TransferLearning"}}
    child = make_harness(parents=[parent.job], more=other, **limits(4, 1))
    child.run([5.0, 4.0, 3.0, 2.0])
    assert child.children.launched[0].values == best
    assert "OverallBestTrainingJob" not in child.job.describe()


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_transfer_learning_runs_no_combination_twice(make_harness: Any, strategy: str) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["1", "2"]}]}
    for seed in range(4):
        options = with_config(limits(2, 2), ParameterRanges=ranges, Strategy=strategy, RandomSeed=seed)
        parent = make_harness(**options)
        parent.run([1.0, 2.0])
        other = {"warm_start_config": {"WarmStartType": "TransferLearning"}}
        child = make_harness(parents=[parent.job], more=other, **options)
        child.run([1.0, 2.0])
        assert sorted(trial.values["x"] for trial in child.children.launched) == ["1", "2"]


def test_a_warm_start_with_nothing_left_to_try_is_refused(make_harness: Any) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["1", "2"]}]}
    parent = make_harness(**with_config(limits(2, 1), ParameterRanges=ranges))
    parent.run([1.0, None])
    check_untried(parent.spec, [parent.job])  # one has no result: it may be tried again
    parent = make_harness(**with_config(limits(2, 1), ParameterRanges=ranges))
    parent.run([1.0, 2.0])
    with pytest.raises(AWSValidationException) as refusal:
        check_untried(parent.spec, [parent.job])
    assert "have tried all [2] combinations of the provided ranges" in str(refusal.value.message)
