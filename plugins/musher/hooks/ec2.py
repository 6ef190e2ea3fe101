"""Find, make and end EC2 instances that are one training job each."""

import json
import logging
import time
from collections.abc import Iterator
from os import PathLike
from typing import Any

from airflow.providers.amazon.aws.hooks.ec2 import EC2Hook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import ClientError

from musher import names
from musher.errors import SpentNameError
from musher.hooks.answers import WholeAnswers
from musher.hooks.waits import WAITERS
from musher.payloads.ec2_jobs import LIVE, NAME_TAG, artifact_uris, cancelled_tags, describe_job
from musher.payloads.tags import PROJECT_TAG, RUN_TAG
from musher.settings import Settings

logger = logging.getLogger(__name__)

GONE = "InvalidInstanceID.NotFound"
MISMATCH = "IdempotentParameterMismatch"
"""Another request with this token came first: its tags have another time. It may have made an instance, which
lives or has ended, or none, where AWS had no capacity."""

TERMINATED = "IdempotentInstanceTerminated"
"""The instance that was made with this token is terminated: https://github.com/boto/boto3/issues/4406.
A token holds for at least a day after that, and descriptions for an hour."""

SHOWN_S, LOOK_S = 60.0, 2.0
"""How long an instance that was just made may be unknown to descriptions, and how often is looked."""

FORGOTTEN_S = 600.0
"""Past this an instance that descriptions do not show is gone: they may lag behind by minutes.
https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html"""

CONSOLE_LINES = 20


class MusherEc2Hook(WholeAnswers, EC2Hook):
    """Add waits as data to the provider's hook."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the parameters of every AWS hook."""
        super().__init__("client_type", *args, **kwargs)

    @property
    def waiter_path(self) -> PathLike[str]:
        """Return the file of Musher's own EC2 waiters."""
        return WAITERS / "ec2.json"

    def find_instance(self, *, name: str, instance_id: str = "") -> dict[str, Any] | None:
        """Return the instance of this id, else the latest of this Name; None where EC2 shows none."""
        named = [{"Name": f"tag:{NAME_TAG}", "Values": [name]}]
        asked: dict[str, Any] = {"InstanceIds": [instance_id]} if instance_id else {"Filters": named}
        try:
            found = list(self._describe(**asked))
        except ClientError as error:
            if error.response["Error"]["Code"] == GONE:
                return None
            raise
        return max(found, key=lambda instance: instance["LaunchTime"], default=None)

    def list_instances(self, *, project: str, slug: str = "") -> list[dict[str, Any]]:
        """Return the instances of a project, or of one run, that may still cost."""
        tags = {PROJECT_TAG: project, **({RUN_TAG: slug} if slug else {})}
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
        return list(self._describe(Filters=[*filters, {"Name": "instance-state-name", "Values": list(LIVE)}]))

    def _describe(self, **asked: Any) -> Iterator[dict[str, Any]]:
        for page in self.conn.get_paginator("describe_instances").paginate(**asked):
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]

    def find_job(self, settings: Settings, *, name: str, s3: S3Hook, instance_id: str = "") -> Any:
        """Return the description of a job, or None."""
        instance = self.find_instance(name=name, instance_id=instance_id)
        ended = read_end(s3, settings, job_name=name)  # last: it is written before the instance shuts down
        return describe_job(name, instance=instance, ended=ended)

    def run_instance(self, request: dict[str, Any]) -> str:
        """Start the instance, or find the one that another try has started; return its id.

        SpentNameError where the name was taken, and no instance has it any more.
        """
        try:
            [made] = self.conn.run_instances(**request)["Instances"]
        except ClientError as error:
            if (code := error.response["Error"]["Code"]) not in (MISMATCH, TERMINATED):
                raise
            logger.info("%s: asked for already by another try (%s)", request["ClientToken"], code)
            return self._find_made_before(str(request["ClientToken"]), is_told=code == TERMINATED)
        return str(made["InstanceId"])

    def _find_made_before(self, name: str, *, is_told: bool) -> str:
        """Return the id of the instance that another request has made; SpentNameError without one."""
        try:
            found = self.wait_until_shown(name=name, instance_id="", is_patient=not is_told)
        except TimeoutError:
            raise SpentNameError(
                f"An instance {name} was asked for before, and EC2 shows none any more. Clear this task: "
                "that starts the next attempt.",
                is_told=is_told,
            ) from None
        return str(found["InstanceId"])

    def wait_until_shown(self, *, name: str, instance_id: str, is_patient: bool = True) -> dict[str, Any]:
        """Return an instance that EC2 may show late; TimeoutError past a minute, or after the first looks."""
        deadline = time.monotonic() + (SHOWN_S if is_patient else 0.0)
        while (found := self.find_instance(name=name, instance_id=instance_id)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"EC2 does not show the instance {instance_id or name}. Try again.")
            time.sleep(LOOK_S)
        return found

    def terminate(self, instance_id: str) -> bool:
        """Ask for the end of an instance; return whether there is one."""
        try:
            self.conn.terminate_instances(InstanceIds=[instance_id])
        except ClientError as error:
            if error.response["Error"]["Code"] != GONE:
                raise
            return False
        return True

    def mark_cancelled(self, instance_id: str) -> None:
        """Mark that a cancel, not a person in AWS's console, terminates the instance."""
        self.conn.create_tags(Resources=[instance_id], Tags=cancelled_tags())

    def read_console(self, instance_id: str) -> str:
        """Return the last lines of an instance's console: what there is where its log says nothing."""
        try:
            text = str(self.conn.get_console_output(InstanceId=instance_id).get("Output") or "")
        except ClientError as error:
            return f"(the console of {instance_id} cannot be read: {error})"
        return "\n".join(text.splitlines()[-CONSOLE_LINES:]) or f"(nothing on the console of {instance_id})"


def read_end(objects: S3Hook, settings: Settings, *, job_name: str) -> dict[str, Any] | None:
    """Return how a job says that it has ended, or None."""
    bucket, key = names.split_s3_uri(artifact_uris(settings, job_name=job_name)["ended_uri"])
    if not objects.check_for_key(key, bucket):
        return None
    body = objects.get_conn().get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        ended = json.loads(body)
    except ValueError:
        ended = None
    if isinstance(ended, dict):
        return ended
    return {"status": "Failed", "reason": f"s3://{bucket}/{key} is not what a job writes"}


def terminate_instances(hook: MusherEc2Hook, *, project: str, slug: str) -> list[str]:
    """Terminate what a run's instances are left; return them."""
    found = hook.list_instances(project=project, slug=slug)
    for instance in found:
        hook.terminate(instance["InstanceId"])
        logger.warning("%s: was still there, terminated", instance["InstanceId"])
    return [f"instance {instance['InstanceId']}" for instance in found]
