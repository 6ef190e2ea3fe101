"""Wait for SageMaker endpoints."""

from typing import Any

from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import StatusLog
from musher.triggers.waits import WaitTrigger


class EndpointReadyTrigger(WaitTrigger):
    """Wait until an endpoint is in service, or never will be; its operator compares the configuration."""

    aws_hook_class = MusherSageMakerHook
    waiter = "EndpointReady"
    status: StatusLog | None = None

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the status where it has changed."""
        self.status = self.status or StatusLog(subject=self.arguments["EndpointName"])
        self.status.show(answer["EndpointStatus"])


class EndpointGoneTrigger(EndpointReadyTrigger):
    """Wait until an endpoint no longer exists."""

    waiter = "EndpointGone"
