"""What running a training job and a tuning job have in common: one job per name, found again, waited for."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, cast

from airflow.sdk import BaseOperatorLink, Context
from botocore.exceptions import ClientError

from musher import names
from musher.errors import JobFailedError, PayloadError
from musher.hooks.connection import logs_hook, s3_hook
from musher.hooks.logs import LogTail
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import wait_until
from musher.links import LINKS, show_links
from musher.operators.base import InstallationMixin, fail_without_retry

logger = logging.getLogger(__name__)

GRACE_S = 3600
"""What a job may take beyond its own limit, which counts neither queueing, downloads nor uploads."""

ENDED_BADLY = ("Failed", "Stopped")

Description = dict[str, Any]
Rename = Callable[..., dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """Hold how SageMaker names one kind of job: in text, in requests and answers, in boto3's methods.

    `find` is the hook's method that describes a job or returns None.
    """

    noun: str
    find: str
    name_key: str
    status_key: str
    method: str
    waiter: str
    max_name: int
    rename: Rename


class RunJobMixin(InstallationMixin, ABC):
    """Start the job of `config`, or adopt it where it exists, and wait for its end.

    A live or completed job of the name is adopted, an automatic retry never starts a second one, and only a
    person who clears the task starts the next attempt (`-2`, `-3`, ...).
    """

    kind: JobKind
    console_page: Callable[..., str]
    operator_extra_links: Collection[BaseOperatorLink] = LINKS
    config: dict[str, Any]
    is_shared = False
    """Whether other runs may wait for the same job: then a killed task leaves it to them if it found it."""
    live_job: str | None = None
    """The job that on_kill stops."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what `summarise` makes of the job's description."""
        with fail_without_retry():
            name = self.adopt_or_create(self.config, is_asked_again=is_first_try(context))
            log = (names.TRAINING_LOG_GROUP, name)
            show_links(context, client=self.sagemaker.conn, page=self.console_page, name=name, log=log)
            description = self.wait(name)
            self.live_job = None
            return self.summarise(description)

    def on_kill(self) -> None:
        """Stop the job that this task waits for."""
        if self.live_job:
            logger.warning("%s: task was killed, stopping the job", self.live_job)
            self.stop(self.live_job)

    @property
    def sagemaker(self) -> MusherSageMakerHook:
        """Return the hook as what `aws_hook_class` makes it."""
        return cast(MusherSageMakerHook, self.hook)  # type: ignore[attr-defined]  # every AWS operator has one

    @abstractmethod
    def summarise(self, description: Description) -> dict[str, Any]:
        """Return the ids and small numbers that later stages need."""

    @abstractmethod
    def timeout_s(self) -> float:
        """Return the seconds after which the job is given up and stopped."""

    @abstractmethod
    def show(self, description: Description, seen: Description) -> None:
        """Log what is new in a description since the last one, `seen`."""

    @abstractmethod
    def explain(self, description: Description) -> str:
        """Return the last log lines of a job that ended badly."""

    @abstractmethod
    def flaw(self, description: Description) -> str | None:
        """Return why a completed job's results cannot be used, or None."""

    def change(self, description: Description, request: dict[str, Any]) -> str | None:
        """Return how a completed job differs from the one that a person now asks for, or None."""
        return None

    def adopt_or_create(self, request: dict[str, Any], *, is_asked_again: bool) -> str:
        """Return the name of the job to wait for, having started it if there is none yet."""
        latest = self._latest_attempt(request[self.kind.name_key])
        if latest is None:
            return self._create(request)
        name, reason = str(latest[self.kind.name_key]), self._reason(latest)
        if reason is None and is_asked_again:
            reason = self.change(latest, request)
        if reason is None:
            logger.info("%s: adopted, %s", name, latest[self.kind.status_key])
            self.live_job = None if self.is_shared else name
            return name
        if not is_asked_again:
            raise self._failure(latest, reason)
        logger.info("%s: %s: starting the next attempt", name, reason)
        following = names.next_attempt(name, limit=self.kind.max_name)
        return self._create(self.kind.rename(request, job_name=following))

    def wait(self, name: str) -> Description:
        """Wait for the job's end, showing how it gets on; return its description."""
        seen: Description = {}

        def show(description: Description) -> None:
            self.show(description, seen)
            seen.update(description)

        is_completed = self._wait_for_end(name, show)
        description = self._describe(name)
        show(description)
        reason = self._reason(description)
        if reason is not None or not is_completed:
            raise self._failure(description, reason or "no reason given")
        return description

    def stop(self, name: str) -> None:
        """Ask for the job's end; one that has ended already answers ValidationException."""
        try:
            self._call("stop", name)
        except ClientError as error:
            logger.warning("%s: not stopped: %s", name, error)

    def tail_of(self, training_job: str) -> LogTail:
        """Return the log of a training job's hosts."""
        return LogTail(
            hook=logs_hook(self.settings), group=names.TRAINING_LOG_GROUP, prefix=f"{training_job}/"
        )

    def _latest_attempt(self, name: str) -> Description | None:
        """Return the description of the last of job, job-2, job-3, ... that exists."""
        latest = None
        while description := getattr(self.sagemaker, self.kind.find)(name):
            latest, name = description, names.next_attempt(name, limit=self.kind.max_name)
        return latest

    def _create(self, request: dict[str, Any]) -> str:
        """Start the job; where another try was quicker, that one's is ours too."""
        name = str(request[self.kind.name_key])
        self._check_channels(request.get("TrainingJobDefinition", request)["InputDataConfig"])
        try:
            getattr(self.sagemaker.conn, f"create_{self.kind.method}")(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUse":
                raise
            logger.info("%s: exists already, adopted", name)
            self.live_job = None if self.is_shared else name
        else:
            logger.info("%s: started", name)
            self.live_job = name
        return name

    def _check_channels(self, channels: list[dict[str, Any]]) -> None:
        """Refuse channels without a single object, before anything is paid for."""
        s3 = s3_hook(self.settings).get_conn()
        for channel in channels:
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            bucket, prefix = names.split_s3_uri(uri)
            if not s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"):
                raise PayloadError(
                    f"Channel {channel['ChannelName']!r} has no object under {uri}. Stage the data set again."
                )

    def _wait_for_end(self, name: str, show: Callable[[Description], None]) -> bool:
        try:
            return wait_until(
                self.sagemaker.get_waiter(self.kind.waiter),
                arguments={self.kind.name_key: name},
                delay_s=self.settings.poll_interval_s,
                timeout_s=self.timeout_s(),
                on_response=show,
            )
        except TimeoutError as error:
            self.stop(name)
            raise JobFailedError(f"{error}; the job was told to stop. Raise max_runtime_s.") from error

    def _describe(self, name: str) -> Description:
        return cast(Description, self._call("describe", name))

    def _call(self, verb: str, name: str) -> Any:
        """Make one of the calls that take the job's name alone."""
        return getattr(self.sagemaker.conn, f"{verb}_{self.kind.method}")(**{self.kind.name_key: name})

    def _reason(self, description: Description) -> str | None:
        """Return why a job is of no use: it ended badly, or completed with a flaw; None where it is."""
        status = description[self.kind.status_key]
        if status in ENDED_BADLY:
            given = description.get("FailureReason") or description.get("SecondaryStatus")
            return str(given or "no reason given")
        return self.flaw(description) if status == "Completed" else None

    def _failure(self, description: Description, reason: str) -> JobFailedError:
        """Return the error that says why the job is of no use, its last log lines, and what to do."""
        name, status = description[self.kind.name_key], description[self.kind.status_key]
        return JobFailedError(
            f"{self.kind.noun} {name} is {status}: {reason}\n{self.explain(description)}\n"
            "Correct the cause, then clear this task: that starts the next attempt."
        )


def is_first_try(context: Context) -> bool:
    """Return whether a person, not an automatic retry, started this try: at trigger time or by clearing.

    Clearing a task raises max_tries by as many retries as the task has, counted from the last try.
    """
    instance = context["ti"]
    return bool(instance.try_number == instance.max_tries - (instance.task.retries or 0) + 1)
