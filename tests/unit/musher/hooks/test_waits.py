"""Waits: the real waiters of waiters/*.json, on stubbed clients."""

import json
import logging
from typing import Any

import boto3
import pytest
from airflow.providers.amazon.aws.waiters.base_waiter import BaseBotoWaiter
from botocore.exceptions import WaiterError
from botocore.stub import Stubber

from musher.hooks.waits import WAITERS, StatusLog, wait_until

WITHOUT_FAILURE = ("EndpointGone", "EndpointRemoved", "NotebookRemoved", "NotebookSettled")
"""Waits for the end of whatever AWS is busy with: who waits looks at what came of it."""


def stubbed(service: str) -> tuple[Any, Stubber]:
    """Return a client that answers only what it is told to, and the stubber that tells it."""
    client = boto3.client(
        service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    return client, Stubber(client)


def waiter(client: Any, service: str, name: str) -> Any:
    """Return one of Musher's waiters, as the provider's hooks make it."""
    return BaseBotoWaiter(
        client=client, model_config=json.loads((WAITERS / f"{service}.json").read_text())
    ).waiter(name)


def endpoint(status: str) -> dict[str, Any]:
    """Return DescribeEndpoint's answer."""
    times = dict.fromkeys(("CreationTime", "LastModifiedTime"), "2026-01-01T00:00:00Z")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"
    return {"EndpointName": "e", "EndpointArn": arn, "EndpointStatus": status, **times}


def wait_for_endpoint(name: str, answers: list[str | tuple[str, str]], **options: Any) -> bool:
    """Run a SageMaker endpoint waiter against answers: statuses, or (error code, message)."""
    client, stubber = stubbed("sagemaker")
    for answer in answers:
        if isinstance(answer, tuple):
            stubber.add_client_error("describe_endpoint", *answer)
        else:
            stubber.add_response("describe_endpoint", endpoint(answer))
    with stubber:
        made = waiter(client, "sagemaker", name)
        ended = wait_until(made, arguments={"EndpointName": "e"}, delay_s=0.001, **options)
        stubber.assert_no_pending_responses()
    return ended


def test_an_endpoint_in_service_ends_the_wait_well() -> None:
    seen: list[str] = []
    answers: list[Any] = ["Creating", ("ThrottlingException", "slow down"), "Updating", "InService"]
    assert wait_for_endpoint(
        "EndpointReady", answers, on_response=lambda answer: seen.append(answer.get("EndpointStatus", "-"))
    )
    assert seen == ["Creating", "-", "Updating"]


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed", "Deleting"])
def test_a_failure_state_ends_the_wait_badly(status: str) -> None:
    assert wait_for_endpoint("EndpointReady", ["Creating", status]) is False


def test_a_missing_endpoint_is_gone() -> None:
    answers: list[Any] = ["Deleting", ("ValidationException", "Could not find endpoint")]
    assert wait_for_endpoint("EndpointGone", answers)


def test_an_error_that_no_waiter_lists_is_raised() -> None:
    with pytest.raises(WaiterError, match="AccessDeniedException"):
        wait_for_endpoint("EndpointReady", [("AccessDeniedException", "no")])


def test_a_wait_ends_in_time() -> None:
    with pytest.raises(TimeoutError, match="EndpointName e did not get there within 0 s"):
        wait_for_endpoint("EndpointReady", ["Creating"], timeout_s=0)


@pytest.mark.parametrize(("status", "verdict"), [("Completed", True), ("Failed", False), ("Stopped", False)])
def test_a_stopped_training_job_is_no_success(status: str, verdict: bool) -> None:
    client, stubber = stubbed("sagemaker")
    answer = {
        "TrainingJobName": "j",
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/j",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
        "SecondaryStatus": status,
        "StoppingCondition": {},
        "CreationTime": "2026-01-01T00:00:00Z",
    }
    for state in ("InProgress", "Stopping", status):
        stubber.add_response("describe_training_job", {**answer, "TrainingJobStatus": state})
    with stubber:
        made = waiter(client, "sagemaker", "TrainingJobEnded")
        assert wait_until(made, arguments={"TrainingJobName": "j"}, delay_s=0.001) is verdict


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ([("Pending", "InProgress"), ("Active", "Successful")], True),
        ([("Active", "InProgress"), ("Active", "Successful")], True),
        ([("Pending", "InProgress"), ("Failed", "Failed")], False),
        ([("Active", "InProgress"), ("Active", "Failed")], False),
    ],
)
def test_a_function_is_ready_when_active_and_updated(states: list[tuple[str, str]], verdict: bool) -> None:
    client, stubber = stubbed("lambda")
    for state, update in states:
        stubber.add_response("get_function_configuration", {"State": state, "LastUpdateStatus": update})
    with stubber:
        made = waiter(client, "lambda", "FunctionReady")
        assert wait_until(made, arguments={"FunctionName": "f"}, delay_s=0.001) is verdict


def test_every_wait_is_bounded_and_lists_its_failure_states() -> None:
    for path in WAITERS.glob("*.json"):
        for name, model in json.loads(path.read_text())["waiters"].items():
            states = {acceptor["state"] for acceptor in model["acceptors"]}
            limit_s = 3 * 86_400 if name == "ModelPackageJudged" else 5400  # that one waits for a person
            assert model["delay"] * model["maxAttempts"] <= limit_s, name
            assert "success" in states, name
            assert "failure" in states or name in WITHOUT_FAILURE, name
            assert all("argument" in acceptor for acceptor in model["acceptors"]), (
                f"{name}: the provider needs it"
            )


def test_a_status_is_logged_once_per_change(caplog: pytest.LogCaptureFixture) -> None:
    status = StatusLog(subject="e")
    with caplog.at_level(logging.INFO):
        for state in ("Creating", "Creating", "Failed", "Failed"):
            status.show(state, "no ping" if state == "Failed" else "")
    assert caplog.messages == ["e: Creating", "e: Failed - no ping"]
