"""What stages do themselves: choose, gate, ask, remove."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from musher import clock
from musher.errors import ArchiveError, GateError, LambdaError
from musher.hooks.objects import sign_url
from musher.names import run_slug
from musher.operators.base import fail_without_retry
from musher.settings import Settings
from musher.stages import outputs, smoke_test
from musher.stages.run import Run

PARAMS: Mapping[str, Any] = {"lifetime": "trial", "endpoint_kind": "realtime"}
EVALUATION = {"accuracy": 0.91, "loss": 0.3, "images": 100}


def make_run(settings: Settings, **changes: Any) -> Run:
    """Return a run with changed Params."""
    return Run(
        settings=settings,
        dag_id="operationalize_model",
        run_id="manual__1",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        params={**PARAMS, **changes},
    )


def test_a_run_knows_its_slug_and_tags_whose_time_begins_when_something_is_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what a run deploys three days after its start, once a person has approved, is not over at once."""
    run = make_run(settings)
    monkeypatch.setattr(clock, "now", datetime(2026, 1, 4, tzinfo=UTC).timestamp)
    assert run.slug == run_slug(dag_id="operationalize_model", run_id="manual__1")
    assert run.tags == {
        "musher:project": "musher",
        "musher:run": run.slug,
        "musher:expires-at": "2026-01-05T00:00:00+00:00",
    }


def packed(name: str, text: bytes) -> bytes:
    """Return a .tar.gz with one file."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return gzip.compress(raw.getvalue())


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The jobs' outputs that stages download, by address."""
    objects: dict[str, bytes] = {}
    monkeypatch.setattr(outputs, "s3_hook", lambda settings: None)
    monkeypatch.setattr(outputs, "download", lambda hook, uri: objects[uri])
    return objects


def test_the_evaluation_comes_out_of_the_jobs_output(settings: Settings, output: dict[str, bytes]) -> None:
    output["s3://b/output.tar.gz"] = packed("evaluation.json", json.dumps(EVALUATION).encode())
    found = outputs.load_outputs(settings, output_uri="s3://b/output.tar.gz", names=["evaluation.json"])
    assert found == [EVALUATION]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("evaluation.json", b"{", "evaluation.json in s3://b/o is not JSON"),
        ("history.json", b"{}", "evaluation.json"),
    ],
)
def test_an_output_without_a_readable_evaluation_is_refused(
    name: str, text: bytes, message: str, settings: Settings, output: dict[str, bytes]
) -> None:
    output["s3://b/o"] = packed(name, text)
    with pytest.raises(ArchiveError, match=message):
        outputs.load_outputs(settings, output_uri="s3://b/o", names=["evaluation.json"])


class FakeLambda:
    """A function that gives one answer."""

    def __init__(self, response: dict[str, Any]) -> None:
        self.response = response
        self.event: dict[str, Any] = {}

    def invoke_lambda(
        self, *, function_name: str, qualifier: str, log_type: str, payload: str
    ) -> dict[str, Any]:
        assert qualifier == "live"
        self.event = json.loads(payload)
        return self.response


def ask(response: dict[str, Any]) -> Any:
    """Ask a function that answers `response` about one image; return answer and billed seconds."""
    function: Any = FakeLambda(response)
    answer = smoke_test.classify_sample(
        function,
        function={"function_name": "f", "alias": "live"},
        sample={"key": "samples/dog/a.png", "truth": "dog"},
        url="https://s3/a.png?signed",
        classes=["cat", "dog"],
    )
    assert function.event == {"url": "https://s3/a.png?signed"}
    return answer


def test_an_address_is_of_the_object_and_ends() -> None:
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    signer: Any = SimpleNamespace(get_conn=lambda: client)
    url = sign_url(signer, bucket="b", key="samples/dog/a.png")
    assert "samples/dog/a.png?" in url
    assert "Expires" in url


def test_the_answer_stands_beside_the_truth() -> None:
    payload = io.BytesIO(b'{"statusCode": 200, "body": "[[0.0, 0.0]]"}')
    answer, billed_seconds = ask({"Payload": payload, "LogResult": ""})
    assert billed_seconds is None
    assert answer == {
        "image": "samples/dog/a.png",
        "truth": "dog",
        "status": 200,
        "classes": 2,
        "predicted": "cat",
        "probability": 0.5,
    }


def test_a_status_code_of_500_in_the_payload_fails() -> None:
    payload = io.BytesIO(b'{"statusCode": 500, "body": "out of order"}')
    with pytest.raises(LambdaError, match="out of order"):
        ask({"StatusCode": 200, "Payload": payload})


def test_an_endpoint_that_is_busy_is_asked_again_by_airflow() -> None:
    """Users' requests may take all that a serverless one works on at once: no reason to undo a release."""
    payload = io.BytesIO(b'{"statusCode": 429, "body": "{}"}')
    with pytest.raises(AirflowException, match="busy") as caught, fail_without_retry():
        ask({"StatusCode": 200, "Payload": payload})
    assert not isinstance(caught.value, AirflowFailException)
    with pytest.raises(LambdaError, match="not JSON"):
        ask({"StatusCode": 200, "Payload": io.BytesIO(b"<busy>")})


def test_a_function_error_fails_with_its_payload() -> None:
    payload = io.BytesIO(b'{"errorMessage": "Task timed out after 70.00 seconds"}')
    response = {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload}
    with pytest.raises(LambdaError, match=r"failed on samples/dog/a\.png.*timed out.*/aws/lambda/f"):
        ask(response)


@pytest.mark.parametrize(
    ("error", "is_tried_again"),
    [
        (
            {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with error: signal: killed"},
            True,
        ),
        (
            {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with error: exit status 1"},
            False,
        ),
        ({"errorType": "ValueError", "errorMessage": "signal: killed"}, False),
        (["Runtime.ExitError"], False),
    ],
)
def test_a_function_whose_environment_was_killed_is_asked_again_by_airflow(
    error: object, is_tried_again: bool
) -> None:
    """One that dies by itself is no reason to undo a release."""
    payload = io.BytesIO(json.dumps(error).encode())
    with pytest.raises(AirflowException, match=r"signal|ExitError") as caught, fail_without_retry():
        ask({"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload})
    assert isinstance(caught.value, AirflowFailException) is not is_tried_again


def test_musher_errors_are_not_retried_and_others_are() -> None:
    with pytest.raises(AirflowFailException, match="too low"), fail_without_retry():
        raise GateError("too low")
    with pytest.raises(ConnectionError), fail_without_retry():
        raise ConnectionError("reset")
