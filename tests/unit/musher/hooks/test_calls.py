"""Conversations: the same calls with a blocking and with an asynchronous client."""

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError, WaiterError

from musher.hooks import sharing
from musher.hooks.calls import Conversation, hold, hold_async
from musher.hooks.logs import MAX_EMPTY_PAGES, LogTail
from musher.hooks.refusals import read_refusal
from tests.unit.musher.operators.fake_jobs import FakeTraining
from tests.unit.musher.operators.fakes import AsyncFake, refuse

ARN = "arn:job"


def twice() -> Conversation[str]:
    """Ask for the tags of two resources."""
    first = yield "list_tags", {"ResourceArn": "one"}
    second = yield "list_tags", {"ResourceArn": "two"}
    return f"{first['Tags']}, {second['Tags']}"


class Client:
    """A client that answers what it was asked."""

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": ResourceArn}


def test_a_conversation_is_held_to_its_end_with_either_client() -> None:
    assert hold(Client(), twice()) == "one, two"
    assert asyncio.run(hold_async(AsyncFake(Client()), twice())) == "one, two"


def test_aws_errors_end_a_conversation() -> None:
    class Refusing:
        def list_tags(self, **_: str) -> None:
            raise refuse("AccessDeniedException", "ListTags")

    with pytest.raises(ClientError, match="AccessDenied"):
        hold(Refusing(), twice())
    with pytest.raises(ClientError, match="AccessDenied"):
        asyncio.run(hold_async(AsyncFake(Refusing()), twice()))


def test_the_last_run_that_leaves_a_shared_job_may_stop_it_and_says_so() -> None:
    aws = FakeTraining()
    aws.add("job", "InProgress")
    one, two = sharing.waiting_tag("1"), sharing.waiting_tag("2")
    for tag in (one, two):
        hold(aws, sharing.join(arn=ARN, tag=tag))
    assert hold(aws, sharing.leave(arn=ARN, tag=one)) is False
    assert hold(aws, sharing.was_left(arn=ARN)) is False
    assert hold(aws, sharing.leave(arn=ARN, tag=two)) is True
    assert hold(aws, sharing.was_left(arn=ARN)) is True
    assert aws.jobs["job"]["tags"] == {sharing.STOPPED: "cancelled"}


class Pages:
    """A stream whose pages are empty after the first."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def describe_log_streams(self, **_: Any) -> dict[str, Any]:
        return {"logStreams": [{"logStreamName": "job/algo-1-17"}]}

    def get_log_events(self, *, nextToken: str = "0", **_: Any) -> dict[str, Any]:  # noqa: N803
        self.asked.append(nextToken)
        events = [{"message": "a line\n"}] if nextToken == "0" else []
        return {"events": events, "nextForwardToken": str(int(nextToken) + 1)}


def test_a_stream_that_always_promises_more_is_left_after_some_empty_pages() -> None:
    pages, tail = Pages(), LogTail(group="g", prefix="job/")
    assert tail.read(pages) == ["[algo-1] a line"]
    assert len(pages.asked) == 1 + MAX_EMPTY_PAGES
    assert asyncio.run(tail.read_async(AsyncFake(pages))) == []
    assert pages.asked[4] == "4"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDenied", "Give the role of the Airflow connection this permission"),
        ("UnrecognizedClientException", "or correct its keys"),
        ("ValidationException", "Correct what AWS names"),
        ("ResourceLimitExceeded", "This is a quota of the account: ask for a higher one"),
    ],
)
def test_a_refusal_says_what_aws_said_and_what_to_do(code: str, said: str) -> None:
    error = ClientError({"Error": {"Code": code, "Message": "not allowed."}}, "CreateEndpoint")
    message = str(read_refusal(error))
    assert message.startswith(f"AWS refuses CreateEndpoint ({code}): not allowed. ")
    assert said in message


def test_a_refusal_within_a_wait_is_one_too() -> None:
    answer = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    error = WaiterError(name="x", reason="An error occurred", last_response=answer)
    assert "AWS refuses the call of a wait (AccessDeniedException): no." in str(read_refusal(error))


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure", "ExpiredTokenException", "503"])
def test_what_may_pass_is_no_refusal(code: str) -> None:
    assert read_refusal(ClientError({"Error": {"Code": code}}, "CreateEndpoint")) is None


def test_what_botocore_itself_refuses_to_send_is_a_refusal() -> None:
    error = ParamValidationError(report="Missing required parameter: Role")
    assert str(read_refusal(error)).startswith("A request to AWS is malformed: Parameter validation failed")


def test_a_waiter_that_knows_no_answer_is_no_refusal() -> None:
    assert read_refusal(WaiterError(name="x", reason="Max attempts exceeded", last_response={})) is None
