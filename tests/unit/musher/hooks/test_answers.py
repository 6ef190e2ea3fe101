"""Half answers: what counts as one, and what a session's clients make of it."""

import asyncio
import functools
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from musher.hooks.alarms import MusherCloudWatchHook
from musher.hooks.answers import HALF, prepare, session_factory, with_whole_answers
from musher.hooks.builds import MusherCodeBuildHook
from musher.hooks.ec2 import MusherEc2Hook
from musher.hooks.functions import MusherLambdaHook
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.sessions import loader_of
from musher.operators.invocations import AskFunctionOperator

WHOLE = {
    "sagemaker": b'{"TrainingJobSummaries": []}',
    "iam": b"<ListRolesResponse><ListRolesResult><Roles/></ListRolesResult></ListRolesResponse>",
    "s3": b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>",
}
CALLS = {"sagemaker": "list_training_jobs", "iam": "list_roles", "s3": "list_buckets"}


LEFT: list[AWSResponse] = []
"""What the next calls are answered."""


@pytest.fixture(scope="module")
def client_of() -> Callable[..., Any]:
    """Return a function that returns the client of a service which makes so many tries of a call."""
    session = prepare(prepare(botocore.session.get_session()))  # once is enough, more does no harm
    session.register_component("data_loader", loader_of(None))

    @functools.cache
    def make(service: str, tries: int) -> Any:
        made = session.create_client(
            service,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"mode": "standard", "total_max_attempts": tries}),
        )
        made.meta.events.register("before-send", lambda **_: LEFT.pop(0))
        return made

    return make


@pytest.fixture
def answer_once(client_of: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls a service which gives these answers, one for each try.

    An answer is its body and its Content-Length; without one, the body's own.
    """

    def call(service: str, *bodies: tuple[bytes, int | None], tries: int = 3) -> Any:
        for body, length in bodies:
            headers = {"content-length": str(len(body) if length is None else length)}
            LEFT.append(AWSResponse("http://aws", 200, headers, None))
            LEFT[-1]._content = body
        result = getattr(client_of(service, tries), CALLS[service])()
        assert not LEFT
        return result

    return call


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore try again at once."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)


@pytest.mark.parametrize("service", sorted(CALLS))
def test_a_whole_answer_is_one_try(answer_once: Any, service: str) -> None:
    assert answer_once(service, (WHOLE[service], None))["ResponseMetadata"]["RetryAttempts"] == 0


@pytest.mark.parametrize("service", sorted(CALLS))
def test_an_answer_shorter_than_it_says_is_asked_for_again(answer_once: Any, service: str) -> None:
    whole = WHOLE[service]
    half = (whole[: len(whole) // 2], len(whole))
    assert answer_once(service, half, (whole, None))["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize("service", sorted(CALLS))
def test_half_answers_without_end_are_an_error_of_aws(answer_once: Any, service: str) -> None:
    whole = WHOLE[service]
    half = (whole[:20], len(whole))
    with pytest.raises(ClientError, match=rf"\d+ of {len(whole)} bytes came") as raised:
        answer_once(service, half, half, half)
    assert raised.value.response["Error"]["Code"] == HALF


@pytest.mark.parametrize("body", [b"{}", b'{"NextToken"', b"", b'{"NextToken": "a"}'])
def test_an_answer_without_any_member_that_the_model_requires_is_half(answer_once: Any, body: bytes) -> None:
    """Whatever its length says: a proxy may have rewritten that."""
    result = answer_once("sagemaker", (body, None), (WHOLE["sagemaker"], None))
    assert result["TrainingJobSummaries"] == []


def test_a_client_that_asks_once_asks_once(answer_once: Any) -> None:
    with pytest.raises(ClientError, match="none of the members came"):
        answer_once("sagemaker", (b"{}", None), tries=1)


@pytest.fixture
def make_hook(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AwsBaseHook]:
    """Return a function that makes a hook of the provider's, as anybody does."""
    extra = json.dumps({"region_name": "us-east-1"})
    connection = {"conn_type": "aws", "login": "a", "password": "b", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    return lambda: AwsBaseHook(aws_conn_id="aws_default", client_type="sagemaker")


def is_held(session: Any) -> bool:
    """Return whether the clients of a session take an answer that is cut for a failure of the service."""
    core = getattr(session, "_session", session)
    answer = {"status_code": 200, "headers": {"content-length": "9"}, "body": b"{}"}
    told = core.get_component("event_emitter").emit(
        "before-parse.sagemaker.ListTrainingJobs",
        operation_model=SimpleNamespace(http={"method": "POST"}),
        response_dict=answer,
        customized_response_dict={},
    )
    if asyncio.iscoroutine(told):
        asyncio.run(told)
    return answer["status_code"] == 500


@pytest.mark.parametrize(
    "hook_class",
    [MusherCloudWatchHook, MusherCodeBuildHook, MusherEc2Hook, MusherLambdaHook, MusherSageMakerHook],
)
@pytest.mark.usefixtures("make_hook")
def test_musher_s_own_hooks_are_held(hook_class: type[Any]) -> None:
    made = hook_class(aws_conn_id="aws_default")
    assert is_held(made.get_session())
    assert made.conn.meta.region_name == "us-east-1"


def test_the_operator_of_the_provider_s_that_is_used_has_one_of_them() -> None:
    assert issubclass(AskFunctionOperator.aws_hook_class, MusherLambdaHook)


@pytest.mark.parametrize("deferrable", [False, True], ids=["blocking", "for-triggers"])
def test_the_hooks_of_others_in_the_same_process_are_not_held(
    make_hook: Callable[[], AwsBaseHook], deferrable: bool
) -> None:
    """A triggerer and an API server serve everybody's DAGs."""
    ours, theirs = with_whole_answers(make_hook()), make_hook()
    assert is_held(ours.get_session(deferrable=deferrable))
    assert not is_held(theirs.get_session(deferrable=deferrable))
    assert not is_held(botocore.session.get_session())


def test_the_session_that_asks_for_the_connection_s_role_is_held(
    make_hook: Callable[[], AwsBaseHook],
) -> None:
    made = session_factory()(conn=make_hook().conn_config, region_name=None, config=None)
    assert is_held(made.basic_session)
    assert is_held(made.get_async_session())
