"""A training job on an EC2 instance: started once, found again, ended, and told apart by how it ended."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from musher.hooks import ec2 as hooks
from musher.hooks.ec2 import MusherEc2Hook, terminate_instances
from musher.operators import jobs
from musher.operators.ec2 import BOOT_S, GRACE_S, RunTrainingInstanceOperator
from musher.payloads.ec2 import build_run_instances
from musher.settings import Settings
from musher.triggers import ec2 as triggers
from musher.triggers.ec2 import InstanceJobTrigger
from musher.triggers.here import run_here
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fake_ec2 import END, FakeBucket, FakeEc2
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeLogs, FakeTask, refuse
from tests.unit.musher.payloads.test_ec2_payload import NAME, TEMPLATE, plan_with

Make = Callable[..., RunTrainingInstanceOperator]
SPOT_GONE = {"status": "Interrupted", "reason": "AWS takes this Spot Instance away"}


class FakeEc2Hook(FakeHook):
    """Musher's own hook on EC2 in memory."""

    find_instance = MusherEc2Hook.find_instance
    list_instances = MusherEc2Hook.list_instances
    find_job = MusherEc2Hook.find_job
    run_instance = MusherEc2Hook.run_instance
    _find_made_before = MusherEc2Hook._find_made_before
    wait_until_shown = MusherEc2Hook.wait_until_shown
    terminate = MusherEc2Hook.terminate
    mark_cancelled = MusherEc2Hook.mark_cancelled
    read_console = MusherEc2Hook.read_console
    _describe = MusherEc2Hook._describe


@pytest.fixture
def ec2(fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> FakeEc2:
    """EC2 in memory."""
    made = FakeEc2()
    monkeypatch.setattr(FakeBucket, "ec2", made, raising=False)
    monkeypatch.setattr(FakeBucket, "has_models", True)
    return made


@pytest.fixture
def hook(ec2: FakeEc2) -> Any:
    """A hook for it."""
    return FakeEc2Hook(ec2, "ec2")


@pytest.fixture
def make(hook: Any, settings: Settings, log_groups: FakeLogs, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that makes the operator anew, as each try's process does."""
    monkeypatch.setattr(jobs, "S3Hook", FakeBucket)
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    monkeypatch.setattr(triggers, "AwsLogsHook", lambda **_: FakeHook(log_groups, "logs"))
    monkeypatch.setattr(hooks.time, "sleep", lambda _: None)

    def made(*, plan: dict[str, Any] | None = None, **changes: Any) -> RunTrainingInstanceOperator:
        request = build_run_instances(settings, plan=plan_with(**(plan or {})), template=TEMPLATE)
        operator = RunTrainingInstanceOperator(**{"task_id": "run_job", "config": request, **changes})
        operator.__dict__ |= {"hook": hook, "settings": replace(settings, poll_interval_s=10)}
        return operator

    return made


def test_an_instance_is_started_once_whatever_is_tried_again(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, logs: dict[str, list[str]], caplog: Any
) -> None:
    caplog.set_level("INFO")
    logs[f"{NAME}/instance"] = ["epoch 1"]
    found = make().execute(airflow_task.context())
    folder = f"s3://musher-123456789012-us-east-1/musher/jobs/{NAME}/output"
    assert found == {
        "job_name": NAME,
        "model_uri": f"{folder}/model.tar.gz",
        "model_sha256": "ab",
        "output_uri": f"{folder}/output.tar.gz",
        "instance_id": "i-1",
        "instance_type": "m5.xlarge",
        "is_spot": False,
        "training_seconds": 30.0,
        "seconds": 45.0,
    }
    assert make().execute(airflow_task.retry()) == found
    assert [request["ClientToken"] for request in ec2.requests] == [NAME]
    assert "[instance] epoch 1" in caplog.text


def test_a_result_outlives_what_ec2_remembers(make: Make, ec2: FakeEc2, airflow_task: FakeTask) -> None:
    """An hour after its end EC2 forgets an instance; a second one would be paid for nothing."""
    make().execute(airflow_task.context())
    ec2.forget()
    found = make().execute(airflow_task.clear())
    assert (found["job_name"], found["instance_id"], found["seconds"]) == (NAME, "", 45.0)
    assert len(ec2.requests) == 1


def test_a_try_that_died_after_its_request_finds_its_instance(
    make: Make, ec2: FakeEc2, hook: Any, airflow_task: FakeTask
) -> None:
    operator = make()
    ec2.run_instances(**operator.config)
    ec2.hidden_looks = 1  # and EC2 does not show it at first
    assert operator.execute(airflow_task.context())["instance_id"] == "i-1"
    assert len(ec2.requests) == 1


def test_a_request_with_other_tags_finds_the_instance_of_the_first(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    """A request that is made anew has another time of expiry, which EC2 takes for a contradiction."""
    ec2.run_instances(**make().config)
    ec2.hidden_looks = 2
    later = make(plan={"tags": {"musher:project": "musher", "musher:run": "r", "musher:expires-at": "later"}})
    assert later.execute(airflow_task.context())["instance_id"] == "i-1"
    assert len(ec2.requests) == 1


def test_an_instance_that_ec2_never_shows_fails_the_try_alone(
    make: Make, ec2: FakeEc2, hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "SHOWN_S", 0.0)
    with pytest.raises(TimeoutError, match=r"EC2 does not show the instance i-9\. Try again"):
        hook.wait_until_shown(name=NAME, instance_id="i-9")


LATER = {"tags": {"musher:project": "musher", "musher:run": "r", "musher:expires-at": "later"}}


def cancel_and_forget(make: Make, ec2: FakeEc2, airflow_task: FakeTask) -> None:
    """Start an instance, cancel it as a person does, and let an hour pass."""
    ec2.script = ["running"]
    operator = make(deferrable=True)
    with pytest.raises(TaskDeferred):
        operator.execute(airflow_task.context())
    airflow_task.state = "failed"
    operator.on_kill()
    ec2.forget()
    airflow_task.state, ec2.script = "running", ["running", "terminated"]


def test_a_run_that_was_cancelled_and_is_cleared_hours_later_starts_the_next_instance(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, fake_clock: FakeClock
) -> None:
    """EC2 has forgotten the instance and knows its token: it says that that one is terminated."""
    cancel_and_forget(make, ec2, airflow_task)
    began = fake_clock.now()
    assert make().execute(airflow_task.clear())["job_name"] == f"{NAME}-2"
    assert [request["ClientToken"] for request in ec2.requests] == [NAME, f"{NAME}-2"]
    assert fake_clock.now() - began < hooks.FORGOTTEN_S


def test_a_name_that_was_another_request_s_is_passed_over_once_its_instance_would_have_been_shown(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EC2 says nothing of the instance then: it may live, and be shown late."""
    monkeypatch.setattr(hooks, "SHOWN_S", 0.0)
    cancel_and_forget(make, ec2, airflow_task)
    began = fake_clock.now()
    assert make(plan=LATER).execute(airflow_task.clear())["job_name"] == f"{NAME}-2"
    assert hooks.FORGOTTEN_S <= fake_clock.now() - began < hooks.FORGOTTEN_S + 60
    assert make(plan=LATER).execute(airflow_task.retry())["job_name"] == f"{NAME}-2"
    assert [request["ClientToken"] for request in ec2.requests] == [NAME, f"{NAME}-2"]


def test_an_instance_that_is_shown_minutes_late_is_adopted_and_no_second_one_paid(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "SHOWN_S", 0.0)
    ec2.run_instances(**make().config)
    ec2.hidden_looks = 1000
    context = airflow_task.clear()
    with pytest.raises(TaskDeferred) as pause:
        make(plan=LATER, deferrable=True).execute(context)
    assert pause.value.trigger.carried["record"]["job_name"] == NAME
    with pytest.raises(TaskDeferred) as again:  # the worker was lost amid the pause
        make(plan=LATER, deferrable=True).execute(airflow_task.retry())
    ec2.hidden_looks = 0
    event = run_here(again.value.trigger, must_leave=lambda: False)
    assert make(plan=LATER).resume(context, event)["instance_id"] == "i-1"
    assert len(ec2.requests) == 1


def test_an_instance_that_is_shown_late_and_trains_something_else_makes_room(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "SHOWN_S", 0.0)
    ec2.script = ["running"]
    ec2.run_instances(**make().config)
    ec2.hidden_looks, changed, context = 1000, {"options": {"epochs": "9"}}, airflow_task.clear()
    with pytest.raises(TaskDeferred) as pause:
        make(plan=changed, deferrable=True).execute(context)
    ec2.hidden_looks, ec2.script = 0, ["running", "terminated"]
    event = run_here(pause.value.trigger, must_leave=lambda: False)
    assert make(plan=changed).resume(context, event)["job_name"] == f"{NAME}-2"
    assert ec2.terminated == ["i-1"]


def test_a_try_whose_own_instance_is_gone_without_a_word_asks_a_person(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    """Nobody has asked for another instance; clearing the task does."""
    ec2.script = ["running"]
    with pytest.raises(TaskDeferred):
        make(deferrable=True).execute(airflow_task.context())
    ec2.terminate_instances(InstanceIds=["i-1"])
    ec2.forget()
    with pytest.raises(AirflowFailException, match=r"shows none any more\. Clear this task: that starts the"):
        make().execute(airflow_task.retry())
    assert len(ec2.requests) == 1
    ec2.script = ["running", "terminated"]
    assert make().execute(airflow_task.clear())["job_name"] == f"{NAME}-2"


def test_a_cancel_amid_the_request_terminates_the_instance_that_it_makes(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process has five seconds to live, and EC2 may show an instance later than that."""
    operator = make()

    def cancel() -> None:
        airflow_task.state = "failed"
        operator.on_kill()

    def be_killed(**_: Any) -> None:
        raise KeyboardInterrupt

    ec2.on_run = cancel
    monkeypatch.setattr(operator.hook, "find_job", lambda *_, **__: None)
    monkeypatch.setattr(operator.hook, "wait_until_shown", be_killed)
    with pytest.raises(KeyboardInterrupt):
        operator.execute(airflow_task.context())
    assert ec2.terminated == ["i-1"]
    assert {"Key": "musher:stopped-by", "Value": "cancelled"} in ec2.instances["i-1"]["Tags"]


def test_a_cancel_before_ec2_shows_the_instance_terminates_it(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = make()

    def cancel_and_be_killed(**_: Any) -> None:
        airflow_task.state = "failed"
        operator.on_kill()
        raise KeyboardInterrupt

    monkeypatch.setattr(operator.hook, "find_job", lambda *_, **__: None)
    monkeypatch.setattr(operator.hook, "wait_until_shown", cancel_and_be_killed)
    with pytest.raises(KeyboardInterrupt):
        operator.execute(airflow_task.context())
    assert ec2.terminated == ["i-1"]


def test_a_refused_request_fails_the_task_for_good(make: Make, ec2: FakeEc2, airflow_task: FakeTask) -> None:
    def refuse_it() -> None:
        raise refuse("VcpuLimitExceeded", "RunInstances")

    ec2.on_run = refuse_it
    with pytest.raises(AirflowFailException, match=r"AWS refuses RunInstances \(VcpuLimitExceeded\)"):
        make().execute(airflow_task.context())


def test_the_script_s_reason_is_told_with_the_end_of_its_log(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, logs: dict[str, list[str]], caplog: Any
) -> None:
    logs[f"{NAME}/instance"] = ["the last line"]
    ec2.ends = [{"status": "Failed", "reason": "no such class: wolf"}, dict(END)]
    with pytest.raises(
        AirflowFailException, match=f"Training instance {NAME} is Failed: no such class: wolf"
    ):
        make().execute(airflow_task.context())
    assert "the last line" in caplog.text
    assert make().execute(airflow_task.clear())["job_name"] == f"{NAME}-2"


def test_an_instance_without_a_word_is_told_by_its_console(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, caplog: Any
) -> None:
    ec2.ends = [None]
    with pytest.raises(AirflowFailException, match="i-1 shut itself down and left no word"):
        make().execute(airflow_task.context())
    assert "the console of i-1" in caplog.text


@pytest.mark.parametrize("said", [SPOT_GONE, None], ids=["with-a-word", "without-one"])
def test_the_next_instance_follows_one_that_aws_took_away(
    said: dict[str, Any] | None, make: Make, ec2: FakeEc2, airflow_task: FakeTask, fake_clock: FakeClock
) -> None:
    ec2.ends, ec2.reason = [said, dict(END)], "Server.SpotInstanceTermination"
    found = make(plan={"is_spot": True}).execute(airflow_task.context())
    assert found["job_name"] == f"{NAME}-2"
    assert [request["ClientToken"] for request in ec2.requests] == [NAME, f"{NAME}-2"]
    assert jobs.PAUSE_S in fake_clock.slept
    orders = [request["UserData"].split("ORDER")[-2] for request in ec2.requests]
    assert orders[0] == orders[1]


def test_a_result_is_found_behind_instances_that_ec2_has_forgotten(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    """Those that were taken away without a word leave nothing, and the next one's result is paid for."""
    ec2.ends, ec2.reason = [None, None, dict(END)], "Server.SpotInstanceTermination"
    make(plan={"is_spot": True}).execute(airflow_task.context())
    ec2.forget()
    found = make(plan={"is_spot": True}).execute(airflow_task.clear())
    assert found["job_name"] == f"{NAME}-3"
    assert len(ec2.requests) == 3


def test_an_instance_that_is_taken_away_for_ever_ends_the_task(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    ec2.ends = [SPOT_GONE]
    with pytest.raises(AirflowFailException, match="its checkpoints are kept"):
        make(plan={"is_spot": True}).execute(airflow_task.context())
    assert len(ec2.requests) == jobs.MAX_AWS_FAILURES + 1


def test_an_instance_that_says_nothing_in_time_is_terminated(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, fake_clock: FakeClock, caplog: Any
) -> None:
    ec2.script = ["running"]
    with pytest.raises(AirflowFailException, match="wrote nothing to its log in time, and was terminated"):
        make().execute(airflow_task.context())
    assert ec2.terminated == ["i-1"]
    assert BOOT_S <= sum(fake_clock.slept) <= BOOT_S + 20
    assert "the console of i-1" in caplog.text


def test_an_instance_that_somebody_stops_is_terminated(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    """Its disk would cost for ever."""
    ec2.script = ["running", "running", "running", "running", "stopped"]
    with pytest.raises(AirflowFailException, match="is Failed: the instance i-1 is stopped"):
        make().execute(airflow_task.context())
    assert ec2.terminated == ["i-1"]


def test_an_instance_whose_log_cannot_be_read_is_left_alone(
    make: Make, ec2: FakeEc2, log_groups: FakeLogs, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be well: what is not known is no reason to end it."""

    def deny(**_: Any) -> None:
        raise refuse("AccessDeniedException", "DescribeLogStreams")

    monkeypatch.setattr(log_groups, "describe_log_streams", deny)
    ec2.script = ["running"] * 100 + ["terminated"]
    assert make().execute(airflow_task.context())["job_name"] == NAME
    assert ec2.terminated == []


def test_a_log_that_cannot_be_read_any_more_ends_no_instance(
    make: Make, ec2: FakeEc2, log_groups: FakeLogs, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was empty at first, and nobody knows what has come since."""
    looks: list[Any] = []

    def deny_later(**_: Any) -> dict[str, Any]:
        looks.append(_)
        if len(looks) > 3:
            raise refuse("ThrottlingException", "DescribeLogStreams")
        return {"logStreams": []}

    monkeypatch.setattr(log_groups, "describe_log_streams", deny_later)
    ec2.script = ["running"] * 100 + ["terminated"]
    assert make().execute(airflow_task.context())["job_name"] == NAME
    assert ec2.terminated == []


def test_an_instance_that_outlives_its_limit_is_terminated(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, logs: dict[str, list[str]], fake_clock: FakeClock
) -> None:
    logs[f"{NAME}/instance"] = ["epoch 1"]
    ec2.script = ["running"]
    with pytest.raises(AirflowFailException, match=r"did not end in 5400 s and was told to stop"):
        make().execute(airflow_task.context())
    assert ec2.terminated == ["i-1"]
    assert 3600 + GRACE_S - 20 <= sum(fake_clock.slept) <= 3600 + GRACE_S


@pytest.mark.parametrize("lagging", range(3, 8))
def test_a_description_that_lags_behind_ends_no_wait(
    lagging: int, make: Make, ec2: FakeEc2, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance that was just made may be unknown by its id for a moment: that is not its end."""
    known, looks = ec2.describe_instances, []

    def describe(**asked: Any) -> dict[str, Any]:
        looks.append(asked)
        if len(looks) == lagging:
            raise refuse("InvalidInstanceID.NotFound", "DescribeInstances")
        return known(**asked)

    ec2.script = ["running"] * 9 + ["terminated"]
    monkeypatch.setattr(ec2, "describe_instances", describe)
    assert make().execute(airflow_task.context())["seconds"] == 45.0


def test_a_model_that_is_gone_is_trained_again(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make().execute(airflow_task.context())
    monkeypatch.setattr(FakeBucket, "has_models", False)
    with pytest.raises(AirflowFailException, match=r"is Completed: there is no s3://.*model\.tar\.gz"):
        make().execute(airflow_task.clear())
    assert len(ec2.requests) == 2


def test_other_options_are_another_attempt(make: Make, ec2: FakeEc2, airflow_task: FakeTask) -> None:
    make().execute(airflow_task.context())
    found = make(plan={"options": {"epochs": "9"}}).execute(airflow_task.clear())
    assert found["job_name"] == f"{NAME}-2"


def test_a_person_s_cancel_terminates_the_instance_and_a_lost_worker_does_not(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    ec2.script = ["running"]
    operator = make(deferrable=True)
    with pytest.raises(TaskDeferred):
        operator.execute(airflow_task.context())
    operator.on_kill()
    assert ec2.terminated == []
    airflow_task.state = "failed"
    operator.on_kill()
    assert ec2.terminated == ["i-1"]


def test_a_deferred_wait_goes_on_from_what_is_stored_and_a_cancel_terminates(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    ec2.script = ["running"]
    with pytest.raises(TaskDeferred) as wait:
        make(deferrable=True).execute(airflow_task.context())
    kind, stored = wait.value.trigger.serialize()
    assert kind == "musher.triggers.ec2.InstanceJobTrigger"
    again = InstanceJobTrigger(**stored)
    asyncio.run(again.on_kill())
    assert ec2.terminated == ["i-1"]


def test_an_instance_that_somebody_terminates_in_the_console_fails_the_task(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    ec2.script = ["running"]
    with pytest.raises(TaskDeferred) as wait:
        make(deferrable=True).execute(airflow_task.context())
    ec2.terminate_instances(InstanceIds=["i-1"])
    event = run_here(wait.value.trigger, must_leave=lambda: False)
    with pytest.raises(AirflowFailException, match="is Stopped: somebody terminated the instance i-1"):
        make(deferrable=True).resume(airflow_task.context(), event)


def test_a_run_s_own_instances_are_terminated_and_no_others(make: Make, ec2: FakeEc2, hook: Any) -> None:
    ec2.script = ["running"]
    for slug in ("mine", "other"):
        tags = {"musher:project": "musher", "musher:run": slug}
        ec2.run_instances(**make(plan={"job_name": f"musher-ec2-{slug}", "tags": tags}).config)
    assert terminate_instances(hook, project="musher", slug="mine") == ["instance i-1"]
    assert ec2.terminated == ["i-1"]
    assert terminate_instances(hook, project="musher", slug="mine") == []


@pytest.mark.parametrize(
    ("state", "is_listed"),
    [
        ("pending", True),
        ("stopping", True),
        ("stopped", True),
        ("shutting-down", False),
        ("terminated", False),
    ],
)
def test_an_instance_that_shuts_down_is_left_to_itself(
    state: str, is_listed: bool, make: Make, ec2: FakeEc2, hook: Any
) -> None:
    """It costs nothing any more; one that is stopped keeps its disk."""
    ec2.script = [state]
    ec2.run_instances(**make().config)
    assert bool(hook.list_instances(project="musher")) is is_listed


def test_a_last_word_that_is_none_fails_the_job(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_object(self: FakeBucket, **_: Any) -> dict[str, Any]:
        return {"Body": SimpleNamespace(read=lambda: b"<html>")}

    monkeypatch.setattr(FakeBucket, "get_object", get_object)
    with pytest.raises(AirflowFailException, match=r"ended\.json is not what a job writes"):
        make().execute(airflow_task.context())


def test_a_cleared_task_that_finds_its_old_instance_on_its_way_out_starts_the_next(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    """Clearing a deferred task lets the triggerer terminate; the next try begins while that lasts."""
    ec2.script = ["running"]
    with pytest.raises(TaskDeferred) as wait:
        make(deferrable=True).execute(airflow_task.context())
    asyncio.run(wait.value.trigger.on_kill())
    ec2.instances["i-1"]["states"] = ["shutting-down"] * 3 + ["terminated"]
    ec2.script = ["running", "terminated"]
    assert make().execute(airflow_task.clear())["job_name"] == f"{NAME}-2"
    assert [request["ClientToken"] for request in ec2.requests] == [NAME, f"{NAME}-2"]


@pytest.mark.parametrize("is_deferred", [True, False], ids=["deferred", "in-the-worker"])
def test_a_try_that_was_quicker_than_the_cancel_of_the_one_before_starts_the_next(
    is_deferred: bool, make: Make, ec2: FakeEc2, airflow_task: FakeTask
) -> None:
    """It has taken the instance for its own, which the clearing of the try before then terminates."""
    ec2.script = ["running"]
    operator = make(deferrable=True)
    with pytest.raises(TaskDeferred) as before:
        operator.execute(airflow_task.context())
    context = airflow_task.clear()
    with pytest.raises(TaskDeferred) as wait:
        make(deferrable=True).execute(context)
    if is_deferred:
        asyncio.run(before.value.trigger.on_kill())
    else:
        airflow_task.state = "restarting"
        operator.on_kill()
    event = run_here(wait.value.trigger, must_leave=lambda: False)
    with pytest.raises(TaskDeferred) as pause:
        make(deferrable=True).resume(context, event)
    assert pause.value.trigger.carried["record"]["job_name"] == f"{NAME}-2"


def test_an_old_instance_that_never_spoke_makes_room_all_the_same(
    make: Make, ec2: FakeEc2, airflow_task: FakeTask, fake_clock: FakeClock
) -> None:
    ec2.script = ["running"]
    with pytest.raises(TaskDeferred):
        make(deferrable=True).execute(airflow_task.context())
    fake_clock.time += BOOT_S + 1
    changed, context = {"options": {"epochs": "9"}}, airflow_task.clear()
    with pytest.raises(TaskDeferred) as wait:
        make(deferrable=True, plan=changed).execute(context)
    ec2.instances["i-1"]["states"] = ["shutting-down"] * 3 + ["terminated"]
    event = run_here(wait.value.trigger, must_leave=lambda: False)
    ec2.script = ["running", "terminated"]
    assert make(plan=changed).resume(context, event)["job_name"] == f"{NAME}-2"
