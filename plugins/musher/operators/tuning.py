"""Run a SageMaker tuning job that a retried task finds again."""

import math
from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator

from musher import console, names
from musher.costs.billing import billed_seconds
from musher.hooks.logs import last_lines
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import StatusLog
from musher.operators.jobs import GRACE_S, Description, JobKind, RunJobMixin
from musher.operators.training import seconds_between
from musher.payloads.tuning import read_trial, rename_tuning_job

SHOWN_FAILURES = 3
"""An error shows so many of the trials that failed; mostly all have failed alike."""

TRIAL_GRACE_S = 600
"""What each round of trials may take beyond its limit: starting, downloads and uploads."""


class RunTuningJobOperator(RunJobMixin, SageMakerTuningOperator):
    """Start the tuning job of `config`, or adopt it where it exists, and wait for its end.

    Closes these traps of the provider's operator:
    - a stopped job succeeds when not deferred, and a completed one without any measured trial always does:
      here both fail, with what the failed trials say and the last lines of their logs;
    - a retry asks for the same name and fails: here a live or completed job is adopted, and only a person who
      clears the task starts the next attempt;
    - a killed task leaves all trials running and billing: here on_kill stops the job and with it the trials;
    - the wait has no end unless one is given: here it follows from the trials' own limits;
    - the answer is the description as text: here it is the trials and the best values, as numbers.
    """

    aws_hook_class = MusherSageMakerHook
    console_page = staticmethod(console.tuning_job)
    kind = JobKind(
        noun="Tuning job",
        find="find_tuning_job",
        name_key="HyperParameterTuningJobName",
        status_key="HyperParameterTuningJobStatus",
        method="hyper_parameter_tuning_job",
        waiter="TuningJobEnded",
        max_name=names.MAX_TUNING_NAME,
        rename=rename_tuning_job,
    )

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """Take the CreateHyperParameterTuningJob request (templated, so also an earlier task's result)."""
        super().__init__(config=config, deferrable=False, **kwargs)
        self.status: StatusLog | None = None

    def timeout_s(self) -> float:
        """Return the limits of all rounds of parallel trials, and a grace."""
        resources = self.config["HyperParameterTuningJobConfig"]["ResourceLimits"]
        limits = self.config["TrainingJobDefinition"]["StoppingCondition"]
        rounds = math.ceil(resources["MaxNumberOfTrainingJobs"] / resources["MaxParallelTrainingJobs"])
        trial_s = limits.get("MaxWaitTimeInSeconds") or limits["MaxRuntimeInSeconds"]
        return float(rounds * (trial_s + TRIAL_GRACE_S) + GRACE_S)

    def show(self, description: Description, seen: Description) -> None:
        """Log the job's status and how many trials are in which state, where that has changed."""
        self.status = self.status or StatusLog(subject=description[self.kind.name_key])
        counters = description.get("TrainingJobStatusCounters") or {}
        detail = ", ".join(f"{count} {state}" for state, count in counters.items() if count)
        self.status.show(description[self.kind.status_key], detail)

    def explain(self, description: Description) -> str:
        """Return what the trials that failed say, and the last lines of their logs."""
        trials = self.sagemaker.list_trials(description[self.kind.name_key])
        failed = [trial for trial in trials if trial["TrainingJobStatus"] == "Failed"]
        said = [self._explain_trial(trial) for trial in failed[:SHOWN_FAILURES]]
        return "\n".join([f"{len(failed)} of {len(trials)} trials failed.", *said])

    def flaw(self, description: Description) -> str | None:
        """Return that no trial of a completed job reported its objective, or None."""
        best = description.get("BestTrainingJob") or {}
        is_measured = "FinalHyperParameterTuningJobObjectiveMetric" in best
        return None if is_measured else "no trial reported its objective"

    def summarise(self, description: Description) -> dict[str, Any]:
        """Return the trials, the best one, its values as numbers, and times."""
        name, config = description[self.kind.name_key], description["HyperParameterTuningJobConfig"]
        best, trials = description["BestTrainingJob"], self.sagemaker.list_trials(name)
        return {
            "strategy": config["Strategy"],
            "job_name": name,
            "objective": config["HyperParameterTuningJobObjective"]["MetricName"],
            "trials": [read_trial(trial) for trial in trials],
            "best": read_trial(best),
            "seconds": seconds_between(
                description.get("CreationTime"), description.get("HyperParameterTuningEndTime")
            ),
            "billed_seconds": sum(self._billed_seconds(trial["TrainingJobName"]) for trial in trials),
        }

    def _billed_seconds(self, training_job: str) -> float:
        """Return what one trial is billed, over all its instances."""
        job = self.sagemaker.conn.describe_training_job(TrainingJobName=training_job)
        instances = job["ResourceConfig"]["InstanceCount"]
        return billed_seconds(billable=job.get("BillableTimeInSeconds"), instances=instances) or 0.0

    def _explain_trial(self, trial: Description) -> str:
        name = trial["TrainingJobName"]
        return (
            f"Trial {name} with {trial['TunedHyperParameters']}: {trial.get('FailureReason', 'no reason')}\n"
            f"{last_lines(self.tail_of(name))}"
        )
