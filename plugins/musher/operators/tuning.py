"""Run a SageMaker tuning job that a retried task finds again."""

import json
import math
from collections.abc import Mapping
from typing import Any

from musher import names
from musher.console_kinds import TUNING_JOB
from musher.costs.billing import billed_seconds
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.operators.jobs import GRACE_S, Description, RunJobOperator
from musher.operators.training import seconds_between
from musher.triggers.jobs import TuningJobTrigger

SHOWN_FAILURES = 3
"""An error shows so many of the trials that failed; mostly all have failed alike."""

TRIAL_GRACE_S = 600
"""What each round of trials may take beyond its limit: starting, downloads and uploads."""


class RunTuningJobOperator(RunJobOperator[MusherSageMakerHook]):
    """Start the tuning job of `config`, or adopt the one that answers the same request; wait for its end.

    The base is AwsBaseOperator, as nothing of the provider's SageMakerTuningOperator would remain:
    - a stopped job succeeds when not deferred, and a completed one without any measured trial always does:
      here both fail, with what the failed trials say and the last lines of their logs;
    - a retry asks for the same name and fails: here it goes on with the job that it finds;
    - a killed task leaves all trials running and billing: here a person's cancel stops them;
    - the wait has no end unless one is given: here it follows from the trials' own limits;
    - the answer is the description as text: here it is the trials and the best values, as numbers.
    """

    aws_hook_class = MusherSageMakerHook
    noun = "Tuning job"
    name_key = "HyperParameterTuningJobName"
    status_key = "HyperParameterTuningJobStatus"
    max_name = names.MAX_TUNING_NAME
    trigger_class = TuningJobTrigger
    console_kind = TUNING_JOB

    def create(self, request: dict[str, Any]) -> None:
        """Start a job."""
        self.hook.conn.create_hyper_parameter_tuning_job(**request)

    def describe(self, name: str) -> Description:
        """Return the job's description."""
        conn = self.hook.conn
        description: Description = conn.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return description

    def find(self, name: str) -> Description | None:
        """Return the job's description, or None where there is no such job."""
        return self.hook.find_tuning_job(name)

    def stop(self, name: str) -> None:
        """Ask for the job's end, and with it the trials'."""
        self.hook.conn.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def rename(self, request: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the same request under another name."""
        from musher.payloads.tuning import rename_tuning_job  # no business of the DAG's parse

        return rename_tuning_job(request, job_name=name)

    def limit_s(self, job: Description) -> float:
        """Return the limits of all rounds of parallel trials, and a grace; the job is this run's own."""
        resources = self.config["HyperParameterTuningJobConfig"]["ResourceLimits"]
        limits = self.config["TrainingJobDefinition"]["StoppingCondition"]
        rounds = math.ceil(resources["MaxNumberOfTrainingJobs"] / resources["MaxParallelTrainingJobs"])
        trial_s = limits.get("MaxWaitTimeInSeconds") or limits["MaxRuntimeInSeconds"]
        return float(rounds * (trial_s + TRIAL_GRACE_S) + GRACE_S)

    def explain(self, description: Description) -> str:
        """Return what the trials that failed say, and the last lines of their logs."""
        trials = self.hook.list_trials(description[self.name_key])
        failed = [trial for trial in trials if trial["TrainingJobStatus"] == "Failed"]
        said = [self._explain_trial(trial) for trial in failed[:SHOWN_FAILURES]]
        return "\n".join([f"{len(failed)} of {len(trials)} trials failed.", *said])

    def find_flaw(self, description: Description) -> str | None:
        """Return that no trial of a completed job reported its objective, or None."""
        best = description.get("BestTrainingJob") or {}
        is_measured = "FinalHyperParameterTuningJobObjectiveMetric" in best
        return None if is_measured else "no trial reported its objective"

    def find_change(self, description: Description, request: dict[str, Any]) -> str | None:
        """Return what the trials do otherwise: other ranges, options, code or data."""
        had, wanted = describe_tuning(description), describe_tuning(request)
        changed = sorted(key for key in wanted if had.get(key) != wanted[key])
        return f"it tunes with another {', '.join(changed)}" if changed else None

    def summarise(self, description: Description) -> dict[str, Any]:
        """Return the trials, the best one, its values as numbers, and times."""
        from musher.payloads.tuning import read_trial

        name, config = description[self.name_key], description["HyperParameterTuningJobConfig"]
        best, trials = description["BestTrainingJob"], self.hook.list_trials(name)
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
        job = self.hook.conn.describe_training_job(TrainingJobName=training_job)
        instances = job["ResourceConfig"]["InstanceCount"]
        return billed_seconds(billable=job.get("BillableTimeInSeconds"), instances=instances) or 0.0

    def _explain_trial(self, trial: Description) -> str:
        name = trial["TrainingJobName"]
        return (
            f"Trial {name} with {trial['TunedHyperParameters']}: {trial.get('FailureReason', 'no reason')}\n"
            f"{self.show_last_lines(name)}"
        )


def describe_tuning(job: Mapping[str, Any]) -> dict[str, str]:
    """Return by name what a tuning job's results depend on, from its request or its description."""
    from musher.payloads.training import JOB_NAME

    config, trial = job["HyperParameterTuningJobConfig"], job.get("TrainingJobDefinition", {})
    channels = {
        f"channel {channel['ChannelName']}": channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in trial.get("InputDataConfig", [])
    }
    fixed = {name: text for name, text in trial.get("StaticHyperParameters", {}).items() if name != JOB_NAME}
    limits = config["ResourceLimits"]
    return {
        **fixed,
        **channels,
        **_describe_ranges(config.get("ParameterRanges", {})),
        "strategy": config["Strategy"],
        "number of trials": str(limits.get("MaxNumberOfTrainingJobs")),
    }


def _describe_ranges(ranges: Mapping[str, Any]) -> dict[str, str]:
    """Return each range's bounds or values by its name, whatever else AWS adds to it."""
    keys = ("MinValue", "MaxValue", "Values")
    return {
        f"range of {found['Name']}": json.dumps([found.get(key) for key in keys])
        for kind in ranges.values()
        for found in kind
    }
