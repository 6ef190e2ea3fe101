"""RunTransformJobOperator: what is started, found again, judged, stopped and said."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from musher import clock
from musher.hooks.jobs import stop_transform_jobs
from musher.operators import jobs
from musher.operators.transform import RunTransformJobOperator
from musher.settings import Settings
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fake_jobs import FakeS3
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask

NAME, MODEL = "musher-batch-0123abcd", "musher-batch-0123abcd-89abcdef"
REQUEST: dict[str, Any] = {
    "Model": {"ModelName": MODEL},
    "Transform": {
        "TransformJobName": NAME,
        "ModelName": MODEL,
        "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/photos/"}}},
        "TransformOutput": {"S3OutputPath": f"s3://b/jobs/{NAME}/output/"},
        "TransformResources": {"InstanceCount": 2, "InstanceType": "ml.m5.large"},
    },
    "MaxRuntimeInSeconds": 600,
}
PHOTOS = ["photos/a.jpg", "photos/b.jpg"]


class Photos(FakeS3):
    """A bucket with two photos and what jobs answer."""

    keys = PHOTOS

    def __init__(self, **_: Any) -> None: ...

    def get_paginator(self, operation: str) -> "Photos":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"Contents": [{"Key": key} for key in self.keys if key.startswith(Prefix)]}]


class FakeTransforms:
    """Models and transform jobs in memory; a new job walks through `script`."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.models: list[str] = []
        self.stopped: list[str] = []
        self.script = ["InProgress", "Completed"]
        self.conn = self

    def find_model(self, name: str) -> Any:
        return name if name in self.models else None

    def create_model(self, **request: Any) -> None:
        self.models.append(request["ModelName"])

    def create_transform_job(self, **request: Any) -> None:
        assert request["ModelName"] in self.models
        created = datetime.fromtimestamp(clock.now(), UTC)
        self.jobs[request["TransformJobName"]] = {
            **request,
            "TransformJobArn": f"arn:{request['TransformJobName']}",
            "states": list(self.script),
            "CreationTime": created,
            "TransformStartTime": created + timedelta(seconds=20),
            "TransformEndTime": created + timedelta(seconds=50),
            "FailureReason": "ClientError: See job logs for more information",
        }

    def describe_transform_job(self, *, TransformJobName: str) -> dict[str, Any]:  # noqa: N803
        job = self.jobs[TransformJobName]
        states = job["states"]
        return {**job, "TransformJobStatus": states.pop(0) if len(states) > 1 else states[0]}

    def find_transform_job(self, name: str) -> Any:
        return self.describe_transform_job(TransformJobName=name) if name in self.jobs else None

    def stop_transform_job(self, *, TransformJobName: str) -> None:  # noqa: N803
        self.stopped.append(TransformJobName)
        self.jobs[TransformJobName]["states"][:] = ["Stopped"]

    def add_tags(self, **_: Any) -> None: ...

    def list_tags(self, **_: Any) -> dict[str, Any]:
        return {"Tags": []}


@pytest.fixture
def transforms(fake_clock: FakeClock) -> FakeTransforms:
    return FakeTransforms()


@pytest.fixture
def make(
    transforms: FakeTransforms, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunTransformJobOperator]:
    """Return a function that makes the operator, in a bucket with answers for this many photos."""
    hook = FakeHook(transforms, "sagemaker")
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    monkeypatch.setattr(jobs, "S3Hook", Photos)

    def made(*, answers: int = 2, photos: list[str] = PHOTOS, **changes: Any) -> RunTransformJobOperator:
        outputs = [
            f"jobs/{NAME}{attempt}/output/{key}.out" for attempt in ("", "-2") for key in photos[:answers]
        ]
        monkeypatch.setattr(Photos, "keys", [*photos, *outputs])
        operator = RunTransformJobOperator(task_id="run_job", config=REQUEST, **changes)
        operator.__dict__ |= {"hook": hook, "settings": replace(settings, poll_interval_s=60)}
        return operator

    return made


def test_model_and_job_are_made_once_and_what_lies_there_is_told(
    make: Any, transforms: FakeTransforms, airflow_task: FakeTask
) -> None:
    found = make().execute(airflow_task.context())
    assert found == {
        "job_name": NAME,
        "output_uri": f"s3://b/jobs/{NAME}/output/",
        "images": 2,
        "instance_type": "ml.m5.large",
        "instances": 2,
        "seconds": 50.0,
        "billed_seconds": 60.0,
    }
    assert make().execute(airflow_task.retry()) == found
    assert make().execute(airflow_task.clear()) == found
    assert (list(transforms.jobs), transforms.models) == ([NAME], [MODEL])


def test_a_job_that_failed_is_explained_and_clearing_starts_the_next_attempt(
    make: Any,
    transforms: FakeTransforms,
    airflow_task: FakeTask,
    logs: dict[str, list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    logs[f"{NAME}/i-1/data-log"] = ["b.jpg: Bad HTTP status received from algorithm: 415"]
    transforms.script = ["Failed"]
    with pytest.raises(AirflowFailException, match=f"Transform job {NAME} is Failed: ClientError"):
        make().execute(airflow_task.context())
    assert "Bad HTTP status received from algorithm: 415" in caplog.text
    transforms.script = ["Completed"]
    assert make().execute(airflow_task.clear())["job_name"] == f"{NAME}-2"
    assert transforms.jobs[f"{NAME}-2"]["TransformOutput"]["S3OutputPath"] == f"s3://b/jobs/{NAME}-2/output/"
    assert transforms.models == [MODEL]


def test_a_job_without_an_answer_is_of_no_use(make: Any, airflow_task: FakeTask) -> None:
    with pytest.raises(AirflowFailException, match="is Completed: there is no answer below"):
        make(answers=0).execute(airflow_task.context())


def test_nothing_is_paid_where_there_is_no_image(
    make: Any, transforms: FakeTransforms, airflow_task: FakeTask
) -> None:
    with pytest.raises(AirflowFailException, match="The batch has no object under s3://b/photos/"):
        make(photos=[]).execute(airflow_task.context())
    assert transforms.jobs == {}


def test_other_images_are_another_job(make: Any, transforms: FakeTransforms, airflow_task: FakeTask) -> None:
    make().execute(airflow_task.context())
    older = {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/older/"}}}
    transforms.jobs[NAME]["TransformInput"] = older
    assert make().execute(airflow_task.clear())["job_name"] == f"{NAME}-2"


def test_the_wait_is_bounded_and_a_job_that_takes_too_long_is_stopped(
    make: Any, transforms: FakeTransforms, airflow_task: FakeTask
) -> None:
    transforms.script = ["InProgress"]
    with pytest.raises(AirflowFailException, match="did not end in 4200 s and was told to stop"):
        make().execute(airflow_task.context())
    assert transforms.stopped == [NAME]


def test_a_persons_cancel_stops_the_job(
    make: Any, transforms: FakeTransforms, airflow_task: FakeTask
) -> None:
    transforms.script = ["InProgress"]
    operator = make(deferrable=True)
    with pytest.raises(TaskDeferred):
        operator.execute(airflow_task.context())
    airflow_task.state = "failed"
    operator.on_kill()
    assert transforms.stopped == [NAME]


def test_a_teardown_stops_the_live_ones_of_all_attempts(transforms: FakeTransforms) -> None:
    transforms.models.append(MODEL)
    for name, state in ((NAME, "Failed"), (f"{NAME}-2", "InProgress")):
        transforms.script = [state]
        transforms.create_transform_job(**REQUEST["Transform"] | {"TransformJobName": name})
    hook: Any = transforms
    assert stop_transform_jobs(hook, name=NAME) == [f"transform job {NAME}-2"]
    assert transforms.stopped == [f"{NAME}-2"]
