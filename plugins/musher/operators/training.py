"""Run a SageMaker training job that a retried task finds again."""

import logging
from datetime import datetime
from typing import Any, cast

from airflow.providers.amazon.aws.hooks.sagemaker import (
    secondary_training_status_changed,
    secondary_training_status_message,
)
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
from airflow.sdk import Context
from botocore.exceptions import ClientError

from musher import names
from musher.errors import JobFailedError, PayloadError
from musher.hooks.connection import logs_hook, s3_hook
from musher.hooks.logs import LogTail, last_lines
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import wait_until
from musher.operators.base import InstallationMixin, fail_without_retry
from musher.payloads.training import rename_training_job

log = logging.getLogger(__name__)

GRACE_S = 3600
"""What a job may take beyond MaxRuntimeInSeconds, which counts neither queueing, downloads nor uploads."""

ENDED_BADLY = ("Failed", "Stopped")


class RunTrainingJobOperator(InstallationMixin, SageMakerTrainingOperator):
    """Start the training job of `config`, or adopt it where it exists, and wait for its end.

    Closes these traps of the provider's operator:
    - a retry makes a new name, a second paid job: here the name is the run's own, a live or completed job is
      adopted, and only a person who clears the task starts the next attempt (`-2`, `-3`, ...);
    - a killed task leaves the job running and billing: here on_kill stops it;
    - a deferred task gives up after 1,800 s while the job bills on, and on_kill never runs while deferred:
      here the wait is as long as the job may run, and always in the worker;
    - completion is looked for every 30 s at most: here every MUSHER_POLL_INTERVAL_S.
    """

    aws_hook_class = MusherSageMakerHook

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """Take the CreateTrainingJob request (templated, so also an earlier task's result)."""
        super().__init__(config=config, deferrable=False, **kwargs)
        self.live_job: str | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the job's name, artefact addresses, times and final metrics."""
        with fail_without_retry():
            name = self.adopt_or_create(self.config, is_asked_again=is_first_try(context))
            self.live_job = name
            description = self.wait(name)
            self.live_job = None
            return summarise(description)

    def on_kill(self) -> None:
        """Stop the job that this task waits for."""
        if self.live_job:
            log.warning("%s: task was killed, stopping the job", self.live_job)
            self._stop(self.live_job)

    @property
    def sagemaker(self) -> MusherSageMakerHook:
        """Return the hook as what `aws_hook_class` makes it."""
        return cast(MusherSageMakerHook, self.hook)

    def adopt_or_create(self, request: dict[str, Any], *, is_asked_again: bool) -> str:
        """Return the name of the job to wait for, having started it if there is none yet."""
        latest = self._latest_attempt(request["TrainingJobName"])
        if latest is None:
            return self._create(request)
        name, status = latest["TrainingJobName"], latest["TrainingJobStatus"]
        if status not in ENDED_BADLY:
            log.info("%s: adopted, %s", name, status)
            return str(name)
        if not is_asked_again:
            raise self._failure(latest)
        log.info("%s: %s earlier, and the task was cleared: starting the next attempt", name, status)
        return self._create(rename_training_job(request, job_name=names.next_attempt(name)))

    def wait(self, name: str) -> dict[str, Any]:
        """Wait for the job's end, log its transitions and containers' lines, return its description."""
        tail = self._tail(name)
        seen: dict[str, Any] = {}

        def show(description: dict[str, Any]) -> None:
            if secondary_training_status_changed(description, seen):
                log.info("%s: %s", name, secondary_training_status_message(description, seen))
            seen.update(description)
            tail.show()

        timeout_s = self.config["StoppingCondition"]["MaxRuntimeInSeconds"] + GRACE_S
        is_completed = self._wait_for_end(name, timeout_s, show)
        description: dict[str, Any] = self.sagemaker.conn.describe_training_job(TrainingJobName=name)
        show(description)
        if not is_completed:
            raise self._failure(description, tail)
        return description

    def _latest_attempt(self, name: str) -> dict[str, Any] | None:
        """Return the description of the last of job, job-2, job-3, ... that exists."""
        latest = None
        while description := self.sagemaker.find_training_job(name):
            latest, name = description, names.next_attempt(name)
        return latest

    def _create(self, request: dict[str, Any]) -> str:
        """Start the job; where another try was quicker, that one's is ours too."""
        name = str(request["TrainingJobName"])
        self._check_channels(request)
        try:
            self.sagemaker.conn.create_training_job(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUse":
                raise
            log.info("%s: exists already, adopted", name)
        else:
            log.info("%s: started on %s", name, request["ResourceConfig"])
        return name

    def _check_channels(self, request: dict[str, Any]) -> None:
        """Refuse channels without a single object, before anything is paid for."""
        s3 = s3_hook(self.settings).get_conn()
        for channel in request["InputDataConfig"]:
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            bucket, prefix = names.split_s3_uri(uri)
            if not s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"):
                raise PayloadError(
                    f"Channel {channel['ChannelName']!r} has no object under {uri}. Stage the data set again."
                )

    def _wait_for_end(self, name: str, timeout_s: float, show: Any) -> bool:
        try:
            return wait_until(
                self.sagemaker.get_waiter("TrainingJobEnded"),
                arguments={"TrainingJobName": name},
                delay_s=self.settings.poll_interval_s,
                timeout_s=timeout_s,
                on_response=show,
            )
        except TimeoutError as error:
            self._stop(name)
            raise JobFailedError(f"{error}; the job was told to stop. Raise max_runtime_s.") from error

    def _stop(self, name: str) -> None:
        """Ask for the job's end; one that has ended already answers ValidationException."""
        try:
            self.sagemaker.conn.stop_training_job(TrainingJobName=name)
        except ClientError as error:
            log.warning("%s: not stopped: %s", name, error)

    def _tail(self, name: str) -> LogTail:
        return LogTail(hook=logs_hook(self.settings), group=names.TRAINING_LOG_GROUP, prefix=f"{name}/")

    def _failure(self, description: dict[str, Any], tail: LogTail | None = None) -> JobFailedError:
        """Return the error that says why the job ended, its last log lines, and what to do."""
        name = description["TrainingJobName"]
        reason = description.get("FailureReason") or description.get("SecondaryStatus") or "no reason given"
        return JobFailedError(
            f"Training job {name} is {description['TrainingJobStatus']}: {reason}\n"
            f"Last lines of its log ({names.TRAINING_LOG_GROUP}, {name}/):\n"
            f"{last_lines(tail or self._tail(name))}\n"
            "Correct the cause, then clear this task: that starts the next attempt."
        )


def is_first_try(context: Context) -> bool:
    """Say whether a person, not an automatic retry, started this try: at trigger time or by clearing.

    Clearing a task raises max_tries by as many retries as the task has, counted from the last try.
    """
    instance = context["ti"]
    return bool(instance.try_number == instance.max_tries - (instance.task.retries or 0) + 1)


def summarise(description: dict[str, Any]) -> dict[str, Any]:
    """Return the ids and small numbers that later stages need from DescribeTrainingJob's answer."""
    model_uri = description["ModelArtifacts"]["S3ModelArtifacts"]
    metrics = description.get("FinalMetricDataList") or []
    return {
        "job_name": description["TrainingJobName"],
        "status": description["TrainingJobStatus"],
        "model_uri": model_uri,
        "output_uri": model_uri.removesuffix("model.tar.gz") + "output.tar.gz",
        "instances": description["ResourceConfig"]["InstanceCount"],
        "instance_type": description["ResourceConfig"]["InstanceType"],
        "billable_seconds": description.get("BillableTimeInSeconds"),
        "training_seconds": description.get("TrainingTimeInSeconds"),
        "seconds": seconds_between(description.get("CreationTime"), description.get("TrainingEndTime")),
        "metrics": {metric["MetricName"]: metric["Value"] for metric in metrics},
    }


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds from start to end, or None where AWS gave only one of them."""
    return round((end - start).total_seconds(), 3) if start and end else None
