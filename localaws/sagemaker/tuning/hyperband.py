"""Hyperband's successive halving, imported by the first tuning job that needs it: optuna takes its time."""

from collections.abc import Sequence

import optuna
from optuna.trial import TrialState

from localaws.sagemaker.tuning.spec import TuningSpec

REDUCTION_FACTOR = 3
"""Of the training jobs that reach a rung, one in so many goes on."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Hyperband:
    """Stop what falls behind in its bracket; one resource is one value of the objective."""

    def __init__(self, spec: TuningSpec) -> None:
        self._spec = spec
        self._trials: dict[int, optuna.Trial] = {}
        self._reported: dict[int, int] = {}
        self._study = optuna.create_study(
            study_name=f"seed-{spec.seed}",  # brackets are dealt out by this name
            sampler=optuna.samplers.RandomSampler(seed=spec.seed),
            direction=spec.objective.direction,
            pruner=optuna.pruners.HyperbandPruner(
                min_resource=spec.min_resource,
                max_resource=spec.max_resource,
                reduction_factor=REDUCTION_FACTOR,
            ),
        )

    def begin(self, number: int) -> None:
        """Deal the training job to a bracket."""
        self._trials[number] = self._study.ask()

    def report(self, number: int, values: Sequence[float]) -> bool:
        """Return whether the training job falls behind, or goes on beyond MaxResource.

        Not at MaxResource itself: a job that ends there by itself is about to save its model.
        """
        resources = len(values)
        if resources > self._spec.max_resource:
            return True
        if resources <= self._reported.get(number, 0):
            return False  # new instances train again what lost ones had trained
        self._reported[number] = resources
        trial = self._trials[number]
        trial.report(values[-1], resources)
        return resources >= self._spec.min_resource and trial.should_prune()

    def end(self, number: int, values: Sequence[float], *, completed: bool) -> None:
        """Close the training job's trial."""
        trial = self._trials.pop(number)
        self._reported.pop(number, None)
        if not values:
            self._study.tell(trial, state=TrialState.FAIL)
        elif completed:
            self._study.tell(trial, values[-1])
        else:
            self._study.tell(trial, state=TrialState.PRUNED)
