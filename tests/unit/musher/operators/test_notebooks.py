"""Notebook instances are started, stopped and deleted from every state, once, and only ours."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from musher.operators.base import DEFERRAL_GRACE_S
from musher.operators.notebooks import DeleteNotebookOperator, StartNotebookOperator, StopNotebookOperator
from musher.payloads.notebooks import NotebookPlan, build_lifecycle_config, build_notebook
from musher.settings import Settings
from musher.triggers.here import run_here
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fake_notebooks import FakeNotebooks
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask

NAME = "musher-notebook"
TAGS = {
    "musher:project": "musher",
    "musher:run": "0123abcd",
    "musher:expires-at": "2027-01-01T00:00:00+00:00",
}
SETTINGS = Settings(account_id="123456789012")
PLAN = NotebookPlan(name=NAME, instance_type="ml.t3.medium", volume_gb=5, has_root=False)


def requests(*, script: str = "true", **changes: Any) -> dict[str, Any]:
    """Return what StartNotebookOperator takes."""
    return {
        "LifecycleConfig": build_lifecycle_config(name=NAME, script=script, tags=TAGS),
        "Notebook": build_notebook(SETTINGS, plan=replace(PLAN, **changes), tags=TAGS),
    }


def as_described(**changes: Any) -> dict[str, Any]:
    """Return an instance's members as its description has them."""
    members = {k: v for k, v in requests(**changes)["Notebook"].items() if k not in ("Tags",)}
    return {**members, "NotebookInstanceLifecycleConfigName": members.pop("LifecycleConfigName")}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock) -> FakeNotebooks:
    """SageMaker with no notebook instance."""
    made = FakeNotebooks()
    monkeypatch.setattr(WaitTrigger, "hook", FakeHook(made, "sagemaker"))
    return made


Run = Callable[..., Any]


@pytest.fixture
def run(aws: FakeNotebooks, settings: Settings, airflow_task: FakeTask) -> Run:
    """Return a function that runs an operator to its end."""

    def made(operator: type[Any], *, deferrable: bool = False, **arguments: Any) -> Any:
        given = {"config": requests()} if operator is StartNotebookOperator else {"name": "notebook"}
        task = operator(task_id="a", deferrable=deferrable, **{**given, **arguments})
        task.__dict__ |= {
            "hook": FakeHook(aws, "sagemaker"),
            "settings": replace(settings, poll_interval_s=10),
        }
        return task.execute(airflow_task.context())

    return made


def test_a_missing_instance_is_created_with_its_script_and_waited_for(aws: FakeNotebooks, run: Run) -> None:
    result = run(StartNotebookOperator)
    assert aws.calls == ["create config", "create", "tag"]
    assert result["name"] == NAME
    assert result["instance_type"] == "ml.t3.medium"
    assert result["volume_gb"] == 5
    assert result["seconds"] > 0


def test_a_second_run_adopts_the_instance_and_lets_its_time_begin_anew(aws: FakeNotebooks, run: Run) -> None:
    run(StartNotebookOperator)
    aws.calls.clear()
    assert run(StartNotebookOperator)["seconds"] == 0
    assert aws.calls == ["tag"]


def test_a_try_after_a_crash_goes_on_with_the_instance_that_starts(aws: FakeNotebooks, run: Run) -> None:
    aws.create_notebook_instance(**requests()["Notebook"])
    aws.calls.clear()
    run(StartNotebookOperator)
    assert aws.calls == ["tag"]


def test_a_stopped_instance_is_started_without_an_update_where_nothing_differs(
    aws: FakeNotebooks, run: Run
) -> None:
    aws.put(NAME, "Stopped", **as_described())
    run(StartNotebookOperator)
    assert aws.calls == ["create config", "tag", "start", "tag"]


def test_a_stopped_instance_gets_type_volume_and_script_before_it_starts(
    aws: FakeNotebooks, run: Run
) -> None:
    run(StartNotebookOperator)
    run(StopNotebookOperator)
    aws.calls.clear()
    config = requests(script="echo other", instance_type="ml.m5.xlarge", volume_gb=20)
    assert run(StartNotebookOperator, config=config)["instance_type"] == "ml.m5.xlarge"
    assert aws.calls == ["update config", "update InstanceType VolumeSizeInGB", "tag", "start", "tag"]


def test_a_volume_never_gets_smaller(aws: FakeNotebooks, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    aws.put(NAME, "Stopped", **as_described(volume_gb=50))
    assert run(StartNotebookOperator)["volume_gb"] == 50
    assert "stays as it was created: VolumeSizeInGB" in caplog.text


def test_what_an_update_does_not_change_is_not_asked_for_again(
    aws: FakeNotebooks, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put(NAME, "Stopped", **as_described(instance_type="ml.m5.xlarge"))
    update = aws.update_notebook_instance

    def forget(**given: Any) -> None:
        update(**{**given, "InstanceType": "ml.m5.xlarge"})

    monkeypatch.setattr(aws, "update_notebook_instance", forget)
    run(StartNotebookOperator)
    assert aws.calls.count("update InstanceType") == 1


@pytest.mark.parametrize(
    ("steps", "calls"),
    [
        (["Stopping", "Stopped"], ["create config", "tag", "start", "tag"]),
        (["Updating", "Stopped"], ["create config", "tag", "start", "tag"]),
        (["InMaintenance", "InService"], ["tag"]),
        (["Deleting", "gone"], ["create config", "create", "tag"]),
        (["Failed"], ["create config", "tag", "start", "tag"]),
    ],
)
def test_a_start_goes_on_from_whatever_it_finds(
    aws: FakeNotebooks, run: Run, steps: list[str], calls: list[str]
) -> None:
    aws.put(NAME, steps[0], **as_described())
    aws.be(NAME, *steps)
    assert run(StartNotebookOperator)["name"] == NAME
    assert aws.calls == calls


def test_a_lifecycle_script_that_fails_is_shown_with_its_last_lines_and_the_remedy(
    aws: FakeNotebooks, run: Run, logs: dict[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    aws.fails_with = "Notebook Instance Lifecycle Config took longer than 5 minutes"
    logs[f"{NAME}/LifecycleConfigOnStart"] = ["No Python with boto3 was found"]
    logs["other-notebook/LifecycleConfigOnStart"] = ["somebody else's"]
    with pytest.raises(AirflowFailException, match="took longer than 5 minutes"):
        run(StartNotebookOperator)
    assert "No Python with boto3 was found" in caplog.text
    assert "somebody else's" not in caplog.text
    assert "It stays as Failed, and costs its volume alone" in caplog.text
    assert "action delete" in caplog.text
    assert aws.notebooks[NAME]["NotebookInstanceStatus"] == "Failed"


def test_a_run_after_the_failure_starts_the_same_instance_again(aws: FakeNotebooks, run: Run) -> None:
    aws.fails_with = "no capacity"
    with pytest.raises(AirflowFailException):
        run(StartNotebookOperator)
    aws.fails_with = None
    aws.calls.clear()
    run(StartNotebookOperator)
    assert aws.calls == ["tag", "start", "tag"]


def test_somebody_who_stops_it_while_it_starts_is_told_of(aws: FakeNotebooks, run: Run) -> None:
    aws.put(NAME, "Pending", **as_described())
    aws.be(NAME, "Pending", "Stopping")
    with pytest.raises(AirflowFailException, match="is Stopping: somebody has stopped or deleted it"):
        run(StartNotebookOperator)
    assert aws.calls == []


@pytest.mark.parametrize("operator", [StartNotebookOperator, StopNotebookOperator, DeleteNotebookOperator])
@pytest.mark.parametrize("tags", [[], [{"Key": "musher:project", "Value": "other"}]], ids=["none", "other"])
def test_somebody_elses_instance_is_never_touched(
    aws: FakeNotebooks, run: Run, operator: type[Any], tags: list[dict[str, str]]
) -> None:
    aws.put(NAME, "InService", tags=tags)
    with pytest.raises(AirflowFailException, match="is not this project's: it has no tag musher:project"):
        run(operator)
    assert aws.calls == []


def test_somebody_elses_lifecycle_configuration_is_not_changed(aws: FakeNotebooks, run: Run) -> None:
    aws.create_notebook_instance_lifecycle_config(**{**requests()["LifecycleConfig"], "Tags": []})
    aws.calls.clear()
    with pytest.raises(AirflowFailException, match="Lifecycle configuration musher-notebook is not this"):
        run(StartNotebookOperator)
    assert aws.calls == []


def test_an_instance_that_never_gets_there_ends_the_wait(
    aws: FakeNotebooks, run: Run, fake_clock: FakeClock
) -> None:
    aws.put(NAME, "Pending", **as_described())
    before = fake_clock.time
    with pytest.raises(AirflowFailException, match="AWS has not done in time"):
        run(StartNotebookOperator)
    assert fake_clock.time - before <= 2400


def test_a_deferred_wait_ends_like_one_in_the_worker(
    aws: FakeNotebooks, settings: Settings, airflow_task: FakeTask
) -> None:
    operator = StartNotebookOperator(task_id="a", deferrable=True, config=requests())
    operator.__dict__ |= {"hook": FakeHook(aws, "sagemaker"), "settings": settings}
    with pytest.raises(TaskDeferred) as wait:
        operator.execute(airflow_task.context())
    assert wait.value.timeout.total_seconds() == 2400 + DEFERRAL_GRACE_S
    event = run_here(wait.value.trigger, must_leave=lambda: False)
    assert operator.resume(airflow_task.retry(), event)["name"] == NAME


def test_a_missing_request_is_told_of(run: Run) -> None:
    with pytest.raises(AirflowFailException, match="no config"):
        run(StartNotebookOperator, config=None)


def test_an_instance_in_service_is_stopped_and_waited_for(aws: FakeNotebooks, run: Run) -> None:
    aws.put(NAME, "InService")
    assert run(StopNotebookOperator) is True
    assert aws.calls == ["stop"]
    assert aws.notebooks[NAME]["NotebookInstanceStatus"] == "Stopped"


@pytest.mark.parametrize("status", ["Stopped", "Failed"])
def test_what_is_stopped_is_left(aws: FakeNotebooks, run: Run, status: str) -> None:
    aws.put(NAME, status)
    assert run(StopNotebookOperator) is True
    assert aws.calls == []


@pytest.mark.parametrize("operator", [StopNotebookOperator, DeleteNotebookOperator])
def test_a_missing_instance_is_no_error(aws: FakeNotebooks, run: Run, operator: type[Any]) -> None:
    assert run(operator) is False
    assert aws.calls == []


def test_an_instance_that_starts_is_stopped_once_aws_takes_that(aws: FakeNotebooks, run: Run) -> None:
    aws.put(NAME, "Pending")
    aws.be(NAME, "Pending", "InService")
    assert run(StopNotebookOperator) is True
    assert aws.calls == ["stop"]


def test_an_instance_that_somebody_starts_again_is_not_stopped_for_ever(
    aws: FakeNotebooks, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put(NAME, "InService")
    monkeypatch.setattr(aws, "stop_notebook_instance", lambda **_: aws.be(NAME, "Stopping", "InService"))
    with pytest.raises(AirflowFailException, match="told to stop, and is in service again"):
        run(StopNotebookOperator)


def test_a_deletion_stops_first_and_removes_the_lifecycle_configuration(aws: FakeNotebooks, run: Run) -> None:
    run(StartNotebookOperator)
    aws.calls.clear()
    assert run(DeleteNotebookOperator) is True
    assert aws.calls == ["stop", "delete", "delete config"]
    assert aws.notebooks == {}
    assert aws.configs == {}


def test_a_deletion_goes_on_after_a_crash(aws: FakeNotebooks, run: Run) -> None:
    aws.put(NAME, "Deleting")
    aws.be(NAME, "Deleting", "gone")
    assert run(DeleteNotebookOperator) is True
    assert aws.calls == []


def test_a_configuration_that_a_crash_has_left_is_removed(aws: FakeNotebooks, run: Run) -> None:
    aws.create_notebook_instance_lifecycle_config(**requests()["LifecycleConfig"])
    run(DeleteNotebookOperator)
    assert aws.configs == {}


def test_a_deletion_that_fails_says_why(
    aws: FakeNotebooks, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put(NAME, "Stopped", FailureReason="the network interface is in use")
    monkeypatch.setattr(aws, "delete_notebook_instance", lambda **_: aws.be(NAME, "Deleting", "Failed"))
    with pytest.raises(AirflowFailException, match="was not deleted, and is Failed: the network interface"):
        run(DeleteNotebookOperator)


def test_a_cancel_stops_nothing_and_says_what_goes_on(
    aws: FakeNotebooks, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    StartNotebookOperator(task_id="a", config=requests()).cancel()
    assert "the instance goes on" in caplog.text
