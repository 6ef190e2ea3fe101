"""Training jobs whose call breaks, and whose hosts are killed."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

WAITS = "import time\nprint('training', flush=True)\ntime.sleep(300)"


def untried(jobs: Any) -> Any:
    """Return a client that tries each call once."""
    return boto3.client(
        "sagemaker",
        region_name="us-east-1",
        endpoint_url=jobs.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_job_whose_answer_was_lost_runs_and_the_second_call_is_refused(jobs: Any, fault_rules: Any) -> None:
    """What would start a second paid job under another name finds the first under its own."""
    fault_rules.put({"kind": "reset_after_effect", "service": "sagemaker", "action": "CreateTrainingJob"})
    request = jobs.request("print('done')")
    with pytest.raises(ConnectionClosedError):
        untried(jobs).create_training_job(**request)
    assert [event["outcome"] for event in fault_rules.fired()] == ["reset after the answer 200"]
    fault_rules.clear()
    with pytest.raises(ClientError, match="ResourceInUse"):
        jobs.sagemaker.create_training_job(**request)
    assert jobs.wait(request["TrainingJobName"])["TrainingJobStatus"] == "Completed"


def test_a_job_whose_call_was_reset_before_it_arrived_is_not_there(jobs: Any, fault_rules: Any) -> None:
    fault_rules.put({"kind": "reset_before_effect", "service": "sagemaker", "action": "CreateTrainingJob"})
    request = jobs.request("pass")
    with pytest.raises(ConnectionClosedError):
        untried(jobs).create_training_job(**request)
    with pytest.raises(ClientError, match="Requested resource not found"):
        jobs.describe(request["TrainingJobName"])


def test_a_host_that_is_killed_at_a_call_fails_its_job(jobs: Any, fault_rules: Any) -> None:
    name = jobs.create(WAITS)
    jobs.wait_for_line(name, "training")
    fault_rules.put(
        {
            "kind": "kill",
            "child": "job_host",
            "name": name,
            "service": "sagemaker",
            "action": "DescribeTrainingJob",
            "resource": name,
            "nth": 2,
        }
    )
    assert jobs.describe(name)["TrainingJobStatus"] == "InProgress"
    assert jobs.wait(name)["TrainingJobStatus"] == "Failed"
    (event,) = fault_rules.fired()
    assert (event["call"], event["outcome"]) == (2, f"killed {name}/algo-1")
