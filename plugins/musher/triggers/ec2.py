"""Wait for a training job on an EC2 instance: show its log, notice that it never began."""

import logging
from contextlib import AsyncExitStack
from typing import Any

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from botocore.exceptions import BotoCoreError, ClientError

from musher import clock
from musher.hooks.answers import with_whole_answers
from musher.hooks.ec2 import GONE, MusherEc2Hook
from musher.hooks.logs import LogTail, show
from musher.hooks.waits import StatusLog, name_subject
from musher.triggers.cancelling import CancellingTrigger
from musher.triggers.waits import OwnLooks, WaitEnd

logger = logging.getLogger(__name__)


class InstanceJobTrigger(CancellingTrigger):
    """Wait until the instance is gone, showing its state and the job's lines.

    `carried` holds the job's name, its `log_group`, and `boot_deadline` (seconds since 1970): an instance
    whose log has no line by then has not booted, or reaches neither S3 nor the logs, and costs for nothing.
    """

    aws_hook_class = MusherEc2Hook
    waiter = "InstanceEnded"
    id_key = "InstanceId"
    status: StatusLog | None = None
    logs: Any
    client: Any
    tail: LogTail
    has_spoken: bool | None = None
    """None where the log could not be read and had no line before: then nothing is known."""

    async def open_looks(self, stack: AsyncExitStack) -> OwnLooks:
        """Open the job's log and EC2."""
        self.logs = await stack.enter_async_context(
            await with_whole_answers(AwsLogsHook(**self.connection)).get_async_conn()  # type: ignore[no-untyped-call]  # the provider's is untyped
        )
        name = self.carried["record"]["job_name"]
        self.tail = LogTail(group=self.carried["log_group"], prefix=f"{name}/")
        self.client = await stack.enter_async_context(await self.hook.get_async_conn())
        waiter = self.hook.get_waiter(self.waiter, deferrable=True, client=self.client)
        return OwnLooks(waiter, self.arguments)

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the state and lines; note whether there are any."""
        self.log_status(answer)
        self.has_spoken = self.has_spoken or None
        show(await self.tail.read_async(self.logs))
        self.has_spoken = bool(self.tail.last)

    async def log_last(self, end: WaitEnd) -> None:
        """Log the last state and lines."""
        try:
            await self.log_progress(await self.describe(self.client))
        except (ClientError, BotoCoreError) as error:  # the operator looks again
            logger.warning("%s: cannot show the end: %s", name_subject(self.arguments), error)

    async def find_end(self) -> str:
        """Return that the instance has said nothing in time, where that is so."""
        if self.has_spoken is not False or clock.now() < float(self.carried["boot_deadline"]):
            return ""
        return f"{name_subject(self.arguments)} wrote nothing to its log in time"

    def log_status(self, answer: dict[str, Any]) -> None:
        """Log the state where it has changed."""
        for reservation in answer.get("Reservations", []):
            for instance in reservation["Instances"]:
                self.status = self.status or StatusLog(subject=instance["InstanceId"])
                reason = instance.get("StateReason") or {}
                self.status.show(instance["State"]["Name"], reason.get("Message", ""))

    async def describe(self, client: Any) -> dict[str, Any]:
        """Return the instance as EC2 describes it; without one where it is forgotten."""
        try:
            answer: dict[str, Any] = await client.describe_instances(**self.arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != GONE:
                raise
            return {"Reservations": []}
        return answer

    async def _cancel(self, client: Any) -> None:
        from musher.payloads.ec2_jobs import cancelled_tags  # not for the DAG's parse

        subject = name_subject(self.arguments)
        try:
            await client.create_tags(Resources=self.arguments["InstanceIds"], Tags=cancelled_tags())
        except ClientError as error:  # the instance costs, the mark only helps
            logger.warning("%s: not marked as cancelled: %s", subject, error)
        logger.warning("%s: the task was killed by a person, terminating", subject)
        await self.stop(client)

    async def stop(self, client: Any) -> None:
        """Terminate the instance."""
        await client.terminate_instances(**self.arguments)
