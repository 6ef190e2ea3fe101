"""The thread of one notebook instance that is on, or that something else happens to."""

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localaws.context import Context
from localaws.errors import ChildStartError, JobError
from localaws.functions.packages import remove_tree
from localaws.logs import LogStream
from localaws.sagemaker.background import GuardedJob
from localaws.sagemaker.failures import client_error
from localaws.sagemaker.notebooks import wording
from localaws.sagemaker.notebooks.container import Notebook
from localaws.sagemaker.notebooks.instance import LocalNotebookInstance
from localaws.sagemaker.notebooks.presigned import Door
from localaws.sagemaker.notebooks.spec import LOG_GROUP, NotebookSpec
from localaws.sagemaker.notebooks.states import DELETING, IN_SERVICE, STOPPED

logger = logging.getLogger(__name__)

START_S = 300.0
"""Real seconds in which the Jupyter server must answer, beside the time that scripts take: it takes two of a
processor's, which a busy machine may give it in minutes."""
LOOK_S = 0.1
"""Real seconds between two looks at an instance."""
CHANGE_S = 2.0
"""AWS seconds of an update, and of a deletion."""


class NotebookRunner(GuardedJob):
    """Switch an instance on, and keep it until `stop`."""

    def __init__(
        self, *, context: Context, instance: LocalNotebookInstance, spec: NotebookSpec, folder: Path
    ) -> None:
        super().__init__(title=f"notebook instance {spec.name}", job=instance)
        self._context = context
        self._instance = instance
        self._spec = spec
        self._machine = Notebook(spec=spec, folder=folder, context=context)
        self._stop, self._serving = threading.Event(), threading.Event()
        self._failed_hook: dict[str, Any] | None = None
        self._logs: dict[str, LogStream] = {}
        self._last_line = ""

    @property
    def door(self) -> Door | None:
        """Where the instance is entered; None while it is off."""
        return self._machine.door

    def stop(self) -> None:
        """Ask it to end, as StopNotebookInstance does; returns at once."""
        self._stop.set()

    abort = stop

    def pids(self) -> dict[str, int]:
        """Return its first program's process."""
        return {self._spec.name: self._machine.pid} if self._machine.pid else {}

    def work(self) -> None:
        """Be on, from the first program's start to its end."""
        try:
            self._machine.start(on_line=self._take_line)
        except ChildStartError as error:
            raise JobError(client_error(str(error))) from error
        try:
            self._await_service()
            self._be_on()
        finally:
            self._machine.stop()
        self._instance.step(STOPPED)

    def _await_service(self) -> None:
        clock, limits = self._context.clock, len(self._spec.scripts)
        real_s = START_S + limits * clock.real_seconds(300)
        over = time.monotonic() + real_s  # not by counting looks, which take longer on a busy machine
        while time.monotonic() < over:
            if self._stop.wait(LOOK_S):
                return
            self._look()
            if self._serving.is_set():
                self._instance.has_started = True
                self._instance.step(IN_SERVICE)
                return
        raise JobError(wording.SERVER_SILENT.format(seconds=real_s, tail=self._last_line))

    def _be_on(self) -> None:
        while not self._stop.wait(LOOK_S):
            self._look()

    def _look(self) -> None:
        """Raise JobError where the first program has ended."""
        code = self._machine.poll()
        if code is None or self._stop.is_set():
            return
        failed, spec = self._failed_hook, self._spec
        if failed is None:
            raise JobError(wording.ENDED.format(code=code))
        raise JobError(
            wording.hook_failed(
                config_arn=spec.config_arn, arn=spec.arn, hook=failed["hook"], code=failed["code"]
            )
        )

    def _take_line(self, line: str) -> None:
        """Take what the first program says: one JSON object a line."""
        try:
            said = json.loads(line)
            kind = said["event"]
        except (ValueError, LookupError, TypeError):
            logger.warning("notebook instance %s: %s", self._spec.name, line)
            return
        if kind == "line":
            self._last_line = said["text"]
            self._log(said["stream"]).write(said["text"])
        elif kind == "serving":
            self._serving.set()
        elif kind == "failed":
            self._failed_hook = said

    def _log(self, stream: str) -> LogStream:
        if stream not in self._logs:
            self._logs[stream] = self._context.log_stream(
                account_id=self._spec.account_id,
                region=self._spec.region,
                group=LOG_GROUP,
                stream=f"{self._spec.name}/{stream}",
            )
        return self._logs[stream]

    def close(self) -> None:
        """Leave nothing running, whatever happened."""
        self._machine.stop()


class ChangeRunner(GuardedJob):
    """An update or a deletion of an instance that is off: some seconds, and then it is done."""

    def __init__(
        self, *, context: Context, instance: LocalNotebookInstance, finish: Callable[[], None]
    ) -> None:
        super().__init__(title=f"change of notebook instance {instance.notebook_instance_name}", job=instance)
        self._context = context
        self._finish = finish
        self._abort = threading.Event()
        self.door: Door | None = None
        """None, as it is off."""

    def stop(self) -> None:
        """Go on: it takes some seconds only."""

    def abort(self) -> None:
        """Do without waiting."""
        self._abort.set()

    def work(self) -> None:
        """Wait, and finish."""
        self._context.clock.wait(self._abort, CHANGE_S)
        self._finish()

    def close(self) -> None:
        """Have nothing to leave."""


def delete(instance: LocalNotebookInstance, *, folder: Path, forget: Callable[[], object]) -> None:
    """Remove an instance's volume, and then the instance itself."""
    assert instance.status == DELETING
    remove_tree(folder)
    forget()
