"""RunTrainingJobOperator: one job per run, adopted by retries, whose end is explained."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.operators import jobs, training
from musher.operators.training import RunTrainingJobOperator, artifact_uris
from musher.settings import Settings
from tests.unit.musher.operators.fakes import FakeWaiter, refuse

NAME = "musher-train-0123abcd"
REQUEST = {
    "TrainingJobName": NAME,
    "HyperParameters": {"epochs": "2", "sagemaker_job_name": NAME},
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://bucket/data/train/"}}}
    ],
    "ResourceConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.xlarge"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


class FakeSageMaker:
    """Training jobs in memory; a new job walks through `script`, one status for each look."""

    def __init__(self) -> None:
        self.jobs: dict[str, list[str]] = {}
        self.script = ["InProgress", "InProgress", "Completed"]
        self.created: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.conn = self
        self.hyperparameters: Any = REQUEST["HyperParameters"]

    def create_training_job(self, **request: Any) -> None:
        if request["TrainingJobName"] in self.jobs:
            raise refuse("ResourceInUse", "CreateTrainingJob")
        self.created.append(request)
        self.jobs[request["TrainingJobName"]] = list(self.script)
        self.hyperparameters = request["HyperParameters"]

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        states = self.jobs[TrainingJobName]
        status = states.pop(0) if len(states) > 1 else states[0]
        start = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
        return {
            "TrainingJobName": TrainingJobName,
            "TrainingJobStatus": status,
            "FailureReason": "AlgorithmError: exit code 1" if status == "Failed" else "",
            "HyperParameters": self.hyperparameters,
            "OutputDataConfig": {"S3OutputPath": "s3://b/jobs"},
            "ResourceConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.xlarge"},
            "CreationTime": start,
            "LastModifiedTime": start,
            "TrainingEndTime": start.replace(second=42),
            "BillableTimeInSeconds": 30,
            "TrainingTimeInSeconds": 30,
            "FinalMetricDataList": [{"MetricName": "test:accuracy", "Value": 0.97}],
        }

    def find_training_job(self, name: str) -> dict[str, Any] | None:
        return self.describe_training_job(TrainingJobName=name) if name in self.jobs else None

    def stop_training_job(self, *, TrainingJobName: str) -> None:  # noqa: N803
        self.stopped.append(TrainingJobName)

    def get_waiter(self, _: str) -> Any:
        latest = list(self.jobs)[-1]
        verdicts = {"Completed": True, "Failed": False, "Stopped": False}
        return FakeWaiter(
            lambda: self.describe_training_job(TrainingJobName=latest),
            lambda answer: verdicts.get(answer["TrainingJobStatus"]),
        )


class FakeS3:
    """A bucket with one data set."""

    def __init__(self, _: Settings) -> None:
        self.keys = ["data/train/shard-00000.tar"]

    def get_conn(self) -> "FakeS3":
        return self

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, int]:  # noqa: N803
        return {"KeyCount": min(MaxKeys, sum(key.startswith(Prefix) for key in self.keys))}


@pytest.fixture
def aws() -> FakeSageMaker:
    return FakeSageMaker()


@pytest.fixture
def operator(
    aws: FakeSageMaker, settings: Settings, logs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> RunTrainingJobOperator:
    monkeypatch.setattr(jobs, "s3_hook", FakeS3)
    made = RunTrainingJobOperator(task_id="run_job", config=REQUEST)
    made.__dict__ |= {"hook": aws, "settings": settings}
    return made


Make = Callable[..., Any]


def test_a_new_job_is_started_and_summarised(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make
) -> None:
    assert operator.execute(context()) == {
        "job_name": NAME,
        "status": "Completed",
        "model_uri": f"s3://b/jobs/{NAME}/output/model.tar.gz",
        "output_uri": f"s3://b/jobs/{NAME}/output/output.tar.gz",
        "instances": 2,
        "instance_type": "ml.m5.xlarge",
        "created_at": "2026-01-01T12:00:00+00:00",
        "is_spot": False,
        "billable_seconds": 30,
        "training_seconds": 30,
        "seconds": 42.0,
        "metrics": {"test:accuracy": 0.97},
    }
    assert aws.created == [REQUEST]


@pytest.mark.parametrize("states", [["InProgress", "Completed"], ["Completed"]])
def test_a_retry_adopts_the_live_or_completed_job(
    states: list[str], operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make
) -> None:
    aws.jobs[NAME] = states
    assert operator.execute(context(try_number=2))["job_name"] == NAME
    assert aws.created == []


def test_another_try_that_was_quicker_is_adopted(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.jobs[NAME] = ["InProgress", "Completed"]
    monkeypatch.setattr(aws, "find_training_job", lambda name: None)
    assert operator.execute(context())["status"] == "Completed"
    assert aws.created == []


def test_an_automatic_retry_never_starts_a_second_job(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make
) -> None:
    aws.jobs[NAME] = ["Failed"]
    with pytest.raises(
        AirflowFailException, match=f"Training job {NAME} is Failed: AlgorithmError: exit code 1"
    ):
        operator.execute(context(try_number=2))
    assert aws.created == []


def test_a_cleared_task_starts_the_next_attempt(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make
) -> None:
    aws.jobs |= {NAME: ["Failed"], f"{NAME}-2": ["Stopped"]}
    assert operator.execute(context(try_number=4, max_tries=5))["job_name"] == f"{NAME}-3"
    assert [request["HyperParameters"]["sagemaker_job_name"] for request in aws.created] == [f"{NAME}-3"]


@pytest.mark.parametrize(("try_number", "max_tries"), [(1, 2), (2, 2)], ids=["cleared", "retried"])
def test_a_completed_job_with_other_values_is_not_taken_for_the_one_that_a_person_asks_for(
    try_number: int, max_tries: int, operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make
) -> None:
    """Somebody repeated the tuning, and its best values are others now."""
    aws.jobs[NAME] = ["Completed"]
    aws.hyperparameters = {"epochs": "9", "sagemaker_job_name": NAME}
    found = operator.execute(context(try_number=try_number, max_tries=max_tries))
    assert found["job_name"] == (f"{NAME}-2" if try_number == 1 else NAME)


def test_a_completed_job_with_the_same_values_is_adopted_by_a_cleared_task(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make
) -> None:
    aws.jobs |= {NAME: ["Failed"], f"{NAME}-2": ["Completed"]}
    aws.hyperparameters = {"epochs": "2", "sagemaker_job_name": f"{NAME}-2"}
    assert operator.execute(context())["job_name"] == f"{NAME}-2"
    assert aws.created == []


def test_a_failure_shows_reason_last_lines_and_what_to_do(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, logs: dict[str, list[str]], context: Make
) -> None:
    aws.script = ["InProgress", "Failed"]
    logs[f"{NAME}/algo-1-1700000000"] = [f"line {n}" for n in range(30)]
    logs["another-job/algo-1-1700000000"] = ["not this one"]
    with pytest.raises(AirflowFailException) as caught:
        operator.execute(context())
    message = str(caught.value)
    assert message.startswith(f"Training job {NAME} is Failed: AlgorithmError: exit code 1\n")
    assert "[algo-1] line 29\n" in message
    assert "line 9\n" not in message
    assert "not this one" not in message
    assert message.endswith("then clear this task: that starts the next attempt.")


def test_a_silent_failure_names_the_empty_log(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make
) -> None:
    aws.script = ["Stopped"]
    with pytest.raises(AirflowFailException, match="nothing in log group /aws/sagemaker/TrainingJobs"):
        operator.execute(context())


def test_a_channel_without_data_is_refused_before_the_job(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make
) -> None:
    source = {"S3DataSource": {"S3Uri": "s3://bucket/data/valid/"}}
    operator.config = {**REQUEST, "InputDataConfig": [{"ChannelName": "valid", "DataSource": source}]}
    with pytest.raises(AirflowFailException, match="'valid' has no object under s3://bucket/data/valid/"):
        operator.execute(context())
    assert aws.created == []


def test_a_job_that_never_ends_is_stopped(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "GRACE_S", -59.95)
    aws.script = ["InProgress"]
    with pytest.raises(AirflowFailException, match=r"the job was told to stop\. Raise max_runtime_s"):
        operator.execute(context())
    assert aws.stopped == [NAME]


def kill(operator: RunTrainingJobOperator, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill the task while it waits for its job."""

    def killed(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(operator, "wait", killed)
    with pytest.raises(KeyboardInterrupt):
        operator.execute(context)
    operator.on_kill()


def test_a_killed_task_stops_its_job(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(operator, context(), monkeypatch)
    assert aws.stopped == [NAME]


def test_a_task_killed_after_its_job_stops_nothing(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, context: Make
) -> None:
    operator.execute(context())
    operator.on_kill()
    assert aws.stopped == []


@pytest.mark.parametrize(
    ("try_number", "max_tries", "is_first"),
    [(1, 2, True), (2, 2, False), (3, 2, False), (4, 5, True), (5, 5, False)],
)
def test_clearing_begins_a_new_first_try(
    try_number: int, max_tries: int, is_first: bool, context: Make
) -> None:
    assert jobs.is_first_try(context(try_number=try_number, max_tries=max_tries)) is is_first


def test_times_that_aws_does_not_give_are_none() -> None:
    assert training.seconds_between(None, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_spot_job_is_waited_for_with_its_interruptions(operator: RunTrainingJobOperator) -> None:
    operator.config = {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 7200}}
    assert operator.timeout_s() == 7200 + 3600


@pytest.mark.parametrize(
    ("compression", "model_uri", "output_uri"),
    [
        ({}, "s3://b/j/n/output/model.tar.gz", "s3://b/j/n/output/output.tar.gz"),
        ({"CompressionType": "GZIP"}, "s3://b/j/n/output/model.tar.gz", "s3://b/j/n/output/output.tar.gz"),
        ({"CompressionType": "NONE"}, "s3://b/j/n/output/model/", "s3://b/j/n/output/data/"),
    ],
)
def test_artifacts_are_archives_or_folders(
    compression: dict[str, str], model_uri: str, output_uri: str
) -> None:
    output = {"S3OutputPath": "s3://b/j/", **compression}
    found = artifact_uris({"TrainingJobName": "n", "OutputDataConfig": output})
    assert found == {"model_uri": model_uri, "output_uri": output_uri}


@pytest.fixture
def shared(
    operator: RunTrainingJobOperator, aws: FakeSageMaker, monkeypatch: pytest.MonkeyPatch
) -> tuple[RunTrainingJobOperator, list[str]]:
    """An operator of a job that runs share, and the files that are in S3."""
    files = [f"s3://b/jobs/{NAME}/output/model/features.json"]
    describe = aws.describe_training_job

    def described(*, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        output = {"S3OutputPath": "s3://b/jobs", "CompressionType": "NONE"}
        return {**describe(TrainingJobName=TrainingJobName), "OutputDataConfig": output}

    monkeypatch.setattr(aws, "describe_training_job", described)
    monkeypatch.setattr(training, "s3_hook", lambda settings: None)
    monkeypatch.setattr(training, "has_object", lambda hook, uri: uri in files)
    made = RunTrainingJobOperator(task_id="run_job", config=REQUEST, marker="features.json")
    made.__dict__ |= {"hook": aws, "settings": operator.settings}
    return made, files


def test_another_runs_completed_job_is_adopted_while_its_files_exist(
    shared: tuple[RunTrainingJobOperator, list[str]], aws: FakeSageMaker, context: Make
) -> None:
    aws.jobs[NAME] = ["Completed"]
    assert shared[0].execute(context())["model_uri"] == f"s3://b/jobs/{NAME}/output/model/"
    assert aws.created == []


def test_a_job_whose_files_are_gone_is_run_again_under_the_next_name(
    shared: tuple[RunTrainingJobOperator, list[str]], aws: FakeSageMaker, context: Make
) -> None:
    operator, files = shared
    files[:] = [f"s3://b/jobs/{NAME}-2/output/model/features.json"]
    aws.jobs[NAME] = ["Completed"]
    assert operator.execute(context())["job_name"] == f"{NAME}-2"


def test_a_job_that_completes_without_its_files_fails(
    shared: tuple[RunTrainingJobOperator, list[str]], aws: FakeSageMaker, context: Make
) -> None:
    operator, files = shared
    files.clear()
    with pytest.raises(AirflowFailException, match=r"is Completed: there is no s3://b/jobs/.*features\.json"):
        operator.execute(context())


@pytest.mark.parametrize(("is_found", "stopped"), [(True, []), (False, [NAME])])
def test_a_killed_task_leaves_another_runs_job_alone(
    is_found: bool,
    stopped: list[str],
    shared: tuple[RunTrainingJobOperator, list[str]],
    aws: FakeSageMaker,
    context: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if is_found:
        aws.jobs[NAME] = ["InProgress"]
    kill(shared[0], context(), monkeypatch)
    assert aws.stopped == stopped
