"""Let a person's cancel of a deferred task stop what the task waits for."""

import asyncio
import logging
from abc import abstractmethod
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from botocore.exceptions import ClientError

from musher.hooks.waits import name_subject
from musher.triggers.waits import WaitTrigger

logger = logging.getLogger(__name__)

KILL_S = 20.0
"""How long stopping a job may take; the triggerer gives on_kill 30 s ([triggerer] on_kill_timeout)."""


class CancellingTrigger(WaitTrigger):
    """Wait for what costs; stop it when a person marks the deferred task failed or succeeded, or clears it.

    Airflow calls on_kill for that alone, not when a triggerer shuts down or its triggers move:
    https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/deferring.html
    """

    id_key: ClassVar[str]
    """The member of the description by which tags are put on it: an ARN, or an instance's id."""

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

    @abstractmethod
    async def _cancel(self, client: Any) -> None:
        """Stop what is waited for."""
