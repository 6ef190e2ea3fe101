"""What running training, tuning and transform jobs has in common: one for each request, waited for."""

import logging
import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from botocore.exceptions import BotoCoreError, ClientError

from musher import clock, names
from musher.errors import JobFailedError, PayloadError
from musher.hooks import sharing
from musher.hooks.answers import with_whole_answers
from musher.hooks.calls import hold
from musher.hooks.jobs import attempts
from musher.hooks.logs import LogTail, last_lines
from musher.hooks.objects import has_objects
from musher.links import LINKS
from musher.operators.base import AnyHook, MusherOperator, fail_without_retry
from musher.operators.intent import JobRecord
from musher.triggers.cancelling import CancellingTrigger
from musher.triggers.waits import TIMEOUT, PauseTrigger, WaitEnd

logger = logging.getLogger(__name__)

GRACE_S = 3600
"""What a job may take beyond its own limit, which counts neither queueing, downloads nor uploads."""

ENDED_BADLY = ("Failed", "Stopped")
ENDED = (*ENDED_BADLY, "Completed")
LEAVING = ("Stopping", "Deleting", "DeleteFailed")
"""States of a job that still exists and comes to nothing."""

AWS_FAILURE = r"(CapacityError|InternalServerError|InternalError|InternalFailure|ServiceUnavailable)\b"
"""How FailureReason begins where not the job but AWS failed, which bills nothing; a user's begin with
AlgorithmError or ClientError:
https://docs.aws.amazon.com/sagemaker/latest/dg/training-troubleshooting.html"""

MAX_AWS_FAILURES = 4
PAUSE_S = 60.0
"""After AWS's first failure; twice as long after each further one: 15 minutes in all."""

WAIT, MAKE_ROOM, PAUSE = "wait", "make_room", "pause"
"""What a wait is for: the job's end, that of one whose place it takes, or time for AWS to recover."""

Description = dict[str, Any]


class RunJobOperator(MusherOperator[AnyHook]):
    """Start the job of `config`, or adopt the one that answers the same request, and wait for its end.

    Whoever triggers the run or clears the task makes a request: it is answered by a live or completed job of
    the run that is as asked for, else by the next attempt (`-2`, `-3`, ...). All else, a lost worker, a
    retry, a triggerer's restart, goes on with the job of that request, so it never pays for a second one.
    Only where AWS itself failed the job does the next attempt follow by itself.

    The wait is bounded by the job's own limits (`limit_s`). An `execution_timeout` holds only where it is
    given here (to a mapped operator as None, in `partial`): one of the DAG's default_args is meant for other
    tasks, and would fail a run whose paid job goes on.
    """

    template_fields: Sequence[str] = aws_template_fields("config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # the base class's own type
    ui_color = "#ff9900"
    operator_extra_links = LINKS

    noun: ClassVar[str]
    name_key: ClassVar[str]
    status_key: ClassVar[str]
    max_name: ClassVar[int]
    trigger_class: ClassVar[type[CancellingTrigger]]
    console_kind: ClassVar[str]
    log_group: ClassVar[str] = names.TRAINING_LOG_GROUP

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """Take the create request (templated, so also an earlier task's result)."""
        kwargs.setdefault("execution_timeout", None)
        super().__init__(**kwargs)
        self.config = config
        self.live_job: str | None = None
        self._is_cancelled = False

    @abstractmethod
    def create(self, request: dict[str, Any]) -> None:
        """Start a job."""

    @abstractmethod
    def describe(self, name: str) -> Description:
        """Return the job's description."""

    @abstractmethod
    def find(self, name: str) -> Description | None:
        """Return the job's description, or None where there is no such job."""

    @abstractmethod
    def stop(self, name: str) -> None:
        """Ask for the job's end."""

    @abstractmethod
    def rename(self, request: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the same request under another name."""

    @abstractmethod
    def limit_s(self, job: Description) -> float:
        """Return the seconds after its creation at which a job is given up and stopped."""

    @abstractmethod
    def explain(self, description: Description) -> str:
        """Return the last log lines of a job that ended badly."""

    @abstractmethod
    def find_flaw(self, description: Description) -> str | None:
        """Return why a completed job's results cannot be used, or None."""

    @abstractmethod
    def find_change(self, description: Description, request: dict[str, Any]) -> str | None:
        """Return how a live or completed job differs from the one that is asked for, or None."""

    @abstractmethod
    def summarise(self, description: Description) -> dict[str, Any]:
        """Return the ids and small numbers that later stages need."""

    @property
    def request(self) -> dict[str, Any]:
        """Return the create request: `config`, unless a subclass's holds more."""
        found: dict[str, Any] = self.config
        return found

    def list_inputs(self, request: dict[str, Any]) -> dict[str, str]:
        """Return what a job reads, by a name for each: what the addresses of its objects begin with."""
        channels = request.get("TrainingJobDefinition", request)["InputDataConfig"]
        return {
            f"Channel {channel['ChannelName']!r}": channel["DataSource"]["S3DataSource"]["S3Uri"]
            for channel in channels
        }

    def execute(self, context: Context) -> Any:
        """Return what `summarise` makes of the job's description."""
        self.know_run(context)
        with fail_without_retry(config=self.config):
            record = JobRecord.load(context)
            if record is not None and record.is_answer(context):
                return self.run_attempt(context, record)
            return self.answer(context)

    def answer(self, context: Context) -> Any:
        """Answer a person's request: by the latest attempt where it is as asked for, else by the next one."""
        latest = self._find_latest_attempt()
        if latest is None:
            return self.run_attempt(context, self._record(context, str(self.request[self.name_key])))
        name, status = str(latest[self.name_key]), latest[self.status_key]
        reason = self.find_reason_to_replace(latest)
        if reason is None:
            return self.run_attempt(context, self._record(context, name))
        logger.info("%s: %s: starting the next attempt", name, reason)
        if status not in (*ENDED, *LEAVING):
            self.try_to_stop(name)
        record = self._record(context, self._name_following(name))
        if status in ENDED:
            return self.run_attempt(context, record)
        return self.wait_for(context, self._make_trigger(latest, step=MAKE_ROOM, record=record))

    def run_attempt(self, context: Context, record: JobRecord) -> Any:
        """Wait for the record's job, having started it where there is none of its name."""
        name = record.job_name
        description = self.find(name)
        if description is None:
            self._create(self.rename(self.request, name))
            description = self.describe(name)
        else:
            logger.info("%s: adopted, %s", name, description[self.status_key])
        log = (self.log_group, name)
        self.show_links(context, kind=self.console_kind, name=name, log=log)
        self.live_job = name
        if description[self.status_key] not in ENDED:  # else its tags would grow by one with each run
            self.join(description)
        if self._is_cancelled:  # while the job was being created
            self.cancel()
        return self.wait_for(context, self._make_trigger(description, step=WAIT, record=record))

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Return the result of a job that ended well; start what takes the place of another."""
        record = JobRecord(**end.carried["record"])
        if end.carried["step"] != WAIT:
            return self.run_attempt(context, record)
        if end.outcome == TIMEOUT:
            raise self._time_out(record.job_name)
        description = self.describe(record.job_name)
        self.live_job = None
        reason = self.find_reason_to_fail(description)
        if reason is None:
            return self.summarise(description)
        may_repeat = record.failures < MAX_AWS_FAILURES and not self._is_cancelled
        if may_repeat and self.is_repeatable(description, reason):
            return self.repeat(context, record, reason)
        raise self._failure(description, reason)

    def _time_out(self, name: str) -> JobFailedError:
        """Stop a job that took too long, unless another run waits for it; return the error that says so."""
        description = self.describe(name)
        may_stop = self.leave(str(description[self.trigger_class.id_key]))
        if may_stop:
            self.try_to_stop(name)
        return JobFailedError(
            f"{self.noun} {name} did not end in {self.limit_s(description):.0f} s"
            f"{' and was told to stop' if may_stop else '; it goes on for another run'}. Raise max_runtime_s."
        )

    def repeat(self, context: Context, record: JobRecord, reason: str) -> Any:
        """Start the next attempt of the same request, after a pause where AWS failed this one."""
        following = self._name_following(record.job_name)
        pause_s = PAUSE_S * 2**record.failures if re.match(AWS_FAILURE, reason) else 0.0
        logger.warning("%s: %s: starting %s in %.0f s", record.job_name, reason, following, pause_s)
        record = self._record(context, following, failures=record.failures + 1)
        carried = {"step": PAUSE, "record": asdict(record)}
        return self.wait_for(context, PauseTrigger(until=clock.now() + pause_s, carried=carried))

    def is_repeatable(self, description: Description, reason: str) -> bool:
        """Return whether AWS failed, not the job, or the cancel of another request stopped it."""
        if description[self.status_key] == "Stopped":
            arn = str(description[self.trigger_class.id_key])
            try:
                return hold(self.hook.conn, sharing.was_left(arn=arn))
            except ClientError as error:
                logger.warning("%s: cannot be asked who stopped it: %s", arn, error)
                return False
        return description[self.status_key] == "Failed" and bool(re.match(AWS_FAILURE, reason))

    def find_reason_to_replace(self, description: Description) -> str | None:
        """Return why an attempt does not answer a person's request, or None where it does."""
        if description[self.status_key] in LEAVING:
            return f"it is {description[self.status_key]}"
        return self.find_reason_to_fail(description) or self.find_change(description, self.request)

    def find_reason_to_fail(self, description: Description) -> str | None:
        """Return why a job is of no use: it ended badly, or completed with a flaw; None where it is."""
        status = description[self.status_key]
        if status in ENDED_BADLY:
            given = description.get("FailureReason") or description.get("SecondaryStatus")
            return str(given or "no reason given")
        return self.find_flaw(description) if status == "Completed" else None

    def cancel(self) -> None:
        """Stop the job that this task waits for, unless another run waits for it, too."""
        self._is_cancelled = True
        if self.live_job is None:
            return
        try:
            may_stop = self.leave(str(self.describe(self.live_job)[self.trigger_class.id_key]))
        except (BotoCoreError, ClientError) as error:  # the run's teardown tries again
            logger.error("%s: the task was killed, and the job not stopped: %s", self.live_job, error)
            return
        if may_stop:
            logger.warning("%s: the task was killed by a person, stopping the job", self.live_job)
            self.try_to_stop(self.live_job)
        else:
            logger.warning("%s: the task was killed, but another run waits for this job", self.live_job)

    def leave(self, tagged: str) -> bool:
        """Mark what has this id_key that this cancel stops it; return whether it may."""
        try:
            hold(self.hook.conn, sharing.mark_stopped(arn=tagged))
        except ClientError as error:  # the job costs, the mark only helps
            logger.warning("%s: not marked as cancelled: %s", tagged, error)
        return True

    def try_to_stop(self, name: str) -> None:
        """Ask for the job's end; one that has ended already answers ValidationException."""
        try:
            self.stop(name)
        except ClientError as error:
            logger.warning("%s: not stopped: %s", name, error)

    def show_last_lines(self, job: str) -> str:
        """Return the end of the log of a job's hosts."""
        tail = LogTail(group=self.log_group, prefix=f"{job}/")
        return last_lines(tail, self.logs_hook.conn)

    @property
    def s3_hook(self) -> S3Hook:
        """Return a hook for S3."""
        return with_whole_answers(S3Hook(**self._hook_parameters))

    def join(self, description: Description) -> None:
        """Tell other runs that this one waits for the job; nothing unless a subclass shares jobs."""

    def carry(self) -> dict[str, Any]:
        """Return what a wait for the job carries besides its record; nothing unless a subclass says so."""
        return {}

    def _record(self, context: Context, name: str, *, failures: int = 0) -> JobRecord:
        """Write down that this try's request is answered by the job of this name."""
        record = JobRecord.of_request(context, job_name=name, failures=failures)
        record.save(context)
        return record

    def _make_trigger(self, description: Description, *, step: str, record: JobRecord) -> CancellingTrigger:
        """Return the wait for a job's end, bounded by the job's own limit, counted from its creation."""
        created: datetime | None = description.get("CreationTime")
        return self.trigger_class(
            arguments={self.name_key: str(description[self.name_key])},
            connection=self._hook_parameters,
            delay_s=self.settings.poll_interval_s,
            deadline=(created.timestamp() if created else clock.now()) + self.limit_s(description),
            carried={"step": step, "record": asdict(record), **self.carry()},
        )

    def _name_following(self, name: str) -> str:
        return names.next_attempt(name, limit=self.max_name)

    def _find_latest_attempt(self) -> Description | None:
        """Return the description of the last of job, job-2, job-3, ... that exists."""
        found = attempts(self.find, str(self.request[self.name_key]), limit=self.max_name)
        return next(reversed(list(found)), None)

    def _create(self, request: dict[str, Any]) -> None:
        """Start the job; where another try was quicker, that one's is ours too."""
        name = request[self.name_key]
        self._check_inputs(request)
        try:
            self.create(request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUse":
                raise
            logger.info("%s: exists already, adopted", name)
        else:
            logger.info("%s: started", name)

    def _check_inputs(self, request: dict[str, Any]) -> None:
        """Refuse inputs without a single object, before anything is paid for."""
        s3 = self.s3_hook.get_conn()
        for what, uri in self.list_inputs(request).items():
            if not has_objects(s3, uri=uri):
                raise PayloadError(f"{what} has no object under {uri}. Stage the data set again.")

    def _failure(self, description: Description, reason: str) -> JobFailedError:
        """Return the error that says why the job is of no use, its last log lines, and what to do."""
        name, status = description[self.name_key], description[self.status_key]
        return JobFailedError(
            f"{self.noun} {name} is {status}: {reason}\n{self.explain(description)}\n"
            "Correct the cause, then clear this task: that starts the next attempt."
        )
