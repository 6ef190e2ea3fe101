"""What the status page shows of a tuning job's best trial."""

from typing import Any

import pytest

from localaws.sagemaker.tuning.description import describe_best

TWO = {"ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2}}


@pytest.mark.parametrize(
    ("objectives", "shown"),
    [([None, None], ""), ([0.5, 0.25], "tune-002, loss 0.25"), ([0.125, None], "tune-001, loss 0.125")],
)
def test_the_best_trial_is_named_once_there_is_one(
    make_harness: Any, objectives: list[float | None], shown: str
) -> None:
    harness = make_harness(config=TWO)
    assert describe_best(harness.job) == ""
    harness.run(objectives)
    assert describe_best(harness.job) == shown
