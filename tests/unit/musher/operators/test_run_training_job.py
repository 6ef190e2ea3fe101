"""RunTrainingJobOperator: what is started, judged and said; who asked for it is test_intent's."""

import logging
from datetime import UTC, datetime

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from musher.operators import training
from musher.operators.training import RunTrainingJobOperator, artifact_uris
from musher.settings import Settings
from tests.unit.musher.operators.fake_jobs import NAME, REQUEST, FakeS3, FakeTraining
from tests.unit.musher.operators.fakes import FakeClock, FakeTask, refuse


def test_a_new_job_is_started_and_summarised(
    operator: RunTrainingJobOperator, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    assert operator.execute(airflow_task.context()) == {
        "job_name": NAME,
        "status": "Completed",
        "model_uri": f"s3://b/jobs/{NAME}/output/model.tar.gz",
        "output_uri": f"s3://b/jobs/{NAME}/output/output.tar.gz",
        "instances": 2,
        "instance_type": "ml.m5.xlarge",
        "created_at": "2027-01-15T08:00:00+00:00",
        "is_spot": False,
        "billable_seconds": 30,
        "training_seconds": 30,
        "seconds": 42.0,
        "metrics": {"test:accuracy": 0.97},
    }
    assert aws.created == [NAME]
    assert aws.requests == [REQUEST]


def test_another_try_that_was_quicker_is_adopted(
    operator: RunTrainingJobOperator,
    aws: FakeTraining,
    airflow_task: FakeTask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aws.add(NAME, "InProgress", "Completed")
    monkeypatch.setattr(aws, "find_training_job", lambda name: None)
    assert operator.execute(airflow_task.context())["status"] == "Completed"
    assert aws.created == []


def test_a_failure_is_logged_once_with_reason_last_lines_and_what_to_do(
    operator: RunTrainingJobOperator,
    aws: FakeTraining,
    logs: dict[str, list[str]],
    airflow_task: FakeTask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws.script = ["InProgress", "Failed"]
    logs[f"{NAME}/algo-1-1700000000"] = [f"line {n}" for n in range(30)]
    logs["another-job/algo-1-1700000000"] = ["not this one"]
    with pytest.raises(AirflowFailException) as caught:
        operator.execute(airflow_task.context())
    assert str(caught.value) == f"Training job {NAME} is Failed: AlgorithmError: exit code 1"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    message = record.getMessage()
    assert message.startswith(f"Training job {NAME} is Failed: AlgorithmError: exit code 1\n")
    assert "[algo-1] line 29\n" in message
    assert "line 9\n" not in message
    assert "not this one" not in message
    assert message.endswith("then clear this task: that starts the next attempt.")


def test_a_silent_failure_names_the_empty_log(
    operator: RunTrainingJobOperator,
    aws: FakeTraining,
    airflow_task: FakeTask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws.script = ["Stopped"]
    with pytest.raises(AirflowFailException, match="is Stopped"):
        operator.execute(airflow_task.context())
    assert "nothing in log group /aws/sagemaker/TrainingJobs" in caplog.text


def test_a_channel_without_data_is_refused_before_the_job(
    operator: RunTrainingJobOperator, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    source = {"S3DataSource": {"S3Uri": "s3://bucket/data/valid/"}}
    operator.config = {**REQUEST, "InputDataConfig": [{"ChannelName": "valid", "DataSource": source}]}
    with pytest.raises(AirflowFailException, match="'valid' has no object under s3://bucket/data/valid/"):
        operator.execute(airflow_task.context())
    assert aws.created == []


def test_a_task_that_is_run_alone_says_that_there_is_no_request(
    operator: RunTrainingJobOperator, airflow_task: FakeTask
) -> None:
    """`airflow tasks test` gives None for what an earlier task has not left."""
    operator.config = None
    with pytest.raises(AirflowFailException, match=r"There is no config: .* `airflow dags test`"):
        operator.execute(airflow_task.context())


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDeniedException", r"AWS refuses CreateTrainingJob \(AccessDeniedException\): .*permission"),
        ("ValidationException", r"AWS refuses CreateTrainingJob \(ValidationException\): "),
        ("ResourceLimitExceeded", r"AWS refuses CreateTrainingJob .*This is a quota of the account"),
    ],
)
def test_what_aws_refuses_fails_at_once(
    code: str,
    message: str,
    operator: RunTrainingJobOperator,
    aws: FakeTraining,
    airflow_task: FakeTask,
) -> None:
    aws.refusal = refuse(code, "CreateTrainingJob")
    with pytest.raises(AirflowFailException, match=message):
        operator.execute(airflow_task.context())


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure", "ServiceUnavailable"])
def test_what_may_pass_is_left_to_airflows_retries(
    code: str, operator: RunTrainingJobOperator, aws: FakeTraining, airflow_task: FakeTask
) -> None:
    aws.refusal = refuse(code, "CreateTrainingJob")
    with pytest.raises(ClientError, match=code):
        operator.execute(airflow_task.context())
    aws.refusal = None
    assert operator.execute(airflow_task.retry())["job_name"] == NAME


def test_a_job_that_never_ends_is_stopped(
    operator: RunTrainingJobOperator, aws: FakeTraining, airflow_task: FakeTask, fake_clock: FakeClock
) -> None:
    aws.script = ["InProgress"]
    began = fake_clock.now()
    with pytest.raises(AirflowFailException, match=r"did not end in 3660 s and was told to stop\. Raise max"):
        operator.execute(airflow_task.context())
    assert aws.stopped == [NAME]
    assert 3600 < fake_clock.now() - began <= 3660


def test_the_bound_counts_from_the_jobs_creation_also_after_a_restart(
    operator: RunTrainingJobOperator, aws: FakeTraining, airflow_task: FakeTask, fake_clock: FakeClock
) -> None:
    aws.script = ["InProgress"]
    began = fake_clock.now()
    aws.add(NAME, "InProgress")
    fake_clock.time += 3000
    with pytest.raises(AirflowFailException, match="did not end in 3660 s"):
        operator.execute(airflow_task.context())
    assert fake_clock.now() - began <= 3660


def test_times_that_aws_does_not_give_are_none() -> None:
    assert training.seconds_between(None, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_spot_job_is_waited_for_with_its_interruptions(operator: RunTrainingJobOperator) -> None:
    operator.config = {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 7200}}
    assert operator.limit_s({}) == 7200 + 3600


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


def test_the_methods_that_a_newcomer_looks_for_are_there(
    operator: RunTrainingJobOperator, aws: FakeTraining
) -> None:
    operator.create(REQUEST)
    assert operator.describe(NAME)["TrainingJobStatus"] == "InProgress"
    operator.stop(NAME)
    assert (aws.created, aws.stopped) == ([NAME], [NAME])


def test_s3_and_settings_are_read_when_the_task_runs(settings: Settings) -> None:
    """Making an operator, as a DAG's parse does, needs no environment and no connection."""
    made = RunTrainingJobOperator(task_id="a", config=REQUEST)
    assert "settings" not in made.__dict__
    assert FakeS3().get_conn()
