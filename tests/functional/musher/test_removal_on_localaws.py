"""What a teardown does, against jobs and log groups that are really there."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from musher import names
from musher.hooks.connection import logs_hook, sagemaker_hook
from musher.hooks.jobs import stop_training_jobs
from musher.hooks.log_groups import limit_log_group, remove_log_group
from musher.hooks.waits import wait_until
from musher.settings import Settings
from tests.functional.musher.test_operators_on_localaws import NEVER_ENDS, request_for

__all__ = ["request_for"]

Make = Callable[..., Any]


def test_live_attempts_of_a_job_are_stopped_and_ended_ones_left(
    installation: Settings,
    request_for: Make,  # pytest finds the fixture by its name
) -> None:
    hook = sagemaker_hook(installation)
    request = request_for(NEVER_ENDS)
    name = request["TrainingJobName"]
    second = names.next_attempt(name)
    for job_name in (name, second):
        hook.conn.create_training_job(**{**request, "TrainingJobName": job_name})
    assert stop_training_jobs(hook, name=name) == [f"training job {name}", f"training job {second}"]
    for job_name in (name, second):
        waiter = hook.get_waiter("TrainingJobEnded")
        wait_until(waiter, arguments={"TrainingJobName": job_name}, delay_s=0.1, timeout_s=60)
        ended = hook.find_training_job(job_name)
        assert ended
        assert ended["TrainingJobStatus"] == "Stopped"
    assert stop_training_jobs(hook, name=name) == []


def test_a_log_group_gets_an_end_and_is_removed(installation: Settings) -> None:
    hook, group = logs_hook(installation), f"/aws/lambda/{uuid.uuid4().hex}"
    for days in (7, 30):
        limit_log_group(hook, group=group, days=days, tags={"musher:project": "opstest"})
    [found] = hook.conn.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["retentionInDays"] == 30
    assert hook.conn.list_tags_log_group(logGroupName=group)["tags"] == {"musher:project": "opstest"}
    assert remove_log_group(hook, group=group)
    assert not remove_log_group(hook, group=group)
    assert hook.conn.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


@pytest.mark.parametrize("days", [0, 2])
def test_days_that_aws_does_not_know_are_refused_before_any_call(installation: Settings, days: int) -> None:
    import dataclasses

    from musher.errors import SettingsError

    with pytest.raises(SettingsError, match=f"MUSHER_LOG_DAYS is {days}. Set it to one of 1, 3, 5"):
        dataclasses.replace(installation, log_days=days)
