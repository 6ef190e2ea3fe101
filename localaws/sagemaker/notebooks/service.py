"""The notebook instances that are on in this localaws, or change."""

from collections.abc import Iterator
from typing import Any

from localaws.context import current
from localaws.sagemaker.background import RunningJobs
from localaws.sagemaker.notebooks.description import describe_notebooks
from localaws.sagemaker.notebooks.presigned import Door
from localaws.sagemaker.notebooks.runner import ChangeRunner, NotebookRunner


class NotebookService(RunningJobs[NotebookRunner | ChangeRunner]):
    """Keep the runner of every instance that is not at rest."""

    ABORT_S = 15.0

    def find_door(self, arn: str) -> Door | None:
        """Return where an instance is entered; None where it is off."""
        runner = self.running().get(arn)
        return None if runner is None else runner.door

    def describe(self) -> dict[str, Iterator[dict[str, Any]]]:
        """Return the instances for the status page."""
        return {"notebooks": describe_notebooks(self.pids())}


def notebook_service() -> NotebookService:
    """Return the service of the running localaws."""
    return current().find_service(NotebookService)
