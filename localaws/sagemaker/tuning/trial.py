"""One training job of a tuning job: what it tries, and how it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.sagemaker.models import FakeTrainingJob

from localaws.sagemaker.tuning.spec import Objective

ENDED = frozenset({"Completed", "Failed", "Stopped"})
"""TrainingJobStatus that nothing follows."""


@dataclass(kw_only=True)
class Trial:
    """A training job and the combination that it tries."""

    number: int
    values: Mapping[str, str]
    job: FakeTrainingJob
    objective: Objective
    series: list[float] = field(default_factory=list)
    """The objective's values so far, one an epoch."""
    interruptions: int = 0
    """How often its spot instances were taken away, as far as `series` knows."""
    is_settled: bool = False
    """Whether the strategy has heard of its end."""

    @property
    def status(self) -> str:
        """The training job's TrainingJobStatus."""
        return str(self.job.training_job_status)

    @property
    def has_ended(self) -> bool:
        """Whether the training job will not change any more."""
        return self.status in ENDED

    def notice_interruption(self) -> bool:
        """Tell whether new instances have begun to train since the last call; the series begins anew then.

        Epochs that are trained again would count twice. After a checkpoint too few are counted, so that a
        trial that was interrupted is judged too mildly, never too hard.
        """
        transitions = list(self.job.secondary_status_transitions)
        count = sum(transition["Status"] == "Interrupted" for transition in transitions)
        if count == self.interruptions:
            return False
        self.interruptions = count
        self.series.clear()
        return True

    @property
    def result(self) -> float | None:
        """The final objective; None before the end, for a job that failed and for one that printed none."""
        if not self.has_ended or self.status == "Failed":
            return None
        for metric in self.job.final_metric_data_list or ():
            if metric["MetricName"] == self.objective.metric:
                return float(str(metric["Value"]))
        return None

    @property
    def objective_status(self) -> str:
        """ObjectiveStatus (API_HyperParameterTrainingJobSummary)."""
        if not self.has_ended:
            return "Pending"
        return "Failed" if self.result is None else "Succeeded"

    @property
    def counter(self) -> str:
        """The member of TrainingJobStatusCounters in which it counts."""
        if not self.has_ended:
            return "InProgress"
        if self.status != "Failed":
            return self.status
        reason = str(getattr(self.job, "failure_reason", None) or "")
        return "RetryableError" if reason.startswith("InternalServerError") else "NonRetryableError"

    def summary(self, *, tuning_job: str | None = None) -> dict[str, Any]:
        """Return HyperParameterTrainingJobSummary; with TuningJobName where `tuning_job` is given."""
        job, result = self.job, self.result
        summary = {
            "TrainingJobName": job.training_job_name,
            "TrainingJobArn": job.arn,
            "TuningJobName": tuning_job,
            "CreationTime": job.creation_time,
            "TrainingStartTime": job.training_start_time,
            "TrainingEndTime": job.training_end_time,
            "TrainingJobStatus": self.status,
            "TunedHyperParameters": dict(self.values),
            "FailureReason": getattr(job, "failure_reason", None),
            "ObjectiveStatus": self.objective_status,
        }
        if result is not None:
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = {
                "Type": self.objective.type,
                "MetricName": self.objective.metric,
                "Value": result,
            }
        return {name: value for name, value in summary.items() if value is not None}


def best_trial(trials: list[Trial], *, objective: Objective) -> Trial | None:
    """Return the best of the completed trials, the first of equals; of the stopped ones if none completed."""
    for status in ("Completed", "Stopped"):
        found = [(trial, trial.result) for trial in trials if trial.status == status]
        best = objective.best(result for _, result in found if result is not None)
        if best is not None:
            return next(trial for trial, result in found if result == best)
    return None
