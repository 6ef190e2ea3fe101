"""Training jobs through the clients that people use: boto3's waiters, the awscli, Airflow's provider."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = "print('hello from the script')\nprint('loss=0.5')\n"
TIMEOUT_S = 60
HOOK = """
import json, logging, sys
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
logging.basicConfig(stream=sys.stdout, format="LOG %(message)s", level=logging.INFO)
config = json.loads(sys.stdin.read())
hook = SageMakerHook(aws_conn_id="aws_default")
answer = hook.create_training_job(config, wait_for_completion=True, print_log=False, check_interval=1)
name = config["TrainingJobName"]
hook.check_training_status_with_log(name, {"InProgress", "Stopping"}, {"Failed"}, True, 1)
found = [job["TrainingJobName"] for job in hook.list_training_jobs(name_contains=name)]
print(json.dumps({"arn": answer["TrainingJobArn"], "found": found,
                  "status": hook.describe_training_job(name)["TrainingJobStatus"]}))
"""


def test_the_waiter_of_boto3_ends_with_the_job(jobs: Any) -> None:
    name = jobs.create(SCRIPT)
    waiter = jobs.sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    assert jobs.describe(name)["TrainingJobStatus"] == "Completed"


def test_jobs_are_listed_filtered_and_sorted_in_pages(jobs: Any) -> None:
    names = [jobs.create("pass", name=f"listed-{number}-{jobs.bucket[-6:]}") for number in range(5)]
    for name in names:
        jobs.wait(name)
    jobs.run("raise SystemExit(1)", name=f"listed-bad-{jobs.bucket[-6:]}")
    paginator = jobs.sagemaker.get_paginator("list_training_jobs")
    pages = list(
        paginator.paginate(
            NameContains="listed-",
            StatusEquals="Completed",
            SortBy="Name",
            SortOrder="Ascending",
            MaxResults=2,
        )
    )
    assert [len(page["TrainingJobSummaries"]) for page in pages] == [2, 2, 1]
    found = [item["TrainingJobName"] for page in pages for item in page["TrainingJobSummaries"]]
    assert found == names
    oldest_first = jobs.sagemaker.list_training_jobs(NameContains="listed-")["TrainingJobSummaries"]
    newest = oldest_first[-1]
    assert [item["TrainingJobName"] for item in oldest_first[:-1]] == names
    assert newest["TrainingJobName"].startswith("listed-bad-")
    assert newest["TrainingEndTime"] >= newest["CreationTime"]


def test_tags_are_kept(jobs: Any) -> None:
    name = jobs.create("pass", more={"Tags": [{"Key": "project", "Value": "musher"}]})
    arn = jobs.describe(name)["TrainingJobArn"]
    jobs.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "run", "Value": "1"}])
    tags = jobs.sagemaker.list_tags(ResourceArn=arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"project": "musher", "run": "1"}
    jobs.wait(name)


def environment(jobs: Any, **more: str) -> dict[str, str]:
    """Return the environment of a client on this machine."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    return {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": jobs.url} | keys | more


def test_the_awscli_creates_describes_and_waits(jobs: Any, tmp_path: Path) -> None:
    request = jobs.request(SCRIPT)
    (tmp_path / "request.json").write_text(json.dumps(request))
    program = str(Path(sys.executable).with_name("aws"))

    def aws(*arguments: str) -> str:
        return subprocess.run(
            [program, "sagemaker", *arguments],
            env=environment(jobs),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        ).stdout

    answer = json.loads(aws("create-training-job", "--cli-input-json", f"file://{tmp_path}/request.json"))
    name = request["TrainingJobName"]
    assert answer["TrainingJobArn"].endswith(name)
    jobs.wait(name)
    aws("wait", "training-job-completed-or-stopped", "--training-job-name", name)
    described = json.loads(aws("describe-training-job", "--training-job-name", name))
    assert described["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("script", "ends"), [(SCRIPT, "Completed"), ("raise SystemExit('no images')", "Failed")]
)
def test_the_airflow_hook_runs_a_job_and_shows_its_log(
    jobs: Any, tmp_path: Path, script: str, ends: str
) -> None:
    channels = [jobs.channel("train", jobs.put("airflow/", {"a.txt": "a"}))]
    request = jobs.request(script, channels=channels)
    connection = {
        "conn_type": "aws",
        "login": "test",
        "password": "test",
        "extra": {"region_name": "us-east-1", "endpoint_url": jobs.url},
    }
    done = subprocess.run(
        [sys.executable, "-c", HOOK],
        input=json.dumps(request),
        env={
            "PATH": os.environ["PATH"],
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    output = done.stdout + done.stderr
    if ends == "Completed":
        assert done.returncode == 0, output
        name = request["TrainingJobName"]
        result = json.loads(done.stdout.splitlines()[-1])
        assert result["status"] == "Completed"
        assert result["found"] == [name]
        assert "hello from the script" in output
        assert "Billable seconds" in output
    else:
        assert done.returncode != 0
        assert "no images" in output
        assert "AlgorithmError" in output
