"""Wait for SageMaker endpoints."""

import logging
from typing import Any

from musher import clock
from musher.hooks.endpoints import LEFT_ALONE
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import StatusLog
from musher.payloads.deployment_steps import add_steps
from musher.results import STEPS_KEY
from musher.triggers.waits import WaitTrigger

logger = logging.getLogger(__name__)


class EndpointReadyTrigger(WaitTrigger):
    """Wait until an endpoint is in service, or never will be; its operator compares the configuration."""

    aws_hook_class = MusherSageMakerHook
    waiter = "EndpointReady"
    status: StatusLog | None = None

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the status where it has changed; note each step in `carried`, where that has steps."""
        self.status = self.status or StatusLog(subject=self.arguments["EndpointName"])
        self.status.show(answer["EndpointStatus"])
        if STEPS_KEY in self.carried:
            self.carried[STEPS_KEY] = add_steps(self.carried[STEPS_KEY], answer, seen_at=clock.now())

    async def on_kill(self) -> None:
        """Say what becomes of the endpoint when a person marks the deferred task failed, or clears it."""
        status = self.status.last if self.status else "not seen yet"
        logger.warning(
            "%s is %s: the wait was cancelled; %s", self.arguments["EndpointName"], status, LEFT_ALONE
        )


class EndpointGoneTrigger(EndpointReadyTrigger):
    """Wait until an endpoint no longer exists."""

    waiter = "EndpointGone"
