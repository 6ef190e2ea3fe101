"""A tuning job's state: moto's object, with an explicit table of what may follow what."""

import copy
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.sagemaker.models import HyperParameterTuningJob

from localaws.clock import naive_utc
from localaws.sagemaker.tuning.definition import describe_definition
from localaws.sagemaker.tuning.spec import OBJECTIVE_PARAMETER, Objective, objective_of, shares_results
from localaws.sagemaker.tuning.trial import Trial, best_trial

TRANSITIONS: dict[str, frozenset[str]] = {
    "InProgress": frozenset({"Completed", "Failed", "Stopping"}),
    "Stopping": frozenset({"Stopped", "Failed"}),
    "Completed": frozenset(),
    "Failed": frozenset(),
    "Stopped": frozenset(),
}
"""HyperParameterTuningJobStatus: what may follow."""
TERMINAL = frozenset(name for name, following in TRANSITIONS.items() if not following)

TRAINING_COUNTERS = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
OBJECTIVE_COUNTERS = ("Succeeded", "Pending", "Failed")
NOT_IMPROVING = 0.01
"""Relative gain up to which a trial is no improvement: 1 % (API_HyperParameterTuningJobCompletionDetails)."""


class LocalTuningJob(HyperParameterTuningJob):
    """moto's tuning job, in motion. Times are naive UTC, as everywhere in moto."""

    def __init__(
        self, *, now: Callable[[], datetime], parents: "tuple[LocalTuningJob, ...]", **request: Any
    ) -> None:
        definition = request["training_job_definition"]
        self.objective: Objective = objective_of(request["hyper_parameter_tuning_job_config"])
        static = {OBJECTIVE_PARAMETER: self.objective.metric} | (
            definition.get("StaticHyperParameters") or {}
        )
        request["training_job_definition"] = definition | {"StaticHyperParameters": static}
        super().__init__(**request | {"tags": request["tags"] or []})
        self.parents = parents
        self.trials: list[Trial] = []
        self.hyper_parameter_tuning_job_status = "InProgress"
        self.hyper_parameter_tuning_end_time: Any = None
        self.failure_reason: Any = None
        self._clock_now = now
        self._lock = threading.RLock()
        self.creation_time = self.last_modified_time = self.now()

    def now(self) -> datetime:
        """Return the clock's time as moto keeps times."""
        return naive_utc(self._clock_now())

    def touch(self) -> None:
        """Record that something changed."""
        self.last_modified_time = self.now()

    def advance(self, status: str, *, reason: str | None = None) -> bool:
        """Move to a status if the table allows it, with its FailureReason; return whether it does."""
        with self._lock:
            if status not in TRANSITIONS[self.hyper_parameter_tuning_job_status]:
                return False
            self.touch()
            if status in TERMINAL:
                self.hyper_parameter_tuning_end_time = self.last_modified_time
            self.failure_reason = reason
            self.hyper_parameter_tuning_job_status = status
            return True

    @property
    def has_ended(self) -> bool:
        """Whether the status is final."""
        return self.hyper_parameter_tuning_job_status in TERMINAL

    @property
    def shares_results(self) -> bool:
        """Whether the parents' objectives are comparable to ours (IdenticalDataAndAlgorithm)."""
        return shares_results(self.warm_start_config)

    def counters(self) -> dict[str, dict[str, int]]:
        """Return TrainingJobStatusCounters and ObjectiveStatusCounters."""
        jobs = Counter(trial.counter for trial in self.trials)
        objectives = Counter(trial.objective_status for trial in self.trials)
        return {
            "TrainingJobStatusCounters": {name: jobs[name] for name in TRAINING_COUNTERS},
            "ObjectiveStatusCounters": {name: objectives[name] for name in OBJECTIVE_COUNTERS},
        }

    def not_improving(self) -> int:
        """Return how many training jobs in a row, to the latest ended one, were no more than 1 % better."""
        best: float | None = None
        count = 0
        for trial in sorted((trial for trial in self.trials if trial.has_ended), key=_end):
            result = trial.result
            if result is not None and (best is None or self._improves(result, best=best)):
                best, count = result, 0
            elif best is not None:
                count += 1
        return count

    def _improves(self, result: float, *, best: float) -> bool:
        is_better = self.objective.is_better(result, best)
        return is_better and abs(result - best) > NOT_IMPROVING * abs(best)

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeHyperParameterTuningJob."""
        with self._lock:
            end = self.hyper_parameter_tuning_end_time or self.now()
            answer = super().describe() | self.counters()
            answer |= {
                "TrainingJobDefinition": describe_definition(self.training_job_definition or {}),
                "BestTrainingJob": self._best(),
                "OverallBestTrainingJob": self._overall_best(),
                "TuningJobCompletionDetails": {
                    "NumberOfTrainingJobsObjectiveNotImproving": self.not_improving()
                },
                "ConsumedResources": {"RuntimeInSeconds": round((end - self.creation_time).total_seconds())},
            }
            return {name: copy.deepcopy(value) for name, value in answer.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """Return HyperParameterTuningJobSummary."""
        answer = super().summary() | self.counters()
        return {name: copy.deepcopy(value) for name, value in answer.items() if value is not None}

    def _best(self) -> dict[str, Any] | None:
        best = best_trial(self.trials, objective=self.objective)
        return best.summary() if best is not None else None

    def _overall_best(self) -> dict[str, Any] | None:
        """Return the best of this job and its parents, where their objectives are comparable."""
        if not self.shares_results:
            return None
        jobs = (self, *self.parents)
        best = best_trial([trial for job in jobs for trial in job.trials], objective=self.objective)
        owner = next((job for job in jobs if best in job.trials), None)
        if best is None or owner is None:
            return None
        return best.summary(tuning_job=owner.hyper_parameter_tuning_job_name)


def _end(trial: Trial) -> tuple[datetime, int]:
    job = trial.job
    return job.training_end_time or job.creation_time, trial.number
