"""Choose the next hyper-parameters by what the earlier ones gave: Bayesian optimisation.

The model is optuna's tree-structured Parzen estimator over the unit interval of each range. optuna takes some
0.3 s to import, so this module is imported by the first tuning job that needs it, never when localaws starts.
"""

import random
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from localaws.sagemaker.tuning.ranges import CategoricalRange, Range, Space
from localaws.sagemaker.tuning.spec import Objective
from localaws.sagemaker.tuning.strategies import Tried, Values

STARTUP_TRIALS = 4
"""Random trials before the model is used: tuning jobs are small, optuna's own 10 would leave it no work."""
ASKS = 20
"""Proposals that may repeat a tried combination before a random new one is taken instead."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


class BayesianStrategy:
    """Tree-structured Parzen estimator; combinations that are still running count as poor ones."""

    def __init__(self, space: Space, *, seed: int | None, objective: Objective) -> None:
        self._space = space
        self._rng = random.Random(seed)  # noqa: S311 - a sampler, no secret
        self._tried = Tried(space)
        self._distributions = {item.name: _distribution(item) for item in space.ranges}
        self._running: dict[tuple[str, ...], optuna.Trial] = {}
        sampler = optuna.samplers.TPESampler(
            seed=self._rng.getrandbits(32),
            multivariate=True,
            constant_liar=True,
            n_startup_trials=STARTUP_TRIALS,
        )
        self._study = optuna.create_study(sampler=sampler, direction=objective.direction)

    def propose(self) -> dict[str, str] | None:
        """Ask the model for a combination that has not been tried."""
        for _ in range(ASKS):
            trial = self._study.ask(self._distributions)
            values = {item.name: _text(item, trial.params[item.name]) for item in self._space.ranges}
            if self._tried.add(values):
                self._running[_key(values)] = trial
                return values
            self._study.tell(trial, state=TrialState.FAIL)
        drawn = self._tried.draw(self._rng)
        if drawn is not None:
            self.reserve(drawn)
        return drawn

    def reserve(self, values: Values) -> None:
        """Let the model count the combination as one that is running."""
        self._tried.add(values)
        self._study.enqueue_trial(self._parameters(values))
        self._running[_key(values)] = self._study.ask(self._distributions)

    def observe(self, values: Values, objective: float | None) -> None:
        """Let the model learn from a combination; one without an objective teaches it nothing."""
        self._tried.add(values)
        trial = self._running.pop(_key(values), None)
        if trial is not None:
            state = TrialState.FAIL if objective is None else TrialState.COMPLETE
            self._study.tell(trial, objective, state=state)
        elif objective is not None:
            self._study.add_trial(
                optuna.trial.create_trial(
                    params=self._parameters(values), distributions=self._distributions, value=objective
                )
            )

    def _parameters(self, values: Values) -> dict[str, Any]:
        return {item.name: _parameter(item, values[item.name]) for item in self._space.ranges}


def _key(values: Values) -> tuple[str, ...]:
    return tuple(values[name] for name in sorted(values))


def _distribution(item: Range) -> optuna.distributions.BaseDistribution:
    if isinstance(item, CategoricalRange):
        return CategoricalDistribution(item.values)
    return FloatDistribution(0.0, 1.0)


def _text(item: Range, parameter: Any) -> str:
    return str(parameter) if isinstance(item, CategoricalRange) else item.from_unit(parameter)


def _parameter(item: Range, text: str) -> Any:
    return text if isinstance(item, CategoricalRange) else item.to_unit(text)
