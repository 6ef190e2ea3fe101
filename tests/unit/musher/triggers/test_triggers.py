"""Triggers: how a deferred wait ends, what it shows, and what a person's cancel stops."""

import asyncio
import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.serde import deserialize, serialize
from airflow.triggers.base import BaseTrigger
from botocore.exceptions import ClientError, EndpointConnectionError

from musher.hooks.functions import MusherLambdaHook
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.sharing import STOPPED, waiting_tag
from musher.triggers import here
from musher.triggers.endpoints import EndpointGoneTrigger, EndpointReadyTrigger
from musher.triggers.functions import FunctionReadyTrigger
from musher.triggers.jobs import TrainingJobTrigger, TuningJobTrigger
from musher.triggers.waits import MAX_FAILED_LOOKS, SETTLE_S, PauseTrigger, WaitTrigger
from tests.unit.musher.operators.fake_jobs import NAME, FakeTraining
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, refuse

Make = Callable[..., TrainingJobTrigger]
CONNECTION = {"aws_conn_id": "aws_default", "region_name": "us-east-1"}


@pytest.fixture
def make(
    aws: FakeTraining, fake_clock: FakeClock, logs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> Make:
    """Return a function that makes the trigger of a training job, with an hour to wait."""
    monkeypatch.setattr(WaitTrigger, "hook", FakeHook(aws, "sagemaker"))

    def made(*, wait_s: float = 3600, **carried: Any) -> TrainingJobTrigger:
        return TrainingJobTrigger(
            arguments={"TrainingJobName": NAME},
            connection=CONNECTION,
            delay_s=10.0,
            deadline=fake_clock.now() + wait_s,
            carried={"step": "wait", **carried},
        )

    return made


def run(trigger: BaseTrigger) -> dict[str, Any]:
    """Return the payload of the trigger's event."""
    return here.run_here(trigger, must_leave=lambda: False)


@pytest.mark.parametrize(
    ("end", "outcome"), [("Completed", "success"), ("Failed", "failure"), ("Stopped", "failure")]
)
def test_the_event_says_how_the_job_ended_and_brings_back_what_was_carried(
    end: str, outcome: str, make: Make, aws: FakeTraining, fake_clock: FakeClock
) -> None:
    aws.add(NAME, "InProgress", "InProgress", end)
    assert run(make()) == {"outcome": outcome, "message": "", "carried": {"step": "wait"}}
    assert fake_clock.slept == [10.0, 10.0]


def test_transitions_and_new_lines_are_shown_while_deferred(
    make: Make,
    aws: FakeTraining,
    logs: dict[str, list[str]],
    fake_clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    transitions = [{"Status": "Training", "StatusMessage": "Training image download completed"}]
    aws.add(NAME, "InProgress", "InProgress", "Completed", SecondaryStatusTransitions=transitions)
    stream = logs[f"{NAME}/algo-1-17"] = ["epoch 1"]
    fake_clock.on_sleep = lambda: stream.append("epoch more")
    run(make())
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "epoch" in line] == [
        "[algo-1] epoch 1",
        "[algo-1] epoch more",
        "[algo-1] epoch more",
    ]
    assert len([line for line in lines if "Training image download completed" in line]) == 1


def test_a_log_that_cannot_be_read_does_not_end_the_wait(
    make: Make, aws: FakeTraining, logs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        def describe_log_streams(self, **_: Any) -> None:
            raise refuse("AccessDeniedException", "DescribeLogStreams")

    monkeypatch.setattr("musher.triggers.jobs.AwsLogsHook", lambda **_: FakeHook(Refusing(), "logs"))
    aws.add(NAME, "InProgress", "Completed")
    assert run(make())["outcome"] == "success"


def failing(aws: FakeTraining, *errors: Exception, then: str = "Completed") -> None:
    """Let the looks at the job fail in turn, and then find it in a state."""
    left = list(errors)
    describe = aws.describe_training_job

    def look(**arguments: Any) -> dict[str, Any]:
        if left:
            raise left.pop(0)
        return describe(**arguments)

    aws.add(NAME, then)
    aws.describe_training_job = look  # type: ignore[method-assign]


def test_throttling_errors_of_aws_and_broken_connections_are_outlasted(
    make: Make, aws: FakeTraining, fake_clock: FakeClock
) -> None:
    failing(
        aws,
        refuse("ThrottlingException", "DescribeTrainingJob"),
        refuse("InternalFailure", "DescribeTrainingJob"),
        EndpointConnectionError(endpoint_url="https://sagemaker"),
        EndpointConnectionError(endpoint_url="https://sagemaker"),
    )
    assert run(make())["outcome"] == "success"
    assert fake_clock.slept == [20.0, 40.0, 60.0, 60.0]


def test_a_warning_is_logged_once_in_a_wait(
    make: Make, aws: FakeTraining, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refused(*_: Any) -> None:
        raise refuse("ThrottlingException", "GetLogEvents")

    monkeypatch.setattr(TrainingJobTrigger, "log_progress", refused)
    failing(aws, *[EndpointConnectionError(endpoint_url="https://a")] * 3)
    aws.add(NAME, "InProgress", "InProgress", "InProgress", "Completed")
    assert run(make())["outcome"] == "success"
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len([line for line in warnings if "look failed, looking again" in line]) == 1
    assert len([line for line in warnings if "cannot show progress" in line]) == 1


def test_errors_without_end_fail_the_try_which_is_retried(make: Make, aws: FakeTraining) -> None:
    failing(aws, *[EndpointConnectionError(endpoint_url="x")] * (MAX_FAILED_LOOKS + 1))
    with pytest.raises(EndpointConnectionError):
        run(make())


def test_a_refused_look_ends_the_wait_at_once_with_what_to_do(make: Make, aws: FakeTraining) -> None:
    failing(aws, refuse("AccessDeniedException", "DescribeTrainingJob"))
    end = run(make())
    assert end["outcome"] == "refused"
    assert end["message"].startswith("AWS refuses the call of a wait (AccessDeniedException)")


def test_what_was_just_made_may_not_be_found_for_a_while(make: Make, aws: FakeTraining) -> None:
    """One of AWS's copies may not know yet what another has made."""
    aws.add(NAME, "Completed")
    failing(aws, refuse("ResourceNotFoundException", "DescribeTrainingJob"))
    assert run(make())["outcome"] == "success"


def test_what_is_not_found_later_is_gone(make: Make, aws: FakeTraining, fake_clock: FakeClock) -> None:
    aws.add(NAME, "InProgress")
    gone = refuse("ResourceNotFoundException", "DescribeTrainingJob")
    failing(aws, *[gone] * 4)
    end = run(make())
    assert end["outcome"] == "refused"
    assert sum(fake_clock.slept) >= SETTLE_S


def test_a_wait_ends_at_its_deadline_also_in_a_triggerer_that_takes_over(
    make: Make, aws: FakeTraining, fake_clock: FakeClock
) -> None:
    aws.add(NAME, "InProgress")
    trigger = make()
    _, arguments = trigger.serialize()
    fake_clock.time += 3000
    end = run(TrainingJobTrigger(**arguments))
    assert end["outcome"] == "timeout"
    assert end["message"] == f"TrainingJobName {NAME} did not get there in time"
    assert sum(fake_clock.slept) == 600


def test_a_job_that_ended_while_no_triggerer_ran_is_found_past_the_deadline(
    make: Make, aws: FakeTraining, fake_clock: FakeClock
) -> None:
    aws.add(NAME, "Completed")
    trigger = make()
    fake_clock.time += 10_000
    assert run(trigger)["outcome"] == "success"


@pytest.mark.parametrize(
    "trigger_class",
    [TrainingJobTrigger, TuningJobTrigger, EndpointReadyTrigger, EndpointGoneTrigger, FunctionReadyTrigger],
)
def test_every_wait_survives_being_stored_and_names_a_waiter_of_its_hook(
    trigger_class: type[WaitTrigger],
) -> None:
    """Airflow stores a trigger's path and arguments; each triggerer makes it from them."""
    made = trigger_class(
        arguments={"Name": "n"}, connection=CONNECTION, delay_s=0.5, deadline=1.5, carried={"a": {"b": 1}}
    )
    path, arguments = made.serialize()
    assert path == f"{trigger_class.__module__}.{trigger_class.__name__}"
    stored: Any = deserialize(json.loads(json.dumps(serialize(arguments))))
    assert trigger_class(**stored).serialize() == (path, arguments)
    assert trigger_class.aws_hook_class in (MusherSageMakerHook, MusherLambdaHook)
    assert made.waiter in trigger_class.aws_hook_class(region_name="us-east-1")._list_custom_waiters()


def test_a_pause_survives_being_stored_and_ends_when_it_should(fake_clock: FakeClock) -> None:
    made = PauseTrigger(until=fake_clock.now() + 90, carried={"step": "pause"})
    path, arguments = made.serialize()
    assert path == "musher.triggers.waits.PauseTrigger"
    fake_clock.time += 60
    assert run(PauseTrigger(**arguments)) == {
        "outcome": "paused",
        "message": "",
        "carried": {"step": "pause"},
    }
    assert fake_clock.slept == [30]


def test_a_persons_cancel_stops_the_deferred_tasks_job(make: Make, aws: FakeTraining) -> None:
    aws.add(NAME, "InProgress", "InProgress")
    asyncio.run(make().on_kill())
    assert aws.stopped == [NAME]


@pytest.mark.parametrize(
    ("state", "stopped"),
    [("deferred", []), ("failed", [NAME]), ("success", [NAME]), (None, [NAME]), ("unknown", [NAME])],
)
def test_a_trigger_that_only_moved_to_another_triggerer_stops_nothing(
    make: Make, aws: FakeTraining, monkeypatch: pytest.MonkeyPatch, state: str | None, stopped: list[str]
) -> None:
    """A triggerer that stalled cancels what another one has taken, as if a person had."""

    def get_task_states(**asked: Any) -> dict[str, Any]:
        assert asked == {"dag_id": "d", "task_ids": ["t"], "run_ids": ["r"], "map_index": -1}
        if state == "unknown":
            raise ConnectionError("no answer")
        return {"r": {"t": state}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(get_task_states))
    aws.add(NAME, "InProgress", "InProgress")
    trigger = make()
    trigger._task_instance = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)
    asyncio.run(trigger.on_kill())
    assert aws.stopped == stopped


def test_cancelling_a_wait_whose_job_has_ended_is_no_error(
    make: Make, aws: FakeTraining, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(**_: str) -> None:
        raise refuse("ValidationException", "StopTrainingJob")

    aws.add(NAME, "Completed")
    monkeypatch.setattr(aws, "stop_training_job", refused)
    asyncio.run(make().on_kill())
    assert "not stopped" in caplog.text


def test_a_cancel_that_aws_does_not_answer_is_bounded(
    make: Make, aws: FakeTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.add(NAME, "InProgress")
    trigger = make()

    async def never(client: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("musher.triggers.cancelling.KILL_S", 0.01)
    monkeypatch.setattr(trigger, "stop", never)
    with pytest.raises(TimeoutError):
        asyncio.run(trigger.on_kill())


@pytest.mark.parametrize(("others", "stopped"), [([], [NAME]), (["2"], [])])
def test_a_cancel_while_deferred_leaves_a_job_that_another_run_waits_for(
    others: list[str], stopped: list[str], make: Make, aws: FakeTraining
) -> None:
    aws.add(NAME, "InProgress", "InProgress")
    aws.jobs[NAME]["tags"] = dict.fromkeys([waiting_tag(slug) for slug in ["1", *others]], "waits")
    asyncio.run(make(waiting_tag=waiting_tag("1")).on_kill())
    assert aws.stopped == stopped
    assert (STOPPED in aws.jobs[NAME]["tags"]) is bool(stopped)


def test_a_triggerer_that_shuts_down_stops_nothing(make: Make, aws: FakeTraining) -> None:
    """It cancels the trigger's coroutine and calls cleanup, never on_kill."""
    aws.add(NAME, "InProgress")
    trigger = make(wait_s=math.inf)  # the fake clock is quick: any other wait may have ended

    async def shut_down() -> None:
        running = asyncio.ensure_future(anext(aiter(trigger.run())))
        await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await trigger.cleanup()

    asyncio.run(shut_down())
    assert aws.stopped == []


def test_an_error_of_aws_within_the_trigger_is_raised_as_itself(make: Make, aws: FakeTraining) -> None:
    failing(aws, *[refuse("InternalFailure", "DescribeTrainingJob")] * (MAX_FAILED_LOOKS + 1))
    with pytest.raises(Exception, match="InternalFailure") as caught:
        run(make())
    assert not isinstance(caught.value, ClientError)


def test_tuning_shows_how_many_trials_are_in_which_state(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    trigger = TuningJobTrigger(
        arguments={"HyperParameterTuningJobName": "t"}, connection=CONNECTION, delay_s=1, deadline=1
    )
    for completed in (0, 0, 1):
        counters = {"Completed": completed, "InProgress": 2}
        answer = {"HyperParameterTuningJobStatus": "InProgress", "TrainingJobStatusCounters": counters}
        asyncio.run(trigger.log_progress(answer))
    assert caplog.messages == [
        "t: InProgress - 2 InProgress",
        "t: InProgress - 1 Completed, 2 InProgress",
    ]
