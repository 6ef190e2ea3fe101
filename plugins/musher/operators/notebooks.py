"""Start, stop and delete a notebook instance, whatever state it is found in."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from musher import clock, names
from musher.console_kinds import NOTEBOOK
from musher.errors import NotebookError
from musher.hooks.logs import LogTail, last_lines
from musher.hooks.notebooks import (
    DELETING,
    FAILED,
    IN_SERVICE,
    PENDING,
    STARTABLE,
    STATUS,
    delete_notebook,
    find_own,
    put_lifecycle_config,
    remove_lifecycle_config,
    stop_notebook,
)
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.links import LINKS
from musher.notebook_results import NotebookResult
from musher.operators.base import MusherOperator, fail_without_retry
from musher.triggers.notebooks import NotebookGoneTrigger, NotebookReadyTrigger, NotebookSettledTrigger
from musher.triggers.waits import TIMEOUT, WaitEnd

logger = logging.getLogger(__name__)

READY, UPDATED, STOPPED_NOW, GONE = "ready", "updated", "stopped now", "gone"
"""What a wait is for: being in service, the end of an update or a stop that this task asked for, deletion."""

SETTLED = "settled"
"""The end of what somebody else has asked for, or AWS's maintenance."""


class NotebookOperator(MusherOperator[MusherSageMakerHook]):
    """Bring a notebook instance into a state, step by step from the one that it is found in.

    The base is AwsBaseOperator, as nothing of the provider's SageMakerCreateNotebookOperator and its siblings
    for start, stop and deletion would remain:
    - each asks for one transition, and fails where the instance is not in the state that AWS makes it from:
      a retry after a crash fails for what it has done itself; here each try goes on from what it finds;
    - they touch what is somebody else's: here an instance without the project's tag is refused;
    - a failure says only that a waiter failed: here AWS's reason and the script's last lines are shown;
    - they cannot be deferred, and nothing sets their bound: here waits are data (waiters/sagemaker.json);
    - `tags` of create_instance_kwargs goes to boto3 as it is written, which refuses it.
    """

    aws_hook_class = MusherSageMakerHook
    ui_color = "#ff9900"
    operator_extra_links = LINKS

    def execute(self, context: Context) -> Any:
        """Return what the subclass says of the state that was reached."""
        self.know_run(context)
        with fail_without_retry():
            log = (names.NOTEBOOK_LOG_GROUP, f"{self.notebook_name}/")
            self.show_links(context, kind=NOTEBOOK, name=self.notebook_name, log=log)
            return self.settle(context, started_at=clock.now())

    @property
    def notebook_name(self) -> str:
        """Return the instance's name."""
        raise NotImplementedError

    def settle(self, context: Context, *, started_at: float, after: str = "") -> Any:
        """Take the next step, or return; `after` is what this task has waited for before."""
        raise NotImplementedError

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Take the step that follows a wait; NotebookError where AWS has not done it in time."""
        step, started_at = end.carried["step"], float(end.carried["started_at"])
        if end.outcome == TIMEOUT:
            raise NotebookError(
                f"{end.message}: AWS has not done in time what it was asked for. Look at the instance in the "
                "console; clear this task to go on waiting."
            )
        return self.settle(context, started_at=started_at, after=step)

    def wait(
        self, context: Context, trigger_class: type[NotebookReadyTrigger], *, step: str, started_at: float
    ) -> Any:
        """Wait for the end of a step."""
        data = self.hook.get_waiter(trigger_class.waiter).config
        trigger = trigger_class(
            arguments={"NotebookInstanceName": self.notebook_name},
            connection=self._hook_parameters,
            delay_s=self.settings.poll_interval_s,
            deadline=clock.now() + data.delay * data.max_attempts,
            carried={"step": step, "started_at": started_at},
        )
        return self.wait_for(context, trigger)

    def find(self) -> dict[str, Any] | None:
        """Return the instance's description; NotebookError for somebody else's."""
        return find_own(self.hook, name=self.notebook_name, project=self.settings.project)


class StartNotebookOperator(NotebookOperator):
    """Have a notebook instance in service: created, started, or adopted where it is; return a NotebookResult.

    One that is Stopped or Failed gets the lifecycle configuration, type and volume of `config` first. Its
    time to live begins anew.
    """

    template_fields: Sequence[str] = aws_template_fields("config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # the base class's own type

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """Take {"LifecycleConfig", "Notebook"}: the requests that create both (templated)."""
        super().__init__(**kwargs)
        self.config = config

    @property
    def notebook_name(self) -> str:
        """Return the instance's name; MissingResultError where no task has left a request."""
        with fail_without_retry(config=self.config):
            return str(self.config["Notebook"]["NotebookInstanceName"])

    def settle(self, context: Context, *, started_at: float, after: str = "") -> Any:
        """Create, update, start, wait, or return the instance in service."""
        notebook = self.find()
        if after == READY and (notebook is None or notebook[STATUS] not in (IN_SERVICE, PENDING)):
            raise self._failure(notebook)
        if notebook is None:
            self.create()
            return self.wait(context, NotebookReadyTrigger, step=READY, started_at=started_at)
        status = notebook[STATUS]
        if status == IN_SERVICE:
            return self.adopt(notebook, started_at=started_at)
        if status in STARTABLE:
            return self.start(context, notebook, started_at=started_at, is_updated=after == UPDATED)
        trigger, step = {
            PENDING: (NotebookReadyTrigger, READY),
            DELETING: (NotebookGoneTrigger, GONE),
        }.get(status, (NotebookSettledTrigger, SETTLED))
        return self.wait(context, trigger, step=step, started_at=started_at)

    def create(self) -> None:
        """Create the lifecycle configuration and the instance."""
        put_lifecycle_config(self.hook, request=self.config["LifecycleConfig"], project=self.settings.project)
        self.hook.conn.create_notebook_instance(**self.config["Notebook"])
        logger.info("%s: notebook instance created", self.notebook_name)

    def start(
        self, context: Context, notebook: Mapping[str, Any], *, started_at: float, is_updated: bool
    ) -> Any:
        """Update what differs, once, then start, each with a wait for its end."""
        from musher.payloads.notebooks import find_changes  # no business of the DAG's parse

        put_lifecycle_config(self.hook, request=self.config["LifecycleConfig"], project=self.settings.project)
        changes = {} if is_updated else find_changes(self.config["Notebook"], notebook)
        if changes:
            self.hook.conn.update_notebook_instance(NotebookInstanceName=self.notebook_name, **changes)
            logger.info("%s: updated %s", self.notebook_name, ", ".join(changes))
            return self.wait(context, NotebookSettledTrigger, step=UPDATED, started_at=started_at)
        self.renew(notebook)
        self.hook.conn.start_notebook_instance(NotebookInstanceName=self.notebook_name)
        logger.info("%s: was %s, started", self.notebook_name, notebook[STATUS])
        return self.wait(context, NotebookReadyTrigger, step=READY, started_at=started_at)

    def adopt(self, notebook: Mapping[str, Any], *, started_at: float) -> NotebookResult:
        """Return the result for an instance in service, and say what of it is not as asked for."""
        from musher.payloads.notebooks import find_changes, find_fixed  # no business of the DAG's parse

        wanted = self.config["Notebook"]
        if changes := find_changes(wanted, notebook):
            logger.warning("%s: stop and start it to have %s changed", self.notebook_name, ", ".join(changes))
        if fixed := find_fixed(wanted, notebook):
            logger.warning("%s: stays as it was created: %s", self.notebook_name, ", ".join(fixed))
        self.renew(notebook)
        logger.info("%s: in service", self.notebook_name)
        return NotebookResult(
            name=self.notebook_name,
            arn=notebook["NotebookInstanceArn"],
            instance_type=notebook["InstanceType"],
            volume_gb=notebook.get("VolumeSizeInGB", wanted["VolumeSizeInGB"]),
            seconds=round(clock.now() - started_at, 3),
        )

    def renew(self, notebook: Mapping[str, Any]) -> None:
        """Let its time to live begin anew, for the run that asks for it."""
        self.hook.conn.add_tags(
            ResourceArn=notebook["NotebookInstanceArn"], Tags=self.config["Notebook"]["Tags"]
        )

    def cancel(self) -> None:
        """Say what becomes of the instance: AWS stops none that is Pending."""
        logger.warning(
            "%s: the task was killed; the instance goes on, and costs until it is idle for its minutes or is "
            "stopped: trigger this DAG with action stop",
            self.notebook_name if self.config else self.task_id,
        )

    def _failure(self, notebook: Mapping[str, Any] | None) -> NotebookError:
        """Return the error of an instance that was started and has come to a halt."""
        status = notebook[STATUS] if notebook else "gone"
        if notebook is None or status != FAILED:
            return NotebookError(
                f"Notebook instance {self.notebook_name} is {status}: somebody has stopped or deleted it "
                "while it started. Clear this task to start it all the same."
            )
        group, prefix = names.NOTEBOOK_LOG_GROUP, f"{self.notebook_name}/LifecycleConfigOn"
        lines = last_lines(LogTail(group=group, prefix=prefix), self.logs_hook.conn)
        return NotebookError(
            f"Notebook instance {self.notebook_name} is not in service: "
            f"{notebook.get('FailureReason') or 'AWS gives no reason'}\n"
            f"Last lines of its lifecycle script ({group}, {prefix}...):\n{lines}\n"
            "It stays as Failed, and costs its volume alone. Correct the cause and trigger this DAG again: "
            "that starts it anew. With action delete, it and its files are removed."
        )


class StopNotebookOperator(NotebookOperator):
    """Have a notebook instance stopped: it keeps its volume, which costs. Return whether there is one."""

    template_fields: Sequence[str] = aws_template_fields("name")

    def __init__(self, *, name: str, **kwargs: Any) -> None:
        """Take what a person calls the instance (templated): its name without the project."""
        super().__init__(**kwargs)
        self.name = name

    @property
    def notebook_name(self) -> str:
        """Return the instance's name."""
        return names.notebook(self.settings, name=self.name)

    def settle(self, context: Context, *, started_at: float, after: str = "") -> Any:
        """Stop it, or wait until AWS takes that, or return."""
        notebook = self.find()
        if notebook is None:
            logger.info("%s: there is no such notebook instance", self.notebook_name)
            return False
        status = notebook[STATUS]
        if status in STARTABLE:
            logger.info("%s: %s", self.notebook_name, status)
            return self.after_stop(context, notebook, started_at=started_at, after=after)
        if status == DELETING:
            return self.wait(context, NotebookGoneTrigger, step=GONE, started_at=started_at)
        if status != IN_SERVICE:
            return self.wait(context, NotebookSettledTrigger, step=SETTLED, started_at=started_at)
        if after == STOPPED_NOW:
            raise NotebookError(
                f"Notebook instance {self.notebook_name} was told to stop, and is in service again: somebody "
                "has started it. Clear this task to stop it all the same."
            )
        stop_notebook(self.hook, name=self.notebook_name)
        return self.wait(context, NotebookSettledTrigger, step=STOPPED_NOW, started_at=started_at)

    def after_stop(
        self, context: Context, notebook: Mapping[str, Any], *, started_at: float, after: str
    ) -> Any:
        """Return that there is one."""
        return True


class DeleteNotebookOperator(StopNotebookOperator):
    """Have a notebook instance gone, with its volume, all files on it, and its lifecycle configuration.

    Return whether there was one.
    """

    def settle(self, context: Context, *, started_at: float, after: str = "") -> Any:
        """Stop it, delete it, wait; or return, once it is gone."""
        if self.find() is None:
            remove_lifecycle_config(self.hook, name=self.notebook_name, project=self.settings.project)
            logger.info("%s: gone", self.notebook_name)
            return after == GONE
        return super().settle(context, started_at=started_at, after=after)

    def after_stop(
        self, context: Context, notebook: Mapping[str, Any], *, started_at: float, after: str
    ) -> Any:
        """Delete it, and wait; NotebookError where AWS has tried that."""
        if after == GONE:
            raise NotebookError(
                f"Notebook instance {self.notebook_name} was not deleted, and is {notebook[STATUS]}: "
                f"{notebook.get('FailureReason') or 'AWS gives no reason'}. Clear this task to try again."
            )
        delete_notebook(self.hook, name=self.notebook_name)
        return self.wait(context, NotebookGoneTrigger, step=GONE, started_at=started_at)
