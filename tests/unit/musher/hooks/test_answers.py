"""Half answers: what counts as one, and what a session's clients make of it."""

import functools
from collections.abc import Callable, Generator
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from musher.hooks import answers
from musher.hooks.answers import HALF, require_whole_answers
from musher.hooks.sessions import loader_of

WHOLE = {
    "sagemaker": b'{"TrainingJobSummaries": []}',
    "iam": b"<ListRolesResponse><ListRolesResult><Roles/></ListRolesResult></ListRolesResponse>",
    "s3": b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>",
}
CALLS = {"sagemaker": "list_training_jobs", "iam": "list_roles", "s3": "list_buckets"}


LEFT: list[AWSResponse] = []
"""What the next calls are answered."""


@pytest.fixture(scope="module")
def client_of() -> Generator[Callable[..., Any], None, None]:
    """Return a function that returns the client of a service which makes so many tries of a call."""
    require_whole_answers.cache_clear()
    require_whole_answers()
    require_whole_answers()  # once is enough, more does no harm
    session = botocore.session.get_session()
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

    yield make
    botocore.unregister_initializer(answers.prepare)
    require_whole_answers.cache_clear()


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
