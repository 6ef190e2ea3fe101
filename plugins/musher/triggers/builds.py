"""Wait for CodeBuild."""

from typing import Any

from musher.hooks.builds import MusherCodeBuildHook
from musher.hooks.waits import StatusLog
from musher.triggers.waits import WaitTrigger


class BuildCompleteTrigger(WaitTrigger):
    """Wait for a build's end, whatever it is; its operator looks for the image.

    A person's cancel leaves the build: its project bounds it to 30 minutes, and its image serves other runs.
    """

    aws_hook_class = MusherCodeBuildHook
    waiter = "BuildComplete"
    status: StatusLog | None = None

    async def log_progress(self, answer: dict[str, Any]) -> None:
        """Log the phase where it has changed."""
        [build] = answer["builds"]
        self.status = self.status or StatusLog(subject=build["id"])
        self.status.show(build.get("currentPhase", ""))
