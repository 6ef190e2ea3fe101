"""Run a SageMaker training job that a retried task finds again."""

import logging
from datetime import datetime
from typing import Any

from airflow.providers.amazon.aws.hooks.sagemaker import (
    secondary_training_status_changed,
    secondary_training_status_message,
)
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator

from musher import console, names
from musher.hooks.connection import s3_hook
from musher.hooks.logs import LogTail, last_lines
from musher.hooks.objects import has_object
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.operators.jobs import GRACE_S, Description, JobKind, RunJobMixin
from musher.payloads.training import JOB_NAME, rename_training_job

logger = logging.getLogger(__name__)


class RunTrainingJobOperator(RunJobMixin, SageMakerTrainingOperator):
    """Start the training job of `config`, or adopt it where it exists, and wait for its end.

    Closes these traps of the provider's operator:
    - a retry makes a new name, a second paid job: here the name is the run's own, a live or completed job is
      adopted, and only a person who clears the task starts the next attempt (`-2`, `-3`, ...);
    - a killed task leaves the job running and billing: here on_kill stops it;
    - a deferred task gives up after 1,800 s while the job bills on, and on_kill never runs while deferred:
      here the wait is as long as the job may run, and always in the worker;
    - completion is looked for every 30 s at most: here every MUSHER_POLL_INTERVAL_S;
    - MaxWaitTimeInSeconds is not cast to a whole number: here the payload holds one.
    """

    aws_hook_class = MusherSageMakerHook
    console_page = staticmethod(console.training_job)
    kind = JobKind(
        noun="Training job",
        find="find_training_job",
        name_key="TrainingJobName",
        status_key="TrainingJobStatus",
        method="training_job",
        waiter="TrainingJobEnded",
        max_name=names.MAX_SAGEMAKER_NAME,
        rename=rename_training_job,
    )

    def __init__(self, *, config: Any, marker: str = "", **kwargs: Any) -> None:
        """Take the CreateTrainingJob request (templated, so also an earlier task's result).

        `marker` is a file of the artifacts of a job that runs share: a completed one is adopted only while
        that file exists.
        """
        super().__init__(config=config, deferrable=False, **kwargs)
        self.marker = marker
        self.is_shared = bool(marker)
        self.tail: LogTail | None = None

    def timeout_s(self) -> float:
        """Return the job's own limit, on spot with its interruptions, and a grace."""
        limits = self.config["StoppingCondition"]
        return float(limits.get("MaxWaitTimeInSeconds") or limits["MaxRuntimeInSeconds"]) + GRACE_S

    def flaw(self, description: Description) -> str | None:
        """Return that the marker is gone from a completed job's artifacts, or None."""
        uri = artifact_uris(description)["model_uri"] + self.marker
        if not self.marker or has_object(s3_hook(self.settings), uri=uri):
            return None
        return f"there is no {uri}"

    def change(self, description: Description, request: dict[str, Any]) -> str | None:
        """Return which hyper-parameters are others: tuning was repeated, or the code was corrected."""
        if self.is_shared or description["TrainingJobStatus"] != "Completed":
            return None
        had, wanted = description.get("HyperParameters", {}), request["HyperParameters"]
        changed = sorted(name for name in wanted if had.get(name) != wanted[name] and name != JOB_NAME)
        return f"trained with another {', '.join(changed)}" if changed else None

    def show(self, description: Description, seen: Description) -> None:
        """Log the job's transitions and its containers' new lines."""
        name = description["TrainingJobName"]
        if secondary_training_status_changed(description, seen):
            logger.info("%s: %s", name, secondary_training_status_message(description, seen))
        self.tail = self.tail or self.tail_of(name)
        self.tail.show()

    def explain(self, description: Description) -> str:
        """Return the last lines of the job's log."""
        name = description["TrainingJobName"]
        lines = last_lines(self.tail or self.tail_of(name))
        return f"Last lines of its log ({names.TRAINING_LOG_GROUP}, {name}/):\n{lines}"

    def summarise(self, description: Description) -> dict[str, Any]:
        """Return the job's name, artifact addresses, times and final metrics."""
        return summarise(description)


def summarise(description: Description) -> dict[str, Any]:
    """Return the ids and small numbers that later stages need from DescribeTrainingJob's answer."""
    metrics = description.get("FinalMetricDataList") or []
    return {
        "job_name": description["TrainingJobName"],
        "status": description["TrainingJobStatus"],
        **artifact_uris(description),
        "instances": description["ResourceConfig"]["InstanceCount"],
        "instance_type": description["ResourceConfig"]["InstanceType"],
        "created_at": _as_text(description.get("CreationTime")),
        "is_spot": bool(description.get("EnableManagedSpotTraining")),
        "billable_seconds": description.get("BillableTimeInSeconds"),
        "training_seconds": description.get("TrainingTimeInSeconds"),
        "seconds": seconds_between(description.get("CreationTime"), description.get("TrainingEndTime")),
        "metrics": {metric["MetricName"]: metric["Value"] for metric in metrics},
    }


def artifact_uris(description: Description) -> dict[str, str]:
    """Return where a job's model and output lie: archives, or folders that end with a slash.

    From the request, as a job that writes no model has no ModelArtifacts:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html
    """
    output = description["OutputDataConfig"]
    folder = f"{output['S3OutputPath'].rstrip('/')}/{description['TrainingJobName']}/output"
    if output.get("CompressionType") == "NONE":
        return {"model_uri": f"{folder}/model/", "output_uri": f"{folder}/data/"}
    return {"model_uri": f"{folder}/model.tar.gz", "output_uri": f"{folder}/output.tar.gz"}


def _as_text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds from start to end, or None where AWS gave only one of them."""
    return round((end - start).total_seconds(), 3) if start and end else None
