"""What is tried next."""

from typing import Any

import pytest

from localaws.sagemaker.tuning.bayesian import BayesianStrategy
from localaws.sagemaker.tuning.ranges import CategoricalRange, ContinuousRange, IntegerRange, Space
from localaws.sagemaker.tuning.spec import Objective
from localaws.sagemaker.tuning.strategies import GridStrategy, RandomStrategy, Strategy

SQUARE = Space(
    ranges=(ContinuousRange(name="x", low=0.0, high=1.0), ContinuousRange(name="y", low=0.0, high=1.0))
)
SMALL = Space(ranges=(IntegerRange(name="n", low=1, high=4), CategoricalRange(name="k", values=("a", "b"))))
MINIMIZE = Objective(metric="loss", maximize=False)


def bowl(values: dict[str, str]) -> float:
    """Return a smooth function of x and y; its least value is 0."""
    return (float(values["x"]) - 0.3) ** 2 + (float(values["y"]) - 0.7) ** 2


def propose(strategy: Strategy) -> dict[str, str]:
    """Return a proposal that must be there."""
    values = strategy.propose()
    assert values is not None
    return values


def best_of(strategy: Strategy, *, trials: int, sign: float = 1.0) -> float:
    """Return the best of some trials."""
    results = []
    for _ in range(trials):
        values = propose(strategy)
        results.append(bowl(values))
        strategy.observe(values, sign * results[-1])
    return min(results)


def make(kind: str, space: Space, seed: int = 1) -> Strategy:
    """Return a strategy."""
    if kind == "Bayesian":
        return BayesianStrategy(space, seed=seed, objective=MINIMIZE)
    return RandomStrategy(space, seed=seed)


@pytest.mark.parametrize("kind", ["Random", "Bayesian"])
def test_a_small_space_is_tried_whole_and_nothing_twice(kind: str) -> None:
    strategy = make(kind, SMALL)
    tried = []
    while (values := strategy.propose()) is not None:
        tried.append(tuple(values.items()))
        strategy.observe(values, float(len(tried)))
    assert len(tried) == len(set(tried)) == 8


@pytest.mark.parametrize("kind", ["Random", "Bayesian"])
def test_parallel_proposals_differ(kind: str) -> None:
    strategy = make(kind, SMALL)
    tried = {tuple(propose(strategy).items()) for _ in range(8)}
    assert len(tried) == 8
    assert strategy.propose() is None


def test_random_draws_the_same_for_a_seed_whatever_the_objectives_are() -> None:
    one, two = RandomStrategy(SQUARE, seed=5), RandomStrategy(SQUARE, seed=5)
    for number in range(10):
        values = propose(one)
        one.observe(values, float(number))
        assert values == propose(two)
    assert propose(RandomStrategy(SQUARE, seed=6)) != propose(RandomStrategy(SQUARE, seed=5))


def test_bayesian_is_better_than_random_for_most_seeds() -> None:
    wins = sum(
        best_of(BayesianStrategy(SQUARE, seed=seed, objective=MINIMIZE), trials=20)
        < best_of(RandomStrategy(SQUARE, seed=seed), trials=20)
        for seed in range(10)
    )
    assert wins >= 7


def test_bayesian_maximizes_too() -> None:
    strategy = BayesianStrategy(SQUARE, seed=2, objective=Objective(metric="accuracy", maximize=True))
    assert best_of(strategy, trials=25, sign=-1.0) < 0.01


def test_bayesian_learns_from_trials_that_it_did_not_propose() -> None:
    def first(past: list[tuple[dict[str, str], float]]) -> float:
        strategy = BayesianStrategy(SQUARE, seed=3, objective=MINIMIZE)
        for values, objective in past:
            strategy.observe(values, objective)
        return best_of(strategy, trials=4)

    teacher = RandomStrategy(SQUARE, seed=9)
    past = [(values, bowl(values)) for values in (propose(teacher) for _ in range(40))]
    assert first(past) < first([])


def test_bayesian_survives_trials_without_an_objective() -> None:
    strategy = BayesianStrategy(SMALL, seed=1, objective=MINIMIZE)
    strategy.observe({"n": "1", "k": "a"}, None)
    for _ in range(7):
        values = propose(strategy)
        assert values != {"n": "1", "k": "a"}
        strategy.observe(values, None)
    assert strategy.propose() is None


def test_a_grid_is_given_in_order_and_ends() -> None:
    strategy = GridStrategy(SMALL)
    found: list[Any] = []
    while (values := strategy.propose()) is not None:
        found.append(values)
        strategy.observe(values, 0.0)
    assert found == list(SMALL.grid())
