"""Training jobs that fail, are stopped or refused: each says why, and nothing of it goes on running."""

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refusal(jobs: Any, **options: Any) -> tuple[str, str]:
    """Return code and message of a job that is refused; check that it is not listed afterwards."""
    request = jobs.request("pass", **options)
    with pytest.raises(ClientError) as caught:
        jobs.sagemaker.create_training_job(**request)
    listed = jobs.sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    assert request["TrainingJobName"] not in {job["TrainingJobName"] for job in listed}
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_exit_1_fails_with_the_exit_code_and_the_last_lines(jobs: Any) -> None:
    script = "import sys\nprint('reading')\nraise ValueError('learning rate is negative')\n"
    description = jobs.run(script, hyperparameters={"lr": "-1"})
    reason = description["FailureReason"]
    assert description["TrainingJobStatus"] == description["SecondaryStatus"] == "Failed"
    assert reason.startswith(
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "reading\nTraceback'
    )
    assert 'ValueError: learning rate is negative"' in reason
    assert "train.py --lr -1" in reason
    assert reason.endswith(", exit code: 1")
    assert "ModelArtifacts" not in description
    assert description["SecondaryStatusTransitions"][-1]["Status"] == "Failed"


def test_the_failure_file_is_the_reason(jobs: Any) -> None:
    script = """
import os, sys
from pathlib import Path
Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("The test split is empty: add images to test/.")
sys.exit(3)
"""
    reason = jobs.run(script)["FailureReason"]
    assert reason == "AlgorithmError: The test split is empty: add images to test/., exit code: 3"


def test_the_host_that_failed_first_gives_the_reason(jobs: Any) -> None:
    script = """
import os, sys, time
from pathlib import Path
first = os.environ["SM_CURRENT_HOST"] == "algo-2"
time.sleep(0 if first else 0.3)
text = "an image is broken" if first else "lost algo-2"
Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text(text)
time.sleep(1 if first else 0)
sys.exit(1)
"""
    assert jobs.run(script, hosts=2)["FailureReason"] == "AlgorithmError: an image is broken, exit code: 1"


def test_a_long_reason_is_cut_to_1024_characters_and_keeps_the_latest_lines(jobs: Any) -> None:
    script = "import sys\nfor n in range(500):\n    print('line', n)\nsys.exit(7)\n"
    reason = jobs.run(script)["FailureReason"]
    assert len(reason) <= 1024
    assert "ExitCode 7" in reason
    assert "line 499" in reason


def test_a_script_that_fails_silently_says_its_exit_code(jobs: Any) -> None:
    reason = jobs.run("raise SystemExit(2)")["FailureReason"]
    assert 'ExitCode 2\nErrorMessage ""' in reason


def test_a_script_killed_by_a_signal_says_which(jobs: Any) -> None:
    script = "import os, signal\nprint('about to die')\nos.kill(os.getpid(), signal.SIGKILL)\n"
    reason = jobs.run(script)["FailureReason"]
    assert "ExitCode -9" in reason
    assert "about to die" in reason
    assert "Process killed by SIGKILL (signal 9)" in reason


def test_one_host_that_dies_fails_the_job_and_stops_the_others(jobs: Any, localaws: Any) -> None:
    script = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.environ["SM_CURRENT_HOST"] == "algo-2":
    sys.exit("algo-2 has lost its data")
time.sleep(600)
"""
    name = jobs.create(script, hosts=3)
    description = jobs.wait(name)
    assert "algo-2 has lost its data" in description["FailureReason"]
    assert not any(child["name"].startswith(name) for child in localaws.children())
    transitions = {item["Status"]: item for item in description["SecondaryStatusTransitions"]}
    lasted = transitions["Training"]["EndTime"] - transitions["Training"]["StartTime"]
    assert lasted.total_seconds() < 10


def test_output_data_of_a_failed_job_is_kept_but_its_model_is_not(jobs: Any) -> None:
    script = """
import os, sys
from pathlib import Path
Path(os.environ["SM_MODEL_DIR"], "half.bin").write_text("x")
Path(os.environ["SM_OUTPUT_DATA_DIR"], "why.txt").write_text("y")
sys.exit(1)
"""
    name = jobs.create(script)
    assert jobs.wait(name)["TrainingJobStatus"] == "Failed"
    assert jobs.outputs(name) == ["output.tar.gz"]


WAIT_FOR_TERM = """
import os, signal, sys, time
from pathlib import Path
def save(*_):
    Path(os.environ["SM_MODEL_DIR"], "partial.txt").write_text("epoch 3")
    print("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready")
time.sleep(600)
"""


def test_stop_gives_the_script_time_to_save_and_uploads_what_it_saved(jobs: Any) -> None:
    name = jobs.create(WAIT_FOR_TERM)
    jobs.wait_for_line(name, "ready")
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    description = jobs.wait(name)
    assert (description["TrainingJobStatus"], description["SecondaryStatus"]) == ("Stopped", "Stopped")
    states = [item["Status"] for item in description["SecondaryStatusTransitions"]]
    assert states == ["Starting", "Downloading", "Training", "Stopping", "Stopped"]
    assert jobs.lines(name)[-1] == "saved"
    assert jobs.artifact(name, "model.tar.gz") == {"partial.txt": "epoch 3"}
    assert description["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"/{name}/output/model.tar.gz")


def test_a_job_can_be_stopped_before_it_trains(jobs: Any) -> None:
    name = jobs.create("import time; time.sleep(600)")
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    assert jobs.wait(name)["SecondaryStatus"] == "Stopped"


def test_a_job_is_stopped_once(jobs: Any) -> None:
    name = jobs.create("import signal, time\nsignal.signal(15, lambda *_: time.sleep(1))\ntime.sleep(600)")
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match=r"in status Stop(ping|ped)"):
        jobs.sagemaker.stop_training_job(TrainingJobName=name)
    jobs.wait(name)


def test_no_host_outlives_localaws(serve_jobs: Any) -> None:
    with serve_jobs() as (jobs, process):
        script = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('deaf')\ntime.sleep(600)"
        name = jobs.create(script, hosts=2)
        while not (jobs.lines(name, "algo-1") and jobs.lines(name, "algo-2")):
            time.sleep(0.05)
        pids = [child["pid"] for child in jobs.children() if child["name"].startswith(name)]
        assert len(pids) == 2
        began = time.monotonic()
        process.terminate()
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - began < 8
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_job_that_has_ended_cannot_be_stopped(jobs: Any) -> None:
    name = jobs.create("pass")
    jobs.wait(name)
    with pytest.raises(ClientError) as caught:
        jobs.sagemaker.stop_training_job(TrainingJobName=name)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"] == "The request was rejected because the training job is in status Completed."


def test_a_job_that_has_ended_can_be_deleted_and_its_name_used_again(jobs: Any) -> None:
    name = jobs.create("pass")
    jobs.wait(name)
    jobs.sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match="not found"):
        jobs.describe(name)
    jobs.create("pass", name=name)
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"


def test_a_job_in_progress_or_missing_cannot_be_deleted(jobs: Any) -> None:
    name = jobs.create("import time; time.sleep(60)")
    with pytest.raises(ClientError, match=r"\(ResourceInUse\).* the training job is in status InProgress"):
        jobs.sagemaker.delete_training_job(TrainingJobName=name)
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    jobs.wait(name)
    with pytest.raises(ClientError, match=r"\(ResourceNotFound\).* Requested resource not found"):
        jobs.sagemaker.delete_training_job(TrainingJobName="absent")


def test_a_job_that_does_not_exist_cannot_be_stopped(jobs: Any) -> None:
    with pytest.raises(ClientError, match="Requested resource not found"):
        jobs.sagemaker.stop_training_job(TrainingJobName="absent")


def test_a_script_that_ignores_sigterm_is_killed_after_120_seconds_of_aws(fast_jobs: Any) -> None:
    script = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready")
time.sleep(600)
"""
    name = fast_jobs.create(script, seconds=86_400)
    fast_jobs.wait_for_line(name, "ready")
    began = time.monotonic()
    fast_jobs.sagemaker.stop_training_job(TrainingJobName=name)
    assert fast_jobs.wait(name)["TrainingJobStatus"] == "Stopped"
    assert 1.9 <= time.monotonic() - began < 8


def test_a_job_past_its_limit_is_stopped_and_keeps_what_it_saved(fast_jobs: Any) -> None:
    name = fast_jobs.create(WAIT_FOR_TERM, seconds=90)
    description = fast_jobs.wait(name)
    assert description["TrainingJobStatus"] == "Stopped"
    assert description["SecondaryStatus"] == "MaxRuntimeExceeded"
    message = description["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert message == "Training job runtime exceeded MaxRuntimeInSeconds provided"
    assert 90 <= description["BillableTimeInSeconds"] < 600
    assert fast_jobs.artifact(name, "model.tar.gz") == {"partial.txt": "epoch 3"}


def test_a_name_that_exists_is_refused(jobs: Any) -> None:
    name = jobs.create("pass")
    with pytest.raises(ClientError) as caught:
        jobs.create("pass", name=name)
    error = caught.value.response["Error"]
    assert error["Code"] == "ResourceInUse"
    assert error["Message"].startswith("Training job names must be unique within an AWS account and region")
    jobs.wait(name)


@pytest.mark.parametrize("name", ["a" * 64, "under_score", "-dash", "trailing-"])
def test_a_name_that_aws_does_not_allow_is_refused(jobs: Any, name: str) -> None:
    code, message = refusal(jobs, name=name)
    assert code == "ValidationException"
    assert f"Value '{name}' at 'trainingJobName' failed to satisfy constraint" in message


def test_an_instance_count_of_0_is_refused(jobs: Any) -> None:
    code, message = refusal(jobs, hosts=0)
    assert code == "ValidationException"
    assert "Value '0' at 'resourceConfig.instanceCount'" in message
    assert message.endswith("Member must have value greater than or equal to 1")


def test_a_prefix_without_objects_is_refused_by_name(jobs: Any) -> None:
    uri = f"s3://{jobs.bucket}/nothing/here"
    code, message = refusal(jobs, channels=[jobs.channel("train", uri)])
    assert code == "ValidationException"
    assert message.startswith(f'No S3 objects found under S3 URL "{uri}" given in input data source.')


def test_a_bucket_that_does_not_exist_is_refused(jobs: Any) -> None:
    assert (
        "No S3 objects found" in refusal(jobs, channels=[jobs.channel("train", "s3://no-such-bucket/a")])[1]
    )
    more = {"OutputDataConfig": {"S3OutputPath": "s3://no-such-bucket/jobs"}}
    assert "'no-such-bucket'" in refusal(jobs, more=more)[1]


def test_a_wrong_regular_expression_is_refused_by_name(jobs: Any) -> None:
    _, message = refusal(jobs, metrics=[{"Name": "loss", "Regex": "loss=([0-9"}])
    assert "'loss=([0-9'" in message
    assert "'loss'" in message


def test_a_channel_named_twice_is_refused(jobs: Any) -> None:
    channel = jobs.channel("train", jobs.put("twice/", {"a": "a"}))
    assert "must be unique" in refusal(jobs, channels=[channel, channel])[1]


def test_a_job_without_anything_to_run_says_so(jobs: Any) -> None:
    description = jobs.run(more={"HyperParameters": {"epochs": "1"}})
    assert description["FailureReason"].startswith("AlgorithmError: localaws runs script mode")


def test_an_entrypoint_that_does_not_exist_says_so(jobs: Any) -> None:
    request = jobs.request()
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["no-such-program"]
    jobs.sagemaker.create_training_job(**request)
    assert "no-such-program" in jobs.wait(request["TrainingJobName"])["FailureReason"]


def test_source_that_is_missing_or_broken_says_so(jobs: Any) -> None:
    absent = f"s3://{jobs.bucket}/code/absent.tar.gz"
    reason = jobs.run("pass", hyperparameters={"sagemaker_submit_directory": absent})["FailureReason"]
    assert reason.startswith("AlgorithmError: framework error")
    assert absent in reason
    jobs.put("code/", {"broken.tar.gz": "this is no archive"})
    broken = f"s3://{jobs.bucket}/code/broken.tar.gz"
    reason = jobs.run("pass", hyperparameters={"sagemaker_submit_directory": broken})["FailureReason"]
    assert "is not a readable tar.gz archive" in reason
    reason = jobs.run("pass", hyperparameters={"sagemaker_program": "absent.py"})["FailureReason"]
    assert "'absent.py' is not a file of sagemaker_submit_directory" in reason


def test_source_that_points_outside_its_archive_is_refused_by_name(jobs: Any) -> None:
    reason = jobs.run(files={"train.py": "pass", "../evil.py": "pass"})["FailureReason"]
    assert "member '../evil.py' points outside the archive" in reason
