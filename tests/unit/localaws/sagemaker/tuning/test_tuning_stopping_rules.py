"""Which training jobs are stopped before their end."""

from typing import Any

from localaws.sagemaker.tuning.hyperband import Hyperband
from localaws.sagemaker.tuning.spec import Objective
from localaws.sagemaker.tuning.stopping import MedianRule, NeverStop

LOSS = Objective(metric="loss", maximize=False)


def follow(stopper: Any, number: int, values: list[float]) -> int | None:
    """Report a training job epoch by epoch and end it; return the epoch at which it is stopped."""
    stopper.begin(number)
    for epoch in range(1, len(values) + 1):
        if stopper.report(number, values[:epoch]):
            stopper.end(number, values[:epoch], completed=False)
            return epoch
    stopper.end(number, values, completed=True)
    return None


def test_the_first_job_is_never_stopped_by_the_median_rule() -> None:
    assert follow(MedianRule(LOSS), 1, [9.0, 9.0]) is None


def test_a_job_is_measured_against_the_median_of_running_averages() -> None:
    rule = MedianRule(LOSS)
    for number, values in enumerate(([4.0, 2.0], [5.0, 3.0], [6.0, 4.0]), start=1):
        rule.begin(number)
        rule.end(number, values, completed=True)
    # Up to epoch 1 the averages are 4, 5, 6 (median 5); up to epoch 2 they are 3, 4, 5 (median 4).
    assert follow(rule, 4, [5.1]) == 1
    assert follow(rule, 5, [4.0, 4.1]) == 2
    assert follow(rule, 6, [5.0, 4.0]) is None


def test_a_larger_objective_is_better_when_maximizing() -> None:
    rule = MedianRule(Objective(metric="accuracy", maximize=True))
    follow(rule, 1, [0.5, 0.7])
    assert follow(rule, 2, [0.4]) == 1
    assert follow(rule, 3, [0.6, 0.9]) is None


def test_only_completed_jobs_that_came_as_far_count() -> None:
    rule = MedianRule(LOSS)
    rule.begin(1)
    rule.end(1, [1.0], completed=False)
    assert follow(rule, 2, [5.0]) is None
    assert follow(rule, 3, [4.0, 100.0]) is None


def test_off_stops_nothing() -> None:
    assert follow(NeverStop(), 1, [1e9] * 5) is None


def test_hyperband_stops_most_bad_jobs_and_never_the_best(tuning_spec: Any) -> None:
    hyperband = Hyperband(tuning_spec(config={"Strategy": "Hyperband"}))
    stopped = {}
    for number in range(1, 28):
        bad = 0.0 if number == 20 else float(number)
        stopped[number] = follow(hyperband, number, [bad + 1 / epoch for epoch in range(1, 10)])
    assert stopped[20] is None
    early = [number for number, epoch in stopped.items() if epoch is not None and epoch < 9]
    assert len(early) >= 9


def test_hyperband_is_the_same_for_a_seed(tuning_spec: Any) -> None:
    runs = []
    for _ in range(2):
        hyperband = Hyperband(tuning_spec(config={"Strategy": "Hyperband"}))
        runs.append([follow(hyperband, number, [number % 7] * 9) for number in range(1, 20)])
    assert runs[0] == runs[1]


def test_hyperband_honours_min_and_max_resource(tuning_spec: Any) -> None:
    resources = {"HyperbandStrategyConfig": {"MinResource": 4, "MaxResource": 8}}
    hyperband = Hyperband(tuning_spec(config={"Strategy": "Hyperband", "StrategyConfig": resources}))
    epochs = [follow(hyperband, number, [float(number)] * 20) for number in range(1, 15)]
    assert all(epoch is not None and 4 <= epoch <= 9 for epoch in epochs)


def test_hyperband_takes_a_job_that_printed_nothing(tuning_spec: Any) -> None:
    assert follow(Hyperband(tuning_spec(config={"Strategy": "Hyperband"})), 1, []) is None
