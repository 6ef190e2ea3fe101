"""The life of the files of log events: a folder made at the start, and gone at the end."""

import shutil
from pathlib import Path

from localaws.asgi import Router
from localaws.cloudwatch_logs.events import FOLDER


class LogService:
    """The folder of all events."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "logs"
        FOLDER.use(self._folder)

    def register(self, router: Router) -> None:
        """Have no routes: moto's actions read the events."""

    async def stop(self) -> None:
        """Remove the files: moto's lists of streams end with the process."""
        shutil.rmtree(self._folder, ignore_errors=True)
