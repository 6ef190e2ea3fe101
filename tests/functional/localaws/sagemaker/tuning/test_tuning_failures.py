"""Tuning jobs that fail, are stopped, or are refused."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

SLOW = "import time\nprint('loss=1;', flush=True)\ntime.sleep(60)"
FAILING = "raise SystemExit(3)"


def error_of(call: Any, **request: Any) -> tuple[str, str]:
    """Return code and message of the error that a call must give."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_when_all_training_jobs_fail_the_tuning_job_fails_and_says_so(tunings: Any) -> None:
    description = tunings.run(FAILING, jobs=3, parallel=2)
    assert description["HyperParameterTuningJobStatus"] == "Failed"
    assert description["FailureReason"] == (
        "All training jobs failed. Please take a look at the training jobs failures to get more details."
    )
    assert description["TrainingJobStatusCounters"]["NonRetryableError"] == 3
    assert description["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 0, "Failed": 3}
    assert "BestTrainingJob" not in description


def test_after_five_failures_no_more_training_jobs_are_launched(tunings: Any) -> None:
    description = tunings.run(FAILING, jobs=20, parallel=1)
    assert description["HyperParameterTuningJobStatus"] == "Failed"
    assert description["FailureReason"].startswith("No training job succeeded after 5 attempts.")
    assert description["TrainingJobStatusCounters"]["NonRetryableError"] == 5


def test_training_jobs_that_print_no_objective_fail_the_tuning_job(tunings: Any) -> None:
    description = tunings.run("print('accuracy: 1')", jobs=2)
    assert description["HyperParameterTuningJobStatus"] == "Failed"
    assert description["FailureReason"].startswith(
        "No objective metrics found after running 2 training jobs."
    )
    assert description["TrainingJobStatusCounters"]["Completed"] == 2


def test_a_few_failures_do_not_spoil_the_search(tunings: Any) -> None:
    script = """
import sys
x = sys.argv[sys.argv.index("-x") + 1]
if x == "0.1": raise SystemExit(1)
print(f"loss={x};")
"""
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.1", "0.2", "0.3"]}]}
    description = tunings.run(script, strategy="Grid", ranges=ranges, jobs=3)
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert description["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.2"}
    assert description["ObjectiveStatusCounters"] == {"Succeeded": 2, "Pending": 0, "Failed": 1}


def test_stop_stops_the_running_training_jobs_and_launches_no_more(tunings: Any, localaws: Any) -> None:
    name = tunings.create(SLOW, jobs=6, parallel=2)
    tunings.wait_for_trials(name, 2)
    tunings.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert tunings.describe(name)["HyperParameterTuningJobStatus"] in ("Stopping", "Stopped")
    description = tunings.wait(name)
    assert description["HyperParameterTuningJobStatus"] == "Stopped"
    assert description["TrainingJobStatusCounters"]["Stopped"] == 2
    assert "FailureReason" not in description
    assert {trial["TrainingJobStatus"] for trial in tunings.trials(name)} == {"Stopped"}
    assert not [child for child in localaws.children() if child["name"].startswith(name)]
    error = error_of(tunings.sagemaker.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
    assert error == (
        "ValidationException",
        "The request was rejected because the hyperparameter tuning job is in status Stopped.",
    )


def test_a_training_job_may_be_stopped_by_hand(tunings: Any) -> None:
    name = tunings.create(SLOW, jobs=1)
    tunings.wait_for_trials(name, 1)
    (trial,) = tunings.trials(name)
    tunings.sagemaker.stop_training_job(TrainingJobName=trial["TrainingJobName"])
    description = tunings.wait(name)
    assert description["TrainingJobStatusCounters"]["Stopped"] == 1


def test_delete_takes_only_what_has_ended_and_leaves_the_training_jobs(tunings: Any) -> None:
    name = tunings.create(SLOW, jobs=1)
    sagemaker = tunings.sagemaker
    code, _ = error_of(sagemaker.delete_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
    assert code == "ValidationException"
    tunings.wait_for_trials(name, 1)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    tunings.wait(name)
    (trial,) = tunings.trials(name)
    sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    for call in (
        sagemaker.describe_hyper_parameter_tuning_job,
        sagemaker.stop_hyper_parameter_tuning_job,
        sagemaker.list_training_jobs_for_hyper_parameter_tuning_job,
    ):
        code, message = error_of(call, HyperParameterTuningJobName=name)
        assert code == "ResourceNotFound"
        assert name in message
    assert sagemaker.describe_training_job(TrainingJobName=trial["TrainingJobName"])


def test_a_name_is_used_once(tunings: Any) -> None:
    request = tunings.request(jobs=1)
    tunings.sagemaker.create_hyper_parameter_tuning_job(**request)
    code, message = error_of(tunings.sagemaker.create_hyper_parameter_tuning_job, **request)
    assert code == "ResourceInUse"
    assert "must be unique within an AWS account and region" in message
    tunings.wait(request["HyperParameterTuningJobName"])


def test_what_create_training_job_refuses_is_refused_at_once(tunings: Any) -> None:
    channel = {
        "ChannelName": "train",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{tunings.bucket}/no/"}},
    }
    request = tunings.request(definition={"InputDataConfig": [channel]})
    code, message = error_of(tunings.sagemaker.create_hyper_parameter_tuning_job, **request)
    assert code == "ValidationException"
    assert message.startswith(f'No S3 objects found under S3 URL "s3://{tunings.bucket}/no/"')
    request = tunings.request(definition={"OutputDataConfig": {"S3OutputPath": "s3://no-such-bucket-here/x"}})
    code, message = error_of(tunings.sagemaker.create_hyper_parameter_tuning_job, **request)
    assert code == "ValidationException"
    assert "does not exist" in message
    request = tunings.request(definition={"RoleArn": "arn:aws:iam::123456789012:role/no-such-role"})
    code, message = error_of(tunings.sagemaker.create_hyper_parameter_tuning_job, **request)
    assert message.startswith("Could not assume role arn:aws:iam::123456789012:role/no-such-role.")
    request = tunings.request(definition={"StaticHyperParameters": {"sagemaker_mpi_enabled": "true"}})
    code, message = error_of(tunings.sagemaker.create_hyper_parameter_tuning_job, **request)
    assert "localaws has no launcher for sagemaker_mpi_enabled" in message


def test_a_training_job_that_is_refused_later_fails_the_tuning_job(tunings: Any) -> None:
    uri = tunings.put_data()
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    script = f"""
import boto3, time
boto3.client("s3").delete_object(Bucket={tunings.bucket!r}, Key={uri.split("/", 3)[3] + "/data.csv"!r})
print("loss=1;")
"""
    description = tunings.run(script, jobs=3, parallel=1, definition={"InputDataConfig": [channel]})
    assert description["HyperParameterTuningJobStatus"] == "Failed"
    assert description["FailureReason"].startswith("No S3 objects found under S3 URL")


def test_a_long_name_and_a_bad_range_are_refused_in_words(tunings: Any) -> None:
    create = tunings.sagemaker.create_hyper_parameter_tuning_job
    code, message = error_of(create, **tunings.request(name="n" * 33))
    assert code == "ValidationException"
    assert message.endswith("Member must have length less than or equal to 32")
    ranges = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "1", "MaxValue": "0.1"}]}
    code, message = error_of(create, **tunings.request(ranges=ranges))
    assert code == "ValidationException"
    assert message == ("Invalid range for hyperparameter [x]: MinValue [1] must be less than MaxValue [0.1].")


def test_nothing_survives_localaws(serve_tunings: Any) -> None:
    with serve_tunings() as (tunings, process):
        name = tunings.create(SLOW, jobs=8, parallel=2)
        tunings.wait_for_trials(name, 2)
        started = time.monotonic()
        process.terminate()
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - started < 10
