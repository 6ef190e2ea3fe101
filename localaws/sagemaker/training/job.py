"""A training job's state: moto's object, with an explicit table of what may follow what."""

import copy
import math
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.sagemaker.models import FakeTrainingJob

from localaws.clock import naive_utc
from localaws.sagemaker.training.spec import DEFAULT_MAX_RUNTIME_S, Channel, Checkpoints, TrainingSpec

TRANSITIONS: dict[str, frozenset[str]] = {
    "Starting": frozenset({"Downloading", "Stopping", "Failed"}),
    "Downloading": frozenset({"Training", "Stopping", "Failed"}),
    "Training": frozenset({"Uploading", "Interrupted", "Stopping", "Failed"}),
    "Interrupted": frozenset({"Starting", "Stopping", "Failed"}),
    "Uploading": frozenset({"Completed", "Stopping", "Failed"}),
    "Stopping": frozenset({"Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded", "Failed"}),
    "Completed": frozenset(),
    "Failed": frozenset(),
    "Stopped": frozenset(),
    "MaxRuntimeExceeded": frozenset(),
    "MaxWaitTimeExceeded": frozenset(),
}
"""SecondaryStatus: what may follow. Spot instances that are lost lead back to Starting:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training-status.html"""

STATUS = {
    "Starting": "InProgress",
    "Downloading": "InProgress",
    "Training": "InProgress",
    "Interrupted": "InProgress",
    "Uploading": "InProgress",
    "Stopping": "Stopping",
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "MaxWaitTimeExceeded": "Stopped",
}
"""TrainingJobStatus for each SecondaryStatus (API_DescribeTrainingJob)."""

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Managed spot training instances were interrupted",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}
SPOT_PRICE_RATIO = 0.3
"""What a second on a spot instance costs here, as a part of one on demand; AWS's own changes with the market
(up to 90 % are saved: https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html)."""
PRIVATE = ("Lock", "ClockNow", "UsedS", "InstancesSince")
"""Attributes that moto's answer must not show."""
TERMINAL = frozenset(name for name, following in TRANSITIONS.items() if not following)


class LocalTrainingJob(FakeTrainingJob):
    """moto's training job, in motion. Times are naive UTC, as everywhere in moto.

    Public attributes are the answer of DescribeTrainingJob: moto turns their names into CamelCase.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        environment: dict[str, str] | None,
        retry_strategy: dict[str, int] | None,
        **request: Any,
    ) -> None:
        algorithm = request["algorithm_specification"]
        super().__init__(**request | {"algorithm_specification": dict(algorithm)})
        self.algorithm_specification = algorithm  # moto puts a metric of its own in the place of the user's
        self.hyper_parameters = request["hyper_parameters"] or {}
        self.environment = environment
        self.retry_strategy = retry_strategy
        self.stopping_condition = {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_S} | (
            request["stopping_condition"] or {}
        )
        self.model_artifacts: Any = None
        self.final_metric_data_list: Any = None
        self.failure_reason: str | None = None
        self.training_start_time: Any = None
        self.training_end_time: Any = None
        self.training_time_in_seconds: int | None = None
        self.billable_time_in_seconds: int | None = None
        self._used_s = 0.0
        self._instances_since: datetime | None = None
        self._clock_now = now
        self._lock = threading.RLock()
        self._begin()

    def _begin(self) -> None:
        self.creation_time = self.now()
        self.secondary_status_transitions: list[dict[str, Any]] = []
        self._record("Starting", now=self.creation_time)

    def now(self) -> datetime:
        """Return the clock's time as moto keeps times."""
        return naive_utc(self._clock_now())

    def advance(self, secondary_status: str) -> bool:
        """Move to a state if the table allows it; return whether it does."""
        with self._lock:
            if secondary_status not in TRANSITIONS[self.secondary_status]:
                return False
            now = self.now()
            self.secondary_status_transitions[-1]["EndTime"] = now
            self._record(secondary_status, now=now)
            return True

    def _record(self, secondary_status: str, *, now: datetime) -> None:
        self.secondary_status = secondary_status
        self.training_job_status = STATUS[secondary_status]
        self.last_modified_time = now
        transition = {
            "Status": secondary_status,
            "StartTime": now,
            "StatusMessage": MESSAGES[secondary_status],
        }
        if secondary_status in TERMINAL:
            transition["EndTime"] = now
        self.secondary_status_transitions.append(transition)

    def start_billing(self) -> None:
        """Record that instances are there, and begin to download: TrainingStartTime, at the first time."""
        with self._lock:
            self._instances_since = self.now()
            if self.training_start_time is None:
                self.training_start_time = self._instances_since

    def pause_billing(self) -> None:
        """Count the time of instances that are gone; pausing twice counts it once."""
        with self._lock:
            if self._instances_since is not None:
                self._used_s += (self.now() - self._instances_since).total_seconds()
                self._instances_since = None

    def end_billing(self) -> None:
        """Record TrainingEndTime (once) and the seconds that instances were used.

        BillableTimeInSeconds is wall-clock time of the job; who wants money multiplies it by InstanceCount.
        For spot instances AWS lowers it by what is saved, which is 1 - Billable / Training
        (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html).
        """
        with self._lock:
            self.pause_billing()
            if self.training_start_time is None or self.training_end_time is not None:
                return
            self.training_end_time = self.now()
            self.training_time_in_seconds = max(1, math.ceil(self._used_s))
            ratio = SPOT_PRICE_RATIO if self.enable_managed_spot_training else 1.0
            self.billable_time_in_seconds = max(1, math.ceil(self._used_s * ratio))

    def fail(self, reason: str) -> None:
        """End as Failed with this FailureReason; a job that has ended already stays as it is."""
        with self._lock:
            if self.secondary_status not in TERMINAL:
                self.failure_reason = reason
                self.end_billing()
                self.advance("Failed")

    @property
    def response_object(self) -> dict[str, Any]:
        """Return the answer of DescribeTrainingJob."""
        with self._lock:
            response = super().response_object
            response = {name: value for name, value in response.items() if value is not None}
            return {name: copy.deepcopy(value) for name, value in response.items() if name not in PRIVATE}


def spec_of(job: LocalTrainingJob, *, account_id: str, region: str) -> TrainingSpec:
    """Return what the job is to do."""
    algorithm = job.algorithm_specification
    resources = job.resource_config
    return TrainingSpec(
        name=job.training_job_name,
        arn=job.arn,
        account_id=account_id,
        region=region,
        role_arn=job.role_arn,
        output_path=job.output_data_config["S3OutputPath"],
        output_compression=job.output_data_config.get("CompressionType") or "GZIP",
        hyperparameters=job.hyper_parameters,
        environment=job.environment or {},
        channels=tuple(
            Channel.from_request(channel, input_mode=algorithm["TrainingInputMode"])
            for channel in job.input_data_config or []
        ),
        instance_type=resources["InstanceType"],
        instance_count=resources["InstanceCount"],
        max_runtime_s=job.stopping_condition["MaxRuntimeInSeconds"],
        max_wait_s=job.stopping_condition.get("MaxWaitTimeInSeconds"),
        is_spot=bool(job.enable_managed_spot_training),
        checkpoints=Checkpoints.from_request(job.checkpoint_config),
        entrypoint=tuple(algorithm.get("ContainerEntrypoint") or ()),
        arguments=tuple(algorithm.get("ContainerArguments") or ()),
        metric_definitions=algorithm.get("MetricDefinitions") or (),
    )
