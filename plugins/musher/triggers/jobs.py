"""Wait for SageMaker jobs: show their progress and log; let a person's cancel stop them."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any, ClassVar

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.hooks.sagemaker import (
    secondary_training_status_changed,
    secondary_training_status_message,
)
from asgiref.sync import sync_to_async
from botocore.exceptions import BotoCoreError, ClientError

from musher import names
from musher.hooks import sharing
from musher.hooks.calls import hold_async
from musher.hooks.logs import LogTail, show
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import StatusLog, name_subject
from musher.triggers.waits import WaitTrigger

logger = logging.getLogger(__name__)

KILL_S = 20.0
"""How long stopping a job may take; the triggerer gives on_kill 30 s ([triggerer] on_kill_timeout)."""


class JobTrigger(WaitTrigger):
    """Wait for a job's end; stop it when a person marks the deferred task failed or succeeded, or clears it.

    Airflow calls on_kill for that alone, not when a triggerer shuts down or its triggers move:
    https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/deferring.html
    `carried["waiting_tag"]` is set for a job that runs share: it is stopped only where no other run waits.
    """

    aws_hook_class = MusherSageMakerHook
    arn_key: ClassVar[str]

    async def on_kill(self) -> None:
        """Stop the job, unless its task waits all the same: another triggerer has taken the wait."""
        if await self._is_still_deferred():
            logger.warning(
                "%s: another triggerer waits for it, nothing is stopped", name_subject(self.arguments)
            )
            return
        async with asyncio.timeout(KILL_S), await self.hook.get_async_conn() as client:
            try:
                await self._cancel(client)
            except ClientError as error:  # ValidationException says that it has ended already
                logger.warning("%s: not stopped: %s", name_subject(self.arguments), error)

    async def _is_still_deferred(self) -> bool:
        """Return whether Airflow says that the task is deferred; without an answer it is taken as not.

        A triggerer that missed its heartbeats loses its triggers to another one, and then cancels them as if
        a person had.
        """
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance  # not for the DAG's parse

        ti: Any = self.task_instance
        if ti is None:
            return False
        try:
            states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
                dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
            )
        except Exception as error:  # noqa: BLE001  # whatever it is: what costs must not go on for it
            logger.warning("%s: its task's state is not known: %s", name_subject(self.arguments), error)
            return False
        return bool(states.get(ti.run_id, {}).get(ti.task_id) == "deferred")

    async def _cancel(self, client: Any) -> None:
        subject = name_subject(self.arguments)
        arn = str((await self.describe(client))[self.arn_key])
        tag = self.carried.get("waiting_tag")
        if tag is None:
            await self._mark(client, arn)
        elif not await hold_async(client, sharing.leave(arn=arn, tag=tag)):
            logger.warning("%s: the task was killed, but another run waits for this job", subject)
            return
        logger.warning("%s: the task was killed by a person, stopping the job", subject)
        await self.stop(client)

    async def _mark(self, client: Any, arn: str) -> None:
        try:
            await hold_async(client, sharing.mark_stopped(arn=arn))
        except ClientError as error:  # the job costs, the mark only helps
            logger.warning("%s: not marked as cancelled: %s", arn, error)

    @abstractmethod
    async def describe(self, client: Any) -> dict[str, Any]:
        """Return the job's description."""

    @abstractmethod
    async def stop(self, client: Any) -> None:
        """Ask for the job's end."""


class LoggedJobTrigger(JobTrigger):
    """Wait for a job's end, showing its containers' new lines.

    A triggerer that takes over shows the log again from its beginning, in a log file of its own: Airflow
    keeps no state of a trigger that runs.
    """

    name_key: ClassVar[str]
    log_group: ClassVar[str]
    tail: LogTail | None = None
    logs: Any = None

    async def open_log(self, stack: AsyncExitStack) -> None:
        """Open the job's log."""
        hook = AwsLogsHook(**self.connection)
        self.logs = await stack.enter_async_context(
            await hook.get_async_conn()  # type: ignore[no-untyped-call]  # the provider's is untyped
        )
        self.tail = LogTail(group=self.log_group, prefix=f"{self.arguments[self.name_key]}/")

    @abstractmethod
    def log_status(self, answer: dict[str, Any]) -> None:
        """Log the job's state where it has changed."""

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the state and lines."""
        self.log_status(answer)
        if self.tail:
            show(await self.tail.read_async(self.logs))

    async def log_last(self, client: Any) -> None:
        """Log the last state and lines."""
        try:
            await self.log_progress(await self.describe(client))
        except (ClientError, BotoCoreError) as error:  # the operator looks again
            logger.warning("%s: cannot show the end: %s", name_subject(self.arguments), error)


class TrainingJobTrigger(LoggedJobTrigger):
    """Wait for a training job's end, showing its transitions and its containers' new lines."""

    waiter = "TrainingJobEnded"
    arn_key = "TrainingJobArn"
    name_key = "TrainingJobName"
    log_group = names.TRAINING_LOG_GROUP
    seen: Mapping[str, Any] = MappingProxyType({})

    def log_status(self, answer: dict[str, Any]) -> None:
        """Log the job's transition."""
        if secondary_training_status_changed(answer, dict(self.seen)):
            message = secondary_training_status_message(answer, dict(self.seen))
            logger.info("%s: %s", answer["TrainingJobName"], message)
        self.seen = answer

    async def describe(self, client: Any) -> dict[str, Any]:
        """Return the job's description."""
        answer: dict[str, Any] = await client.describe_training_job(**self.arguments)
        return answer

    async def stop(self, client: Any) -> None:
        """Ask for the job's end."""
        await client.stop_training_job(**self.arguments)


class ProcessingJobTrigger(LoggedJobTrigger):
    """Wait for a processing job's end, showing its status and its containers' new lines."""

    waiter = "ProcessingJobEnded"
    arn_key = "ProcessingJobArn"
    name_key = "ProcessingJobName"
    log_group = names.PROCESSING_LOG_GROUP
    status: StatusLog | None = None

    def log_status(self, answer: dict[str, Any]) -> None:
        """Log the status where it has changed."""
        self.status = self.status or StatusLog(subject=self.arguments["ProcessingJobName"])
        self.status.show(answer["ProcessingJobStatus"])

    async def describe(self, client: Any) -> dict[str, Any]:
        """Return the job's description."""
        answer: dict[str, Any] = await client.describe_processing_job(**self.arguments)
        return answer

    async def stop(self, client: Any) -> None:
        """Ask for the job's end."""
        await client.stop_processing_job(**self.arguments)


class TuningJobTrigger(JobTrigger):
    """Wait for a tuning job's end, showing how many trials are in which state."""

    waiter = "TuningJobEnded"
    arn_key = "HyperParameterTuningJobArn"
    status: StatusLog | None = None

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the status and the trials' states where they have changed."""
        self.status = self.status or StatusLog(subject=self.arguments["HyperParameterTuningJobName"])
        counters = answer.get("TrainingJobStatusCounters") or {}
        detail = ", ".join(f"{count} {state}" for state, count in counters.items() if count)
        self.status.show(answer["HyperParameterTuningJobStatus"], detail)

    async def describe(self, client: Any) -> dict[str, Any]:
        """Return the job's description."""
        answer: dict[str, Any] = await client.describe_hyper_parameter_tuning_job(**self.arguments)
        return answer

    async def stop(self, client: Any) -> None:
        """Ask for the job's end, and with it the trials'."""
        await client.stop_hyper_parameter_tuning_job(**self.arguments)


class TransformJobTrigger(JobTrigger):
    """Wait for a batch transform job's end, showing its status."""

    waiter = "TransformJobEnded"
    arn_key = "TransformJobArn"
    status: StatusLog | None = None

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the status where it has changed."""
        self.status = self.status or StatusLog(subject=self.arguments["TransformJobName"])
        self.status.show(answer["TransformJobStatus"])

    async def describe(self, client: Any) -> dict[str, Any]:
        """Return the job's description."""
        answer: dict[str, Any] = await client.describe_transform_job(**self.arguments)
        return answer

    async def stop(self, client: Any) -> None:
        """Ask for the job's end."""
        await client.stop_transform_job(**self.arguments)
