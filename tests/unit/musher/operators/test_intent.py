"""Who asked for a try, and what follows: the cases of docs/adr/010-a-persons-intent-is-recorded.md."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowTaskTimeout,
    TaskDeferred,
)
from airflow.sdk.execution_time.task_runner import _run_execute_callable

from musher import clock
from musher.hooks.calls import hold
from musher.hooks.logs import LogTail
from musher.hooks.sharing import STOPPED, mark_stopped, waiting_tag
from musher.names import run_slug
from musher.operators import intent, training
from musher.operators.base import HAND_OVER_S
from musher.operators.intent import JobRecord, is_given_up
from musher.operators.training import RunTrainingJobOperator
from musher.triggers import here
from tests.unit.musher.operators.fake_jobs import NAME, REQUEST, FakeTraining
from tests.unit.musher.operators.fakes import FakeClock, FakeTask, refuse

Make = Callable[..., RunTrainingJobOperator]
OTHER_RATE = {**REQUEST, "HyperParameters": {"epochs": "9", "sagemaker_job_name": NAME}}
EMBED_SCRIPT = {"OutputDataConfig": {"S3OutputPath": "s3://b/jobs", "CompressionType": "NONE"}}


class WorkerLostError(BaseException):
    """Stand for a SIGKILL."""


@pytest.fixture
def lose_worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which the next wait ends with the worker's loss."""
    real = here.run_here

    def lose() -> None:
        def lost(trigger: Any, *, must_leave: Any) -> Any:
            monkeypatch.setattr("musher.operators.base.run_here", real)
            raise WorkerLostError

        monkeypatch.setattr("musher.operators.base.run_here", lost)

    return lose


def begin_and_lose(operator: RunTrainingJobOperator, context: Any, lose: Callable[[], None]) -> None:
    """Run a try until its worker is lost amid the wait."""
    lose()
    with pytest.raises(WorkerLostError):
        operator.execute(context)


@pytest.mark.parametrize("end", ["Completed", "Stopped", "Failed"])
def test_an_automatic_retry_goes_on_with_the_job_whatever_becomes_of_it(
    end: str, make_operator: Make, aws: FakeTraining, airflow_task: FakeTask, lose_worker: Any
) -> None:
    aws.script = ["InProgress", "InProgress", end]
    begin_and_lose(make_operator(), airflow_task.context(), lose_worker)
    if end == "Completed":
        assert make_operator().execute(airflow_task.retry())["job_name"] == NAME
    else:
        with pytest.raises(AirflowFailException, match=f"Training job {NAME} is {end}"):
            make_operator().execute(airflow_task.retry())
    assert aws.created == [NAME]


def test_a_try_that_died_between_its_record_and_its_job_is_made_good(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    context = airflow_task.context()
    JobRecord.of_request(context, job_name=f"{NAME}-4").save(context)
    assert make_operator().execute(airflow_task.retry())["job_name"] == f"{NAME}-4"


def test_a_record_of_another_version_is_read_as_far_as_it_is_known(airflow_task: FakeTask) -> None:
    """An upgrade amid a run must not fail its tasks."""
    context = airflow_task.context()
    airflow_task.store.set("job", {"job_name": NAME, "clear_number": 0, "max_tries": 2, "more": 1})
    found = JobRecord.load(context)
    assert found == JobRecord(job_name=NAME, clear_number=0, max_tries=2)
    airflow_task.store.set("job", {"job_name": NAME})
    assert JobRecord.load(context) is None


def test_an_infrastructure_error_before_execute_does_not_use_up_the_request(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    """A try that never came to `execute` has recorded nothing: the next one answers the person."""
    aws.add(NAME, "Failed")
    airflow_task.clear()
    assert make_operator().execute(airflow_task.retry())["job_name"] == f"{NAME}-2"


@pytest.mark.parametrize("clear", ["clear", "clear_while_running"])
@pytest.mark.parametrize("state", ["Failed", "Stopped"])
def test_a_cleared_task_starts_the_next_attempt_of_a_job_that_ended_badly(
    clear: str, state: str, make_operator: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    aws.script = ["InProgress", state]
    with pytest.raises(AirflowFailException):
        make_operator().execute(airflow_task.context())
    aws.script = ["Completed"]
    assert make_operator().execute(getattr(airflow_task, clear)())["job_name"] == f"{NAME}-2"
    assert aws.requests[-1]["HyperParameters"]["sagemaker_job_name"] == f"{NAME}-2"


def test_a_task_cleared_at_its_last_try_starts_anew(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask, lose_worker: Any
) -> None:
    """Airflow lets a cleared running task have another try, but does not raise max_tries."""
    aws.script = ["InProgress", "InProgress", "InProgress", "InProgress", "Stopped"]
    begin_and_lose(make_operator(), airflow_task.context(), lose_worker)
    begin_and_lose(make_operator(), airflow_task.retry(), lose_worker)
    begin_and_lose(make_operator(), airflow_task.retry(), lose_worker)
    aws.jobs[NAME]["states"] = ["Stopped"]
    aws.script = ["Completed"]
    assert make_operator().execute(airflow_task.clear_while_running())["job_name"] == f"{NAME}-2"


def test_a_try_lost_after_a_clearing_still_answers_it_and_once(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask, lose_worker: Any
) -> None:
    aws.script = ["Failed"]
    with pytest.raises(AirflowFailException):
        make_operator().execute(airflow_task.context())
    aws.script = ["InProgress", "InProgress", "Failed"]
    begin_and_lose(make_operator(), airflow_task.clear(), lose_worker)
    with pytest.raises(AirflowFailException, match=f"{NAME}-2 is Failed"):
        make_operator().execute(airflow_task.retry())
    assert aws.created == [NAME, f"{NAME}-2"]


def test_a_cleared_task_adopts_a_completed_job_that_is_as_asked_for(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    make_operator().execute(airflow_task.context())
    assert make_operator().execute(airflow_task.clear())["job_name"] == NAME
    assert aws.created == [NAME]


def test_a_completed_job_with_other_values_is_not_taken_for_the_one_that_a_person_asks_for(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    make_operator().execute(airflow_task.context())
    assert make_operator(config=OTHER_RATE).execute(airflow_task.clear())["job_name"] == f"{NAME}-2"


def test_a_live_job_with_other_values_is_stopped_before_its_successor_starts(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask, lose_worker: Any
) -> None:
    """A job at learning rate 0.1 was deployed where a person had asked for 0.2."""
    aws.script = ["InProgress"] * 9
    begin_and_lose(make_operator(), airflow_task.context(), lose_worker)
    aws.script = ["Completed"]
    found = make_operator(config=OTHER_RATE).execute(airflow_task.clear())
    assert found["job_name"] == f"{NAME}-2"
    assert aws.stopped == [NAME]
    assert aws.jobs[NAME]["states"] == ["Stopped"]
    assert aws.requests[-1]["HyperParameters"]["epochs"] == "9"


def test_a_live_job_as_asked_for_is_adopted_by_a_cleared_task(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask, lose_worker: Any
) -> None:
    aws.script = ["InProgress", "InProgress", "InProgress", "Completed"]
    begin_and_lose(make_operator(), airflow_task.context(), lose_worker)
    assert make_operator().execute(airflow_task.clear())["job_name"] == NAME
    assert (aws.created, aws.stopped) == ([NAME], [])


def test_a_job_that_a_clearing_stopped_is_waited_out_and_followed(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    aws.add(NAME, "Stopping", "Stopping", "Stopped")
    assert make_operator().execute(airflow_task.clear_while_running())["job_name"] == f"{NAME}-2"


def test_without_airflows_store_every_try_is_a_persons(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    """`airflow tasks test` is one."""
    aws.add(NAME, "Failed")
    context = airflow_task.context()
    del context["task_state_store"]
    assert make_operator().execute(context)["job_name"] == f"{NAME}-2"


# Failures of AWS's own


@pytest.mark.parametrize(
    "reason",
    [
        "CapacityError: Unable to provision requested ML compute capacity.",
        "InternalServerError: We encountered an internal error. Please try again.",
    ],
)
def test_a_job_that_aws_failed_is_followed_after_a_growing_pause(
    reason: str,
    make_operator: Make,
    aws: FakeTraining,
    airflow_task: FakeTask,
    fake_clock: FakeClock,
) -> None:
    aws.script = ["Failed"]
    names = [NAME, *(f"{NAME}-{n}" for n in range(2, 6))]
    aws.reasons = dict.fromkeys(names, reason)
    with pytest.raises(AirflowFailException, match=f"{NAME}-5 is Failed: {reason.partition(':')[0]}"):
        make_operator().execute(airflow_task.context())
    assert aws.created == names
    assert [seconds for seconds in fake_clock.slept if seconds >= 60] == [60, 120, 240, 480]


def test_a_worker_lost_in_a_pause_starts_no_other_attempt_than_the_next(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.script = ["Failed"]
    aws.reasons = {NAME: "CapacityError: none"}
    operator = make_operator(deferrable=True)
    with pytest.raises(TaskDeferred) as wait:
        operator.execute(airflow_task.context())
    event = {"outcome": "failure", "message": "", "carried": wait.value.trigger.carried}
    with pytest.raises(TaskDeferred):
        operator.resume(airflow_task.context(), event)
    aws.script = ["Completed"]
    assert make_operator().execute(airflow_task.retry())["job_name"] == f"{NAME}-2"


def test_a_failure_of_the_users_own_is_not_repeated(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    aws.script = ["Failed"]
    aws.reasons = {NAME: "ClientError: InternalServerError is what my script prints"}
    with pytest.raises(AirflowFailException):
        make_operator().execute(airflow_task.context())
    assert aws.created == [NAME]


# SIGTERM


def kill_in_wait(operator: RunTrainingJobOperator, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a try to which SIGTERM comes amid its wait, as Airflow's task runner hands it on."""
    real = here.run_here

    def killed(trigger: Any, *, must_leave: Any) -> Any:
        operator.on_kill()
        return real(trigger, must_leave=must_leave)

    monkeypatch.setattr("musher.operators.base.run_here", killed)
    try:
        operator.execute(context)
    finally:
        monkeypatch.setattr("musher.operators.base.run_here", real)


@pytest.mark.parametrize("state", ["failed", "success", "restarting", "skipped"])
def test_a_persons_cancel_stops_the_job(
    state: str,
    make_operator: Make,
    aws: FakeTraining,
    airflow_task: FakeTask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aws.script = ["InProgress", "InProgress", "InProgress", "Completed"]
    airflow_task.state = state
    with pytest.raises(AirflowFailException, match="is Stopped"):
        kill_in_wait(make_operator(), airflow_task.context(), monkeypatch)
    assert aws.stopped == [NAME]


def test_a_cancelled_try_starts_nothing_in_the_seconds_that_it_has_left(
    shared: Make, aws: FakeTraining, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark that it leaves on the job is for others."""
    aws.script = ["InProgress", "InProgress", "InProgress", "Completed"]
    airflow_task.state = "failed"
    with pytest.raises(AirflowFailException, match="is Stopped"):
        kill_in_wait(shared(), airflow_task.context(), monkeypatch)
    assert (aws.created, aws.stopped) == ([NAME], [NAME])


def test_a_cleared_task_that_began_before_the_triggerer_stopped_its_job_starts_anew(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask, fake_clock: FakeClock
) -> None:
    """The clearing's own cancel stops the job that the new try has just adopted."""
    aws.add(NAME, *["InProgress"] * 5, "Completed")

    def stop_late() -> None:
        fake_clock.on_sleep = lambda: None
        hold(aws, mark_stopped(arn=f"arn:{NAME}"))
        aws.stop_training_job(TrainingJobName=NAME)

    fake_clock.on_sleep = stop_late
    assert make_operator().execute(airflow_task.clear())["job_name"] == f"{NAME}-2"


def test_a_mark_that_aws_refuses_does_not_keep_a_cancel_from_stopping_the_job(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: Any) -> None:
        raise refuse("AccessDeniedException", "AddTags")

    aws.add_tags = refused  # type: ignore[method-assign]
    aws.script = ["InProgress", "InProgress", "InProgress", "Completed"]
    airflow_task.state = "failed"
    with pytest.raises(AirflowFailException, match="is Stopped"):
        kill_in_wait(make_operator(), airflow_task.context(), monkeypatch)
    assert aws.stopped == [NAME]


def test_an_execution_timeout_stops_nothing_and_the_next_try_goes_on_with_the_job(
    make_operator: Make,
    aws: FakeTraining,
    airflow_task: FakeTask,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As Airflow's own runner times a try out; after the last try the run's teardown stops the job."""
    aws.script = ["InProgress"]
    monkeypatch.setattr(clock, "sleep", lambda seconds: asyncio.sleep(0.01))
    operator = make_operator(execution_timeout=timedelta(seconds=0.2))
    with pytest.raises(AirflowTaskTimeout):
        _run_execute_callable(airflow_task.context(), operator.execute, operator)
    assert "the task's execution_timeout is over; nothing is stopped" in caplog.text
    monkeypatch.setattr(clock, "sleep", fake_clock.sleep)
    aws.jobs[NAME]["states"] = ["InProgress", "Completed"]
    assert make_operator().execute(airflow_task.retry())["job_name"] == NAME
    assert (aws.created, aws.stopped) == ([NAME], [])


@pytest.mark.parametrize("state", ["running", "up_for_retry", "queued", "scheduled", None])
def test_a_worker_that_goes_away_stops_nothing_and_hands_the_wait_on(
    state: Any,
    make_operator: Make,
    aws: FakeTraining,
    airflow_task: FakeTask,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rescheduling uses up no retry; the try goes on elsewhere and finds the job."""
    aws.script = ["InProgress", "InProgress", "InProgress", "Completed"]
    airflow_task.state = state
    monkeypatch.setattr(here, "GLANCE_S", 0)
    with pytest.raises(AirflowRescheduleException) as left:
        kill_in_wait(make_operator(), airflow_task.context(), monkeypatch)
    assert left.value.reschedule_date.timestamp() == fake_clock.now() + HAND_OVER_S
    assert aws.stopped == []
    assert make_operator().execute(airflow_task.context())["job_name"] == NAME
    assert aws.created == [NAME]


def test_a_task_killed_before_or_after_its_job_stops_nothing(
    operator: RunTrainingJobOperator, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    operator.on_kill()
    operator.execute(airflow_task.context())
    airflow_task.state = "failed"
    operator.on_kill()
    assert aws.stopped == []


def test_a_task_instance_that_is_no_more_is_given_up(airflow_task: FakeTask) -> None:
    instance = airflow_task.context()["ti"]
    instance.get_task_states = lambda **_: {}
    assert is_given_up(instance)


def test_nothing_is_given_up_where_airflow_does_not_answer(
    airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intent, "ASK_S", 0.01)
    never = threading.Event()
    assert not is_given_up(SimpleNamespace(map_index=-1, dag_id="d", task_id="t", run_id="r"))
    instance = airflow_task.context()["ti"]
    instance.get_task_states = lambda **_: never.wait(timeout=5)
    assert not is_given_up(instance)
    never.set()


def test_a_mapped_task_is_found_by_its_index(airflow_task: FakeTask) -> None:
    instance = airflow_task.context()["ti"]
    instance.map_index = 3
    instance.get_task_states = lambda **asked: {"manual__1": {f"run_job_{asked['map_index']}": "failed"}}
    assert is_given_up(instance)


# Jobs that runs share


@pytest.fixture
def shared(aws: FakeTraining, make_operator: Make, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that makes the operator of a job that runs share."""
    monkeypatch.setattr(training, "has_object", lambda hook, uri: True)
    request = {**REQUEST, **EMBED_SCRIPT}

    def make(**changes: Any) -> RunTrainingJobOperator:
        return make_operator(**{"config": request, "marker": "features.json", **changes})

    return make


@pytest.fixture
def other_task() -> FakeTask:
    """The same task of another run."""
    made = FakeTask()
    made.run_id = "manual__2"
    return made


def test_a_cancel_leaves_a_job_that_another_run_waits_for(
    shared: Make,
    aws: FakeTraining,
    airflow_task: FakeTask,
    other_task: FakeTask,
    lose_worker: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run that started the job is cancelled; the one that found it goes on."""
    aws.script = ["InProgress"] * 6 + ["Completed"]
    operator = shared()
    begin_and_lose(operator, airflow_task.context(), lose_worker)
    begin_and_lose(shared(), other_task.context(), lose_worker)
    airflow_task.state = "failed"
    operator.on_kill()
    assert aws.stopped == []
    assert list(aws.jobs[NAME]["tags"]) == [waiting_tag(run_slug(dag_id="d", run_id="manual__2"))]
    assert shared().execute(other_task.retry())["job_name"] == NAME


def test_a_cancel_stops_a_shared_job_that_nobody_else_waits_for(
    shared: Make, aws: FakeTraining, airflow_task: FakeTask, lose_worker: Any
) -> None:
    aws.script = ["InProgress"] * 4 + ["Completed"]
    operator = shared()
    begin_and_lose(operator, airflow_task.context(), lose_worker)
    airflow_task.state = "failed"
    operator.on_kill()
    assert aws.stopped == [NAME]


def test_a_run_that_came_too_late_to_keep_its_shared_job_starts_it_anew(
    shared: Make, aws: FakeTraining, airflow_task: FakeTask, other_task: FakeTask, lose_worker: Any
) -> None:
    """One looked who waits just before the other one did."""
    aws.script = ["InProgress"] * 4 + ["Completed"]
    begin_and_lose(shared(), other_task.context(), lose_worker)
    aws.jobs[NAME]["states"] = ["Stopped"]
    aws.jobs[NAME]["tags"][STOPPED] = "another run"
    aws.script = ["Completed"]
    assert shared().execute(other_task.retry())["job_name"] == f"{NAME}-2"


def test_a_shared_job_that_a_person_stopped_on_aws_stays_stopped(
    shared: Make, aws: FakeTraining, other_task: FakeTask, lose_worker: Any
) -> None:
    aws.script = ["InProgress"] * 4 + ["Completed"]
    begin_and_lose(shared(), other_task.context(), lose_worker)
    aws.jobs[NAME]["states"] = ["Stopped"]
    with pytest.raises(AirflowFailException, match="is Stopped"):
        shared().execute(other_task.retry())


def test_a_shared_job_whose_files_are_gone_is_run_again_under_the_next_name(
    shared: Make, aws: FakeTraining, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.add(NAME, "Completed", **EMBED_SCRIPT)
    monkeypatch.setattr(training, "has_object", lambda hook, uri: f"{NAME}-2" in uri)
    assert shared().execute(airflow_task.context())["model_uri"] == f"s3://b/jobs/{NAME}-2/output/model/"


def test_another_runs_completed_job_is_adopted_while_its_files_exist(
    shared: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    aws.add(NAME, "Completed", **EMBED_SCRIPT)
    assert shared().execute(airflow_task.context())["model_uri"] == f"s3://b/jobs/{NAME}/output/model/"
    assert aws.created == []


def test_a_shared_job_that_completes_without_its_files_fails(
    shared: Make, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "has_object", lambda hook, uri: False)
    with pytest.raises(AirflowFailException, match=r"is Completed: there is no s3://b/jobs/.*features\.json"):
        shared().execute(airflow_task.context())


def test_finished_features_are_found_without_a_mark(
    shared: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    """A resource has at most 50 tags: one for each run that finds the features would be too many."""
    aws.add(NAME, "Completed", **EMBED_SCRIPT)
    assert shared().execute(airflow_task.context())["job_name"] == NAME
    assert aws.jobs[NAME]["tags"] == {}


def test_a_run_with_a_shorter_limit_waits_as_long_as_the_shared_job_may_run(
    shared: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    """It would otherwise stop the job that another run pays for and waits for."""
    limits = {"StoppingCondition": {"MaxRuntimeInSeconds": 86_400}}
    aws.add(NAME, *["InProgress"] * 2_000, "Completed", **EMBED_SCRIPT, **limits)
    operator = shared()
    operator.config["StoppingCondition"] = {"MaxRuntimeInSeconds": 60}
    assert operator.execute(airflow_task.context())["status"] == "Completed"
    assert aws.stopped == []


def test_a_shared_job_that_takes_too_long_is_left_to_those_who_wait(
    shared: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    aws.add(NAME, "InProgress", **EMBED_SCRIPT)
    aws.jobs[NAME]["tags"] = {waiting_tag("89abcdef"): "waits"}
    with pytest.raises(AirflowFailException, match=r"did not end in \d+ s; it goes on for another run"):
        shared().execute(airflow_task.context())
    assert aws.stopped == []


def test_old_features_are_not_deferred_into_the_past(
    shared: Make, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    """Airflow ends a deferral whose time is over before the trigger has looked once."""
    aws.add(NAME, "Completed", **EMBED_SCRIPT)
    aws.jobs[NAME]["created"] -= timedelta(days=10)
    with pytest.raises(TaskDeferred) as caught:
        shared(deferrable=True).execute(airflow_task.context())
    assert caught.value.timeout.total_seconds() > 0


def test_a_log_that_cannot_be_read_does_not_hide_why_the_job_failed(
    make_operator: Make, aws: FakeTraining, airflow_task: FakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(self: Any, client: Any) -> list[str]:
        raise refuse("AccessDeniedException", "DescribeLogStreams")

    aws.script = ["Failed"]
    operator = make_operator()
    monkeypatch.setattr(LogTail, "read", denied)
    with pytest.raises(AirflowFailException, match="is Failed: AlgorithmError: exit code 1"):
        operator.execute(airflow_task.context())
