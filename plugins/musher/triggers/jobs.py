"""Wait for SageMaker jobs: show their progress and log; let a person's cancel stop them."""

import json
import logging
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.hooks.sagemaker import (
    secondary_training_status_changed,
    secondary_training_status_message,
)
from botocore.exceptions import BotoCoreError, ClientError

from musher import names
from musher.hooks import sharing
from musher.hooks.answers import with_whole_answers
from musher.hooks.calls import hold_async
from musher.hooks.logs import LogTail, show
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import StatusLog, name_subject
from musher.triggers.cancelling import CancellingTrigger
from musher.triggers.waits import FAILURE, WaitEnd

if TYPE_CHECKING:
    from musher.triggers.polling.job_listing import ListPage
    from musher.triggers.polling.job_watch import JobWatch
    from musher.triggers.polling.poller import JobSource

logger = logging.getLogger(__name__)


class JobTrigger(CancellingTrigger):
    """Wait for a job's end, and stop it with its task.

    `carried["waiting_tag"]` is set for a job that runs share: it is stopped only where no other run waits.
    All waits of a process for this kind of job share clients, and in a crowd one list: docs/adr/055.
    """

    aws_hook_class = MusherSageMakerHook
    member: ClassVar[str]
    """What AWS's members of the job begin with: `TrainingJob`."""
    watch: "JobWatch"

    async def open_looks(self, stack: AsyncExitStack) -> "JobWatch":
        """Watch the job together with the process's other waits for its kind."""
        from musher.triggers.polling.poller import watch_job  # not for the DAG's parse

        key = (self.member, json.dumps(self.connection, sort_keys=True, default=str))
        watching = watch_job(key, self.make_source, arguments=self.arguments, delay_s=self.delay_s)
        self.watch = await stack.enter_async_context(watching)
        await self.watch.client()  # a connection that Airflow does not have fails the try here
        return self.watch

    def make_source(self) -> "JobSource":
        """Return where all waits for this kind of job look; it must not hold this one."""
        from musher.triggers.polling.poller import JobSource  # not for the DAG's parse

        hook, waiter = self.hook, self.waiter
        return JobSource(
            member=self.member,
            open_client=hook.get_async_conn,
            open_logs=with_whole_answers(AwsLogsHook(**self.connection)).get_async_conn,
            make_waiter=lambda client: hook.get_waiter(waiter, deferrable=True, client=client),
            list_page=self.list_page,
        )

    @staticmethod
    @abstractmethod
    def list_page(client: Any) -> "ListPage":
        """Return the client's action that lists jobs of this kind."""

    async def _cancel(self, client: Any) -> None:
        subject = name_subject(self.arguments)
        arn = str((await self.describe(client))[self.id_key])
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
    _is_told_where = False

    @abstractmethod
    def log_status(self, answer: dict[str, Any]) -> None:
        """Log the job's state where it has changed."""

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the state, and the new lines unless too many wait."""
        self.log_status(answer)
        if self.watch.is_in_crowd:
            self._tell_where()
        else:
            await self._show_lines()

    async def log_last(self, end: WaitEnd) -> None:
        """Log the last state and lines; in a crowd, lines only of a job that failed, and within the rate."""
        is_shown = not self.watch.is_in_crowd or (end.outcome == FAILURE and self.watch.may_describe())
        try:
            if is_shown:
                self.log_status(await self.describe(await self.watch.client()))
                await self._show_lines()
            else:
                self.log_status(self.watch.summary or {})
                self._tell_where()
        except (ClientError, BotoCoreError) as error:  # the operator looks again
            logger.warning("%s: cannot show the end: %s", name_subject(self.arguments), error)

    async def _show_lines(self) -> None:
        """Show the lines that are new."""
        self.tail = self.tail or LogTail(group=self.log_group, prefix=f"{self._job_name}/")
        show(await self.tail.read_async(await self.watch.logs()))

    def _tell_where(self) -> None:
        """Say once where the lines are that are not shown."""
        if not self._is_told_where:
            self._is_told_where = True
            logger.info(
                "%s: many jobs are waited for here, so its lines are not followed: log group %s, streams %s/",
                self._job_name,
                self.log_group,
                self._job_name,
            )

    @property
    def _job_name(self) -> str:
        return str(self.arguments[self.name_key])


class TrainingJobTrigger(LoggedJobTrigger):
    """Wait for a training job's end, showing its transitions and its containers' new lines."""

    waiter = "TrainingJobEnded"
    member = "TrainingJob"
    id_key = "TrainingJobArn"
    name_key = "TrainingJobName"
    log_group = names.TRAINING_LOG_GROUP
    seen: Mapping[str, Any] = MappingProxyType({})
    status: StatusLog | None = None

    def log_status(self, answer: dict[str, Any]) -> None:
        """Log the job's transition; a list's summary names its state alone."""
        if "SecondaryStatusTransitions" not in answer:
            self.status = self.status or StatusLog(subject=self._job_name)
            self.status.show(answer.get("SecondaryStatus") or answer.get("TrainingJobStatus", ""))
            return
        if secondary_training_status_changed(answer, dict(self.seen)):
            message = secondary_training_status_message(answer, dict(self.seen))
            logger.info("%s: %s", answer["TrainingJobName"], message)
        self.seen = answer

    @staticmethod
    def list_page(client: Any) -> "ListPage":
        """Return the client's action that lists such jobs."""
        found: ListPage = client.list_training_jobs
        return found

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
    member = "ProcessingJob"
    id_key = "ProcessingJobArn"
    name_key = "ProcessingJobName"
    log_group = names.PROCESSING_LOG_GROUP
    status: StatusLog | None = None

    def log_status(self, answer: dict[str, Any]) -> None:
        """Log the status where it has changed."""
        self.status = self.status or StatusLog(subject=self._job_name)
        self.status.show(answer.get("ProcessingJobStatus", ""))

    @staticmethod
    def list_page(client: Any) -> "ListPage":
        """Return the client's action that lists such jobs."""
        found: ListPage = client.list_processing_jobs
        return found

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
    member = "HyperParameterTuningJob"
    id_key = "HyperParameterTuningJobArn"
    status: StatusLog | None = None

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the status and the trials' states where they have changed."""
        self.status = self.status or StatusLog(subject=self.arguments["HyperParameterTuningJobName"])
        counters = answer.get("TrainingJobStatusCounters") or {}
        detail = ", ".join(f"{count} {state}" for state, count in counters.items() if count)
        self.status.show(answer["HyperParameterTuningJobStatus"], detail)

    @staticmethod
    def list_page(client: Any) -> "ListPage":
        """Return the client's action that lists such jobs."""
        found: ListPage = client.list_hyper_parameter_tuning_jobs
        return found

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
    member = "TransformJob"
    id_key = "TransformJobArn"
    status: StatusLog | None = None

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the status where it has changed."""
        self.status = self.status or StatusLog(subject=self.arguments["TransformJobName"])
        self.status.show(answer["TransformJobStatus"])

    @staticmethod
    def list_page(client: Any) -> "ListPage":
        """Return the client's action that lists such jobs."""
        found: ListPage = client.list_transform_jobs
        return found

    async def describe(self, client: Any) -> dict[str, Any]:
        """Return the job's description."""
        answer: dict[str, Any] = await client.describe_transform_job(**self.arguments)
        return answer

    async def stop(self, client: Any) -> None:
        """Ask for the job's end."""
        await client.stop_transform_job(**self.arguments)
