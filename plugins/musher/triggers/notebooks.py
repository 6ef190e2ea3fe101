"""Wait for notebook instances."""

import logging
from typing import Any

from musher.hooks.notebooks import STATUS
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import StatusLog
from musher.triggers.waits import WaitTrigger

logger = logging.getLogger(__name__)


class NotebookReadyTrigger(WaitTrigger):
    """Wait until a notebook instance is in service, or will not be."""

    aws_hook_class = MusherSageMakerHook
    waiter = "NotebookReady"
    status: StatusLog | None = None

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the status where it has changed."""
        self.status = self.status or StatusLog(subject=self.arguments["NotebookInstanceName"])
        self.status.show(answer[STATUS])

    async def on_kill(self) -> None:
        """Say what becomes of the instance when a person marks the deferred task failed, or clears it."""
        status = self.status.last if self.status else "not seen yet"
        name = self.arguments["NotebookInstanceName"]
        logger.warning("%s is %s: the wait was cancelled; what is under way goes on", name, status)


class NotebookSettledTrigger(NotebookReadyTrigger):
    """Wait for the end of what a notebook instance is busy with."""

    waiter = "NotebookSettled"


class NotebookGoneTrigger(NotebookReadyTrigger):
    """Wait until a notebook instance no longer exists."""

    waiter = "NotebookGone"
