"""Wait for Lambda functions."""

import logging
from typing import Any

from musher.hooks.functions import MusherLambdaHook
from musher.hooks.waits import name_subject
from musher.triggers.waits import WaitTrigger

logger = logging.getLogger(__name__)


class FunctionReadyTrigger(WaitTrigger):
    """Wait until a function is active and its last update is through."""

    aws_hook_class = MusherLambdaHook
    waiter = "FunctionReady"


class FunctionProvisionedTrigger(WaitTrigger):
    """Wait until the environments that a version is to keep have started."""

    aws_hook_class = MusherLambdaHook
    waiter = "FunctionProvisioned"
    _started = 0

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Show how many environments have started, once per number."""
        started = answer.get("AllocatedProvisionedConcurrentExecutions", 0)
        if started != self._started:
            wanted = answer["RequestedProvisionedConcurrentExecutions"]
            logger.info(
                "%s: %s of %s environments have started", name_subject(self.arguments), started, wanted
            )
            self._started = started
