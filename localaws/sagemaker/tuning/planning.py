"""Choose strategy and stopper for a tuning job, and seed them with what its parents found."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.tuning.job import LocalTuningJob
from localaws.sagemaker.tuning.spec import Objective, TuningSpec
from localaws.sagemaker.tuning.stopping import MedianRule, NeverStop, Stopper
from localaws.sagemaker.tuning.strategies import (
    GridStrategy,
    RandomStrategy,
    Strategy,
    Values,
    observe_all,
)

TRANSFERRED_SHARE = 0.25
"""Share of the training jobs with which TransferLearning tries the parents' best combinations again."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a tuning job goes about its work."""

    strategy: Strategy
    stopper: Stopper


class FirstThese:
    """Propose given combinations before the strategy's own."""

    def __init__(self, strategy: Strategy, first: Sequence[dict[str, str]]) -> None:
        self._strategy = strategy
        self._first = list(first)

    def propose(self) -> dict[str, str] | None:
        """Return the next given combination, or the strategy's next."""
        if not self._first:
            return self._strategy.propose()
        values = self._first.pop(0)
        self._strategy.reserve(values)
        return values

    def reserve(self, values: Values) -> None:
        """Pass the combination on."""
        self._strategy.reserve(values)

    def observe(self, values: Values, objective: float | None) -> None:
        """Pass the objective on."""
        self._strategy.observe(values, objective)


def make_plan(spec: TuningSpec, *, job: LocalTuningJob) -> Plan:
    """Make strategy and stopper; without a RandomSeed each tuning job draws one."""
    seeded = replace(spec, seed=secrets.randbits(32) if spec.seed is None else spec.seed)
    return Plan(strategy=warm_started(_strategy(seeded), spec=spec, job=job), stopper=_stopper(seeded))


def _strategy(spec: TuningSpec) -> Strategy:
    if spec.strategy == "Grid":
        return GridStrategy(spec.space)
    if spec.strategy == "Bayesian":
        from localaws.sagemaker.tuning.bayesian import BayesianStrategy

        return BayesianStrategy(spec.space, seed=spec.seed, objective=spec.objective)
    return RandomStrategy(spec.space, seed=spec.seed)


def _stopper(spec: TuningSpec) -> Stopper:
    if spec.strategy == "Hyperband":
        from localaws.sagemaker.tuning.hyperband import Hyperband

        return Hyperband(spec)
    return MedianRule(spec.objective) if spec.stops_early else NeverStop()


def warm_started(strategy: Strategy, *, spec: TuningSpec, job: LocalTuningJob) -> Strategy:
    """Seed a strategy with the trials of the parents that lie in our ranges.

    With IdenticalDataAndAlgorithm their objectives hold for us too. With TransferLearning they were found on
    other data, so the best combinations are tried again first, and only what they give here is learnt from.
    """
    past = [trial for parent in job.parents for trial in past_trials(parent, spec=spec)]
    if job.shares_results:
        observe_all(strategy, past)
        return strategy
    count = max(1, int(spec.max_jobs * TRANSFERRED_SHARE))
    return FirstThese(strategy, best_values(past, objective=spec.objective)[:count])


def past_trials(parent: LocalTuningJob, *, spec: TuningSpec) -> list[tuple[dict[str, str], float]]:
    """Return combinations and objectives of a parent, as far as they lie in our ranges."""
    static: Mapping[str, str] = (parent.training_job_definition or {}).get("StaticHyperParameters") or {}
    found = []
    for trial in parent.trials:
        values, result = spec.space.restrict({**static, **trial.values}), trial.result
        if values is not None and result is not None:
            found.append((values, result))
    return found


def check_untried(spec: TuningSpec, parents: Sequence[LocalTuningJob]) -> None:
    """Refuse a tuning job that could only repeat what its parents have tried."""
    past = {tuple(values.items()) for parent in parents for values, _ in past_trials(parent, spec=spec)}
    if len(past) >= spec.space.combinations:
        raise AWSValidationException(
            "You don't have enough combinations of hyperparameter ranges. The parent tuning jobs have tried "
            f"all [{len(past)}] combinations of the provided ranges. Provide additional ranges."
        )


def best_values(
    past: Sequence[tuple[dict[str, str], float]], *, objective: Objective
) -> list[dict[str, str]]:
    """Return the combinations, the best first, each once."""
    ordered = sorted(past, key=lambda trial: trial[1], reverse=objective.maximize)
    return [dict(items) for items in dict.fromkeys(tuple(values.items()) for values, _ in ordered)]
