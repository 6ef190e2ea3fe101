"""Train on an EC2 instance that a retried task finds again, and that ends by itself."""

import logging
from dataclasses import asdict
from typing import Any

from airflow.sdk import Context
from botocore.exceptions import BotoCoreError, ClientError

from musher import clock, names
from musher.console_kinds import INSTANCE
from musher.errors import JobFailedError, SpentNameError
from musher.hooks.ec2 import FORGOTTEN_S, MusherEc2Hook
from musher.hooks.objects import has_object
from musher.operators.intent import JobRecord
from musher.operators.jobs import MAX_AWS_FAILURES, WAIT, Description, RunJobOperator
from musher.payloads.tags import PROJECT_TAG
from musher.triggers.ec2 import InstanceJobTrigger
from musher.triggers.waits import FAILURE, SUCCESS, PauseTrigger, WaitEnd, WaitTrigger

logger = logging.getLogger(__name__)

BOOT_S = 900.0
"""After so many seconds a job's log must have a first line; an instance begins within some two minutes."""

FORGOTTEN = "forgotten"
"""What a wait is for: that an instance which EC2 does not show is gone."""

GRACE_S = 1800.0
"""What a job may take beyond its script's limit: booting, installing, uploading. The instance's own bound, in
training/ec2_user_data.sh, is 15 minutes."""


class RunTrainingInstanceOperator(RunJobOperator[MusherEc2Hook]):
    """Start the instance of `config`, or adopt the one that answers the same request; wait for its job's end.

    The base is AwsBaseOperator, as nothing of the provider's EC2CreateInstanceOperator would remain:
    - it sends no client token: a retry starts a second instance. Here a job's name is token and Name;
    - a wait that fails otherwise than by WaiterError leaves the instance running and billing, and waits for a
      state are unbounded: here the instance ends by itself, and the wait by the job's limit;
    - it knows whether an instance runs, not whether what it runs has ended, and how: here ended.json says so;
    - a killed task terminates the instance whoever killed it: here only a person's cancel does.
    """

    aws_hook_class = MusherEc2Hook
    noun = "Training instance"
    name_key = "ClientToken"
    status_key = "Status"
    max_name = names.MAX_SAGEMAKER_NAME
    trigger_class = InstanceJobTrigger
    console_kind = INSTANCE

    def __init__(self, *, config: Any, boot_limit_s: float = BOOT_S, **kwargs: Any) -> None:
        """Take the RunInstances request (templated, so also an earlier task's result)."""
        super().__init__(config=config, **kwargs)
        self.boot_limit_s = boot_limit_s
        self._made: dict[str, str] = {}
        self._new_id = ""
        """An instance that was just made, which the task does not wait for yet."""
        self._is_repeated = False

    def execute(self, context: Context) -> Any:
        """Note whether this try repeats the request of one before; then do as every job's operator does."""
        record = JobRecord.load(context)
        self._is_repeated = record is not None and record.is_answer(context)
        return super().execute(context)

    def run_attempt(self, context: Context, record: JobRecord) -> Any:
        """Take the next name where this one cannot be had any more: its instance is gone, its token is not.

        Where EC2 says so itself, and this try repeats a request, it may be that request's own instance, which
        has ended without a word: whether to pay for another one, a person says. Where EC2 only says that
        another request came first, that one's instance is given time to be shown.
        """
        try:
            return super().run_attempt(context, record)
        except SpentNameError as error:
            if error.is_told and self._is_repeated:
                raise
            if error.is_told:
                return self._take_next_name(context, record)
        logger.warning(
            "%s: asked for before, and EC2 shows no instance: looking again later", record.job_name
        )
        carried = {"step": FORGOTTEN, "record": asdict(record)}
        return self.wait_for(context, PauseTrigger(until=clock.now() + FORGOTTEN_S, carried=carried))

    def _take_next_name(self, context: Context, record: JobRecord) -> Any:
        following = self._name_following(record.job_name)
        logger.warning("%s: its instance is gone: going on with %s", record.job_name, following)
        return self.run_attempt(context, self._record(context, following, failures=record.failures))

    def list_inputs(self, request: dict[str, Any]) -> dict[str, str]:
        """Return nothing: the instance itself says what it lacks, and the stage has looked before."""
        return {}

    def create(self, request: dict[str, Any]) -> None:
        """Start the instance; end it at once where a person has cancelled the task meanwhile."""
        self.limit_log(self.log_group, tags={PROJECT_TAG: self.settings.project})
        self._new_id = self._made[request["ClientToken"]] = self.hook.run_instance(request)
        if self._is_cancelled:
            self._end_new()

    def cancel(self) -> None:
        """Terminate the instance, also one that was made a moment ago, which EC2 may not show yet."""
        super().cancel()
        if self.live_job is None:
            self._end_new()

    def _end_new(self) -> None:
        if not self._new_id:
            return
        logger.warning("%s: the task was killed by a person, terminating", self._new_id)
        self.leave(self._new_id)
        try:
            self.hook.terminate(self._new_id)
        except (BotoCoreError, ClientError) as error:  # the run's teardown tries again
            logger.error("%s: not terminated: %s", self._new_id, error)

    def describe(self, name: str) -> Description:
        """Return the job's description."""
        description = self.find(name)
        if description is None and name in self._made:
            self.hook.wait_until_shown(name=name, instance_id=self._made[name])
            description = self.find(name)
        if description is None:
            raise JobFailedError(f"EC2 and S3 know nothing of {name} any more. Clear this task to start it.")
        return description

    def find(self, name: str) -> Description | None:
        """Return the job's description, or None where there is neither an instance nor a word of it."""
        made = self._made.get(name, "")
        found: Description | None = self.hook.find_job(
            self.settings, name=name, s3=self.s3_hook, instance_id=made
        )
        return found

    def _find_latest_attempt(self) -> Description | None:
        """Return the description of the last attempt, also behind some of which nothing is known any more.

        EC2 forgets an instance within an hour of its end, and one that was taken away has left no word.
        """
        name, latest, unknown = str(self.request[self.name_key]), None, 0
        while unknown <= MAX_AWS_FAILURES:
            found = self.find(name)
            latest, unknown = (found, 0) if found else (latest, unknown + 1)
            name = self._name_following(name)
        return latest

    def stop(self, name: str) -> None:
        """Terminate the instance."""
        if instance_id := str(self.describe(name)["InstanceId"]):
            self.hook.terminate(instance_id)

    def rename(self, request: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the same request under another name."""
        from musher.payloads.ec2_jobs import rename_instance  # no business of the DAG's parse

        return rename_instance(request, job_name=name)

    def limit_s(self, job: Description) -> float:
        """Return the script's own limit, and a grace."""
        return float(job["LimitInSeconds"]) + GRACE_S

    def leave(self, tagged: str) -> bool:
        """Mark that this cancel ends the instance; return that it may: no other run waits for it."""
        if tagged:
            try:
                self.hook.mark_cancelled(tagged)
            except ClientError as error:  # the instance costs, the mark only helps
                logger.warning("%s: not marked as cancelled: %s", tagged, error)
        return True

    def find_flaw(self, description: Description) -> str | None:
        """Return that a completed job's model is gone, or None."""
        from musher.payloads.ec2_jobs import artifact_uris

        uri = artifact_uris(self.settings, job_name=description[self.name_key])["model_uri"]
        return None if has_object(self.s3_hook, uri=uri) else f"there is no {uri}"

    def find_change(self, description: Description, request: dict[str, Any]) -> str | None:
        """Return that the job trains something else, or elsewhere: its hash is another one."""
        from musher.payloads.ec2_jobs import content_of

        wanted = content_of(request)
        if description["Content"] in ("", wanted):
            return None
        return "it trains with other options, code, data or on another type of instance"

    def is_repeatable(self, description: Description, reason: str) -> bool:
        """Return whether AWS took the instance away, not the job failed, or another request's cancel did."""
        if description[self.status_key] == "Stopped":
            return bool(description["IsCancelled"])
        return super().is_repeatable(description, reason)

    def wait_for(self, context: Context, trigger: WaitTrigger | PauseTrigger) -> Any:
        """Wait for the instance; one that EC2 has forgotten is no more."""
        self._new_id = ""
        if isinstance(trigger, InstanceJobTrigger) and not trigger.arguments["InstanceIds"]:
            return self.go_on(context, WaitEnd(outcome=SUCCESS, carried=trigger.carried))
        return super().wait_for(context, trigger)

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Terminate an instance that never began; else go on as with every job.

        A description that lags behind may take one that was just made for one that is gone.
        """
        if end.carried["step"] == FORGOTTEN:
            record = JobRecord(**end.carried["record"])
            if self.find(record.job_name) is None:
                return self._take_next_name(context, record)
            return self.answer(context)  # it may train something else
        if end.outcome == FAILURE and end.carried["step"] == WAIT:
            name = str(end.carried["record"]["job_name"])
            description = self.describe(name)
            console = self.hook.read_console(str(description["InstanceId"]))
            self.try_to_stop(name)
            if not end.message:  # it is stopped, which nobody here asks for, and its disk costs
                raise self._failure(description, str(description["FailureReason"]))
            raise JobFailedError(
                f"{self.noun} {name}: {end.message}, and was terminated. Its network may have no route to S3 "
                f"and CloudWatch Logs, or its image no aws command. Its console:\n{console}"
            )
        if end.outcome == SUCCESS and end.carried["step"] == WAIT:
            record = JobRecord(**end.carried["record"])
            description = self.describe(record.job_name)
            if description[self.status_key] in ("InProgress", "Stopping"):
                return self.wait_for(context, self._make_trigger(description, step=WAIT, record=record))
        return super().go_on(context, end)

    def explain(self, description: Description) -> str:
        """Return the last lines of the job's log; what the console says where there are none."""
        name, group = description[self.name_key], names.instance_log_group(self.settings)
        lines = self.show_last_lines(name)
        if lines.startswith("(") and description["InstanceId"]:
            return f"Last lines of its console:\n{self.hook.read_console(description['InstanceId'])}"
        return f"Last lines of its log ({group}, {name}/):\n{lines}"

    @property
    def log_group(self) -> str:  # type: ignore[override]  # a constant of SageMaker's jobs
        """Return the log group of these jobs."""
        return names.instance_log_group(self.settings)

    def summarise(self, description: Description) -> dict[str, Any]:
        """Return the job's name, artifact addresses and times."""
        from musher.payloads.ec2_jobs import artifact_uris

        name, seconds = description[self.name_key], description["Seconds"]
        uris = artifact_uris(self.settings, job_name=name)
        return {
            "job_name": name,
            "model_uri": uris["model_uri"],
            "model_sha256": description["ModelSha256"],
            "output_uri": uris["output_uri"],
            "instance_id": description["InstanceId"],
            "instance_type": description["InstanceType"],
            "is_spot": description["IsSpot"],
            "training_seconds": seconds.get("train"),
            "seconds": seconds.get("total"),
        }

    def _make_trigger(self, description: Description, *, step: str, record: JobRecord) -> InstanceJobTrigger:
        """Return the wait for the instance's end, bounded by the job's own limit, counted from its launch.

        One that has been told to end, to make room for the next, need not have booted.
        """
        launched = description["CreationTime"]
        began = launched.timestamp() if launched else clock.now()
        boot_s = self.boot_limit_s if step == WAIT else self.limit_s(description)
        return InstanceJobTrigger(
            arguments={"InstanceIds": [description["InstanceId"]] if description["InstanceId"] else []},
            connection=self._hook_parameters,
            delay_s=self.settings.poll_interval_s,
            deadline=began + self.limit_s(description),
            carried={
                "step": step,
                "record": asdict(record),
                "log_group": self.log_group,
                "boot_deadline": began + boot_s,
            },
        )
