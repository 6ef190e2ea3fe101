"""The processing job that sends a load: found again, waited for, stopped, and what it leaves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from musher import clock
from musher.hooks import inventory
from musher.hooks.jobs import stop_processing_jobs
from musher.operators import jobs
from musher.operators.processing import RunProcessingJobOperator
from musher.payloads.processing import LoadJobPlan, build_load_job
from musher.settings import Settings
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fake_jobs import FakeS3
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask

NAME = "musher-load-0123abcd"
CODE, ORDER = "code/89ab/traffic.zip", f"jobs/{NAME}/input/89ab/order.json"


class Bucket(FakeS3):
    """A bucket with what the job reads and writes, as both the hook and its client."""

    keys: list[str] = []  # noqa: RUF012  # each test has its own

    def __init__(self, **_: Any) -> None: ...

    def check_for_key(self, key: str, bucket: str) -> bool:
        return key in self.keys


class FakeProcessing:
    """Processing jobs in memory; a new job walks through `script`."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.stopped: list[str] = []
        self.script = ["InProgress", "Completed"]
        self.said = ""
        self.conn = self

    def create_processing_job(self, **request: Any) -> None:
        name, created = request["ProcessingJobName"], datetime.fromtimestamp(clock.now(), UTC)
        self.jobs[name] = {
            **request,
            "ProcessingJobArn": f"arn:{name}",
            "states": list(self.script),
            "CreationTime": created,
            "ProcessingStartTime": created + timedelta(seconds=40),
            "ProcessingEndTime": created + timedelta(seconds=110),
            "FailureReason": "AlgorithmError: See job logs for more information, exit code: 1",
            "ExitMessage": self.said,
        }

    def describe_processing_job(self, *, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803
        job = self.jobs[ProcessingJobName]
        states = job["states"]
        return {**job, "ProcessingJobStatus": states.pop(0) if len(states) > 1 else states[0]}

    def find_processing_job(self, name: str) -> Any:
        return self.describe_processing_job(ProcessingJobName=name) if name in self.jobs else None

    def stop_processing_job(self, *, ProcessingJobName: str) -> None:  # noqa: N803
        self.stopped.append(ProcessingJobName)
        self.jobs[ProcessingJobName]["states"][:] = ["Stopped"]

    def get_paginator(self, operation: str) -> Any:
        pages = {
            "list_processing_jobs": lambda: {"ProcessingJobSummaries": self.summaries()},
            "list_tags": self.list_tags,
        }
        return SimpleNamespace(paginate=lambda **_: [pages.get(operation, dict)()])

    def summaries(self) -> list[dict[str, Any]]:
        names = ("ProcessingJobName", "ProcessingJobArn", "CreationTime")
        return [{name: job[name] for name in names} for job in self.jobs.values()]

    def add_tags(self, **_: Any) -> None: ...

    def list_tags(self, **_: Any) -> dict[str, Any]:
        return {"Tags": [{"Key": "musher:project", "Value": "musher"}]}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("find_"):
            return lambda _: None
        raise AttributeError(name)


@pytest.fixture
def processing(fake_clock: FakeClock) -> FakeProcessing:
    return FakeProcessing()


@pytest.fixture
def request_of(settings: Settings) -> Callable[..., dict[str, Any]]:
    """Return a function that builds the request, with changes to its plan."""

    def build(**changes: Any) -> dict[str, Any]:
        plan = LoadJobPlan(
            job_name=NAME,
            code_uri=f"s3://b/{CODE}",
            order_uri=f"s3://b/{ORDER}",
            instance_type="ml.m5.large",
            load_s=60,
            tags={},
        )
        return build_load_job(settings, plan=replace(plan, **changes))

    return build


@pytest.fixture
def make(
    processing: FakeProcessing,
    request_of: Callable[..., dict[str, Any]],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., RunProcessingJobOperator]:
    """Return a function that makes the operator, in a bucket with the results of both attempts."""
    hook = FakeHook(processing, "sagemaker")
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    monkeypatch.setattr(jobs, "S3Hook", Bucket)
    results = [f"musher/jobs/{NAME}{attempt}/output/measured.json" for attempt in ("", "-2")]

    def made(
        *, keys: tuple[str, ...] = (CODE, ORDER, *results), plan: dict[str, Any] | None = None, **changes: Any
    ) -> RunProcessingJobOperator:
        monkeypatch.setattr(Bucket, "keys", list(keys))
        operator = RunProcessingJobOperator(task_id="run_job", config=request_of(**(plan or {})), **changes)
        operator.__dict__ |= {"hook": hook, "settings": replace(settings, poll_interval_s=60)}
        return operator

    return made


def test_a_load_is_sent_once_whatever_is_tried_again(
    make: Any, processing: FakeProcessing, airflow_task: FakeTask, settings: Settings
) -> None:
    found = make().execute(airflow_task.context())
    bucket = f"musher-{settings.account_id}-{settings.region}"
    assert found == {
        "job_name": NAME,
        "measured_uri": f"s3://{bucket}/musher/jobs/{NAME}/output/measured.json",
        "instance_type": "ml.m5.large",
        "instances": 1,
        "seconds": 110.0,
        "billed_seconds": 70.0,
    }
    assert make().execute(airflow_task.retry()) == found
    assert list(processing.jobs) == [NAME]


def test_whoever_clears_the_task_has_the_load_sent_anew(
    make: Any, processing: FakeProcessing, airflow_task: FakeTask
) -> None:
    make().execute(airflow_task.context())
    assert make().execute(airflow_task.clear())["job_name"] == f"{NAME}-2"
    assert make().execute(airflow_task.retry())["job_name"] == f"{NAME}-2"
    assert list(processing.jobs) == [NAME, f"{NAME}-2"]


def test_a_cleared_task_goes_on_with_the_load_that_is_being_sent(
    make: Any, processing: FakeProcessing, airflow_task: FakeTask
) -> None:
    processing.script = ["InProgress"]
    with pytest.raises(TaskDeferred):
        make(deferrable=True).execute(airflow_task.context())
    processing.jobs[NAME]["states"][:] = ["InProgress", "InProgress", "Completed"]
    assert make().execute(airflow_task.clear())["job_name"] == NAME


def test_a_job_that_failed_is_explained_in_its_own_words_and_clearing_sends_the_load_anew(
    make: Any,
    processing: FakeProcessing,
    airflow_task: FakeTask,
    logs: dict[str, list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    logs[f"{NAME}/algo-1-1"] = ["the last line"]
    processing.script, processing.said = ["Failed"], "An image cannot be read: AccessDenied"
    with pytest.raises(AirflowFailException, match=f"{NAME} is Failed: .*An image cannot be read"):
        make().execute(airflow_task.context())
    assert "the last line" in caplog.text
    processing.script = ["Completed"]
    assert make().execute(airflow_task.clear())["job_name"] == f"{NAME}-2"


def test_a_job_without_a_result_is_of_no_use(make: Any, airflow_task: FakeTask) -> None:
    with pytest.raises(AirflowFailException, match=r"is Completed: there is no s3://.*measured\.json"):
        make(keys=(CODE, ORDER)).execute(airflow_task.context())


def test_nothing_is_paid_where_an_input_is_missing(
    make: Any, processing: FakeProcessing, airflow_task: FakeTask
) -> None:
    with pytest.raises(AirflowFailException, match="Input 'order' has no object under s3://b/jobs/"):
        make(keys=(CODE,)).execute(airflow_task.context())
    assert processing.jobs == {}


@pytest.mark.parametrize(
    ("plan", "keys"),
    [
        ({"order_uri": "s3://b/other.json"}, ("other.json",)),
        ({"code_uri": "s3://b/other.zip"}, ("other.zip",)),
        ({"instance_type": "ml.c5.xlarge"}, ()),
    ],
)
def test_another_load_takes_the_place_of_the_one_that_is_being_sent(
    plan: dict[str, Any],
    keys: tuple[str, ...],
    make: Any,
    processing: FakeProcessing,
    airflow_task: FakeTask,
) -> None:
    processing.script = ["InProgress"]
    with pytest.raises(TaskDeferred):
        make(deferrable=True).execute(airflow_task.context())
    processing.script = ["Completed"]
    result = f"musher/jobs/{NAME}-2/output/measured.json"
    again = make(plan=plan, keys=(CODE, ORDER, *keys, result, result.replace("-2/", "/")))
    assert again.execute(airflow_task.clear())["job_name"] == f"{NAME}-2"
    assert processing.stopped == [NAME]


def test_the_wait_is_bounded_and_a_job_that_takes_too_long_is_stopped(
    make: Any, processing: FakeProcessing, airflow_task: FakeTask
) -> None:
    processing.script = ["InProgress"]
    with pytest.raises(AirflowFailException, match="did not end in 4560 s and was told to stop"):
        make().execute(airflow_task.context())
    assert processing.stopped == [NAME]


def test_a_persons_cancel_ends_the_load(
    make: Any, processing: FakeProcessing, airflow_task: FakeTask
) -> None:
    processing.script = ["InProgress"]
    operator = make(deferrable=True)
    with pytest.raises(TaskDeferred):
        operator.execute(airflow_task.context())
    airflow_task.state = "failed"
    operator.on_kill()
    assert processing.stopped == [NAME]


def test_how_the_load_goes_is_in_the_task_s_log(
    make: Any, airflow_task: FakeTask, logs: dict[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    logs[f"{NAME}/algo-1-1"] = ["load test: 3 of 60 s: 5.0 requests a second, p99 20 ms, 1 instance"]
    with caplog.at_level("INFO"):
        make().execute(airflow_task.context())
    assert "load test: 3 of 60 s: 5.0 requests a second" in caplog.text


def test_a_teardown_and_the_reaper_find_the_live_ones_of_all_attempts(
    processing: FakeProcessing, request_of: Callable[..., dict[str, Any]]
) -> None:
    for name, state in ((NAME, "Failed"), (f"{NAME}-2", "InProgress")):
        processing.script = [state]
        processing.create_processing_job(**request_of(job_name=name))
    hook: Any = processing
    found = inventory.list_jobs(hook, kind=inventory.PROCESSING, prefix="musher-")
    first, second = (listed.read() for listed in found)
    assert first is not None
    assert second is not None
    assert (first.kind, first.name, first.tags["musher:project"]) == ("processing job", NAME, "musher")
    assert second.usd_per_hour == pytest.approx(0.115)
    assert stop_processing_jobs(hook, name=NAME) == [f"processing job {NAME}-2"]
    assert processing.stopped == [f"{NAME}-2"]
