"""What Musher's operators and tasks share: connection, failing for good, and waiting, deferred or not."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.sdk import Context, get_current_context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowTaskTimeout

from musher import clock
from musher.errors import AwsRefusedError, MissingResultError, MusherError
from musher.hooks.answers import with_whole_answers
from musher.hooks.connection import hook_parameters
from musher.hooks.log_groups import limit_log_group
from musher.hooks.refusals import read_refusal, read_shortage
from musher.links import show_links
from musher.operators.intent import is_given_up
from musher.results import REASON_KEY
from musher.settings import Settings
from musher.triggers.here import WaitLeftError, run_here
from musher.triggers.waits import REFUSED, PauseTrigger, WaitEnd, WaitTrigger

if TYPE_CHECKING:
    from musher.console import Console

logger = logging.getLogger(__name__)

DEFERRAL_GRACE_S = 3600.0
"""Past a wait's deadline by this, Airflow itself ends the deferral: no triggerer runs. The try fails, and the
next one goes on waiting."""

HAND_OVER_S = 30.0
"""After this a wait that was left goes on elsewhere. Sooner, the scheduler may queue the try again before the
executor tells it that the old process has ended: it then takes the task for lost, which uses up a retry."""

AnyHook = TypeVar("AnyHook", bound=AwsGenericHook[Any])


class fail_without_retry:  # noqa: N801  # read as a statement: `with fail_without_retry():`
    """Fail the task for good by what trying again would meet again; log that once, for the user.

    These are Musher's own errors, AWS's refusals (a permission, a request, a quota), and `needs` that are
    None: an earlier task has left no result. Anything else (a broken connection, a throttled call, no free
    capacity) passes through and is retried by Airflow, as musher/retry_policy.py says. Airflow writes a
    traceback for whatever fails a task: the log's own line before it has the whole message, the exception
    the first line.
    """

    def __init__(self, **needs: Any) -> None:
        """Take the results of earlier tasks without which this one cannot begin, by their argument's name."""
        self.needs = needs

    def __enter__(self) -> None:
        """Begin, or fail for a missing result."""
        if missing := [name for name, result in self.needs.items() if result is None]:
            raise log_failure(
                MissingResultError(
                    f"There is no {', no '.join(missing)}: the tasks before this one have left no result in "
                    "this run. Trigger the DAG, or use `airflow dags test`; `airflow tasks test` runs one "
                    "task alone."
                )
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise AirflowFailException without the error's own traceback, or let the error pass."""
        if error is None:
            return
        if shortage := read_shortage(error):
            logger.warning("%s", shortage)
            leave_reason(shortage)
        refusal = error if isinstance(error, MusherError) else read_refusal(error)
        if refusal is not None:
            raise log_failure(refusal) from None


def log_failure(error: MusherError) -> AirflowFailException:
    """Log an error for the user and the report; return what fails the task, with its first line."""
    logger.error("%s", error)
    leave_reason(str(error))
    return AirflowFailException(str(error).partition("\n")[0])


def leave_reason(message: str) -> None:
    """Hand the whole message on to the run's report; outside a task there is none."""
    try:
        instance = get_current_context()["ti"]
    except RuntimeError:
        return
    try:
        instance.xcom_push(key=REASON_KEY, value=message)
    except Exception as error:  # noqa: BLE001  # whatever it is: the task must fail for good all the same
        logger.warning("the report will not say why: %s", error)


class MusherOperator(AwsBaseOperator[AnyHook]):
    """Add the installation's settings, and waits that can be deferred, to the provider's base.

    `aws_conn_id` and `region_name` are the installation's unless given; `verify` and `botocore_config` hold
    for every client, also in the triggerer. `deferrable` is [operators] default_deferrable unless given.
    """

    def __init__(
        self,
        *,
        aws_conn_id: str | None = None,
        region_name: str | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Take what every AWS operator takes, except the deprecated `region`."""
        if "region" in kwargs:
            raise TypeError(f"region={kwargs['region']!r}: say region_name, as the Amazon provider does.")
        super().__init__(aws_conn_id=aws_conn_id, region_name=region_name, **kwargs)
        default = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable: bool = default if deferrable is None else deferrable
        self._task_instance: Any = None
        self._must_leave = False

    @cached_property
    def settings(self) -> Settings:
        """Return the installation's settings, read when the task runs."""
        return Settings.from_env()

    @property
    def _hook_parameters(self) -> dict[str, Any]:
        chosen = hook_parameters(self.settings, aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        return {**super()._hook_parameters, **chosen}

    @property
    def logs_hook(self) -> AwsLogsHook:
        """Return a hook for CloudWatch Logs."""
        return with_whole_answers(AwsLogsHook(**self._hook_parameters))

    def know_run(self, context: Context) -> None:
        """Learn of which task instance this process runs a try; called first in each process."""
        self._task_instance = context["ti"]

    def limit_log(self, group: str, *, tags: Mapping[str, str]) -> None:
        """Let the lines of the resource's log expire; called by each try, as a teardown removes the group."""
        limit_log_group(self.logs_hook, group=group, days=self.settings.log_days, tags=tags)

    def show_links(self, context: Context, *, kind: str, name: str, log: tuple[str, str]) -> None:
        """Let the task link to a resource and to its log (group, streams' prefix) while it still runs."""

        from musher.console import find_console

        def find() -> "Console | None":
            return find_console(self.settings, client=self.hook.conn)

        show_links(context, find_console=find, kind=kind, name=name, log=log)

    def wait_for(self, context: Context, trigger: WaitTrigger | PauseTrigger) -> Any:
        """Wait, deferred or here; return what `resume` makes of the end.

        What must survive the wait travels in the trigger's `carried`: `dag.test` forgets a deferral's kwargs.
        """
        if self.deferrable:
            limit_s = max(0.0, trigger.deadline - clock.now()) + DEFERRAL_GRACE_S
            self.defer(trigger=trigger, method_name="resume", timeout=timedelta(seconds=limit_s))
        try:
            return self.resume(context, run_here(trigger, must_leave=lambda: self._must_leave))
        except WaitLeftError:
            self._go_elsewhere()

    def resume(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on after a wait; `event` is a WaitEnd."""
        self.know_run(context)
        with fail_without_retry():
            end = WaitEnd(**event)
            if end.outcome == REFUSED:
                raise AwsRefusedError(end.message)
            return self.go_on(context, end)

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Return the task's result, or wait again."""
        raise NotImplementedError(f"{type(self).__name__} waits, and does not say how to go on")

    def on_kill(self) -> None:
        """Cancel what is paid for where nobody will come back for it; else leave it to the next try.

        Airflow calls this for a person's cancel, for a worker that goes away and for an execution_timeout
        alike: docs/adr/010.
        """
        if self._task_instance is None:
            return
        if isinstance(sys.exc_info()[1], AirflowTaskTimeout):
            logger.warning(
                "the task's execution_timeout is over; nothing is stopped: the next try goes on with it, and "
                "after the last one the run's teardown ends it"
            )
        elif is_given_up(self._task_instance):
            self.cancel()
        else:
            logger.warning("the worker was told to end: leaving the wait to another one; nothing is stopped")
            self._must_leave = True

    def cancel(self) -> None:
        """Stop what is paid for; nothing unless a subclass says so."""

    def _go_elsewhere(self) -> NoReturn:
        """Give this try to another worker, which uses up no retry."""
        when = datetime.fromtimestamp(clock.now() + HAND_OVER_S, UTC)
        raise AirflowRescheduleException(when) from None  # type: ignore[no-untyped-call]  # Airflow's
