"""The tab's pages, and what S3's refusals are called there."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from musher.errors import ReportError
from musher.settings import Settings
from musher.web import store
from musher.web.pages import explain_missing, render_message
from musher.web.store import MAX_BYTES, ReportMissingError, read_report

IDS = {"dag_id": "operationalize_model", "run_id": "manual__1"}


class Bucket:
    """Stand for S3: answer with objects by the last part of their key, or raise."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def get_conn(self) -> "Bucket":
        return self

    def get_object(self, **request: str) -> dict[str, Any]:
        answer = self.answers[request["Key"].rsplit("/", 1)[-1]]
        if isinstance(answer, Exception):
            raise answer
        return {"ContentLength": len(answer), "Body": io.BytesIO(answer)}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as AWS says"}}, "GetObject")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a way to say what the bucket answers."""
    monkeypatch.setattr(store, "hook_parameters", lambda settings: {})

    def answer(**answers: Any) -> None:
        named = {name.replace("_", "."): value for name, value in answers.items()}
        monkeypatch.setattr(store, "S3Hook", lambda **_: Bucket(named))

    return answer


def test_the_page_and_the_numbers_are_those_of_the_run(serve: Any, settings: Settings) -> None:
    serve(summary_json=json.dumps({**IDS, "accuracy": 1.0}).encode(), report_html=b"<p>")
    found = read_report(settings, **IDS)
    assert (found.page, found.summary["accuracy"]) == (b"<p>", 1.0)


def test_what_json_has_no_word_for_is_null(serve: Any, settings: Settings) -> None:
    """An older summary may hold NaN, with which the API server's answer was an error of its own."""
    loss = b'{"dag_id": "operationalize_model", "run_id": "manual__1", "loss": [NaN, -Infinity, 0.25]}'
    serve(summary_json=loss, report_html=b"<p>")
    assert read_report(settings, **IDS).summary["loss"] == [None, None, 0.25]


def test_half_a_character_is_replaced(serve: Any, settings: Settings) -> None:
    serve(summary_json=json.dumps({**IDS, "photo": "\ud800.jpg"}).encode(), report_html=b"<p>")
    assert read_report(settings, **IDS).summary["photo"] == "\ufffd.jpg"


@pytest.mark.parametrize("change", [{"run_id": "manual__2"}, {"dag_id": "other"}])
def test_what_belongs_to_another_run_is_not_given_out(
    serve: Any, settings: Settings, change: dict[str, str]
) -> None:
    serve(summary_json=json.dumps(IDS | change).encode(), report_html=b"<p>")
    with pytest.raises(ReportMissingError, match="another run"):
        read_report(settings, **IDS)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (refusal("NoSuchKey"), ReportMissingError, "There is nothing at s3://musher-"),
        (refusal("AccessDenied"), ReportError, "Grant its role s3:GetObject"),
        (refusal("NoSuchBucket"), ReportError, "Apply infra/bootstrap.yaml"),
        (refusal("SlowDown"), ReportError, "cannot be read: .*as AWS says"),
        (EndpointConnectionError(endpoint_url="http://x"), ReportError, "does S3 answer|and does S3"),
    ],
)
def test_a_refusal_says_what_to_do(
    serve: Any, settings: Settings, answer: Exception, kind: type[Exception], message: str
) -> None:
    serve(summary_json=answer)
    with pytest.raises(kind, match=message):
        read_report(settings, **IDS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "no JSON object"),
        (b"[" * 200_000, "is not JSON"),
        (b'{"a": ' + b"[" * 700 + b"]" * 700 + b"}", "is not JSON"),
        (b"\xff", "is not JSON"),
    ],
)
def test_a_summary_that_is_none_says_how_to_get_one(
    serve: Any, settings: Settings, body: bytes, message: str
) -> None:
    serve(summary_json=body)
    with pytest.raises(ReportError, match=rf"{message}.*Clear the task"):
        read_report(settings, **IDS)


def test_a_role_that_cannot_be_assumed_is_a_refusal_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any) -> None:
        raise refusal("AccessDenied")

    monkeypatch.setattr(store, "hook_parameters", lambda settings: {})
    monkeypatch.setattr(store.S3Hook, "get_conn", refuse)
    with pytest.raises(ReportError, match=r"may not read .*as AWS says"):
        read_report(settings, **IDS)


def test_a_page_that_would_fill_the_server_is_refused(serve: Any, settings: Settings) -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return MAX_BYTES + 1

    serve(summary_json=json.dumps(IDS).encode(), report_html=Huge())
    with pytest.raises(ReportError, match=f"at most {MAX_BYTES} are shown"):
        read_report(settings, **IDS)


def test_a_message_is_text_whatever_it_holds() -> None:
    page = render_message(title="<b>", text="<script>&{x}")
    assert "<script>" not in page
    assert "&lt;script&gt;&amp;{x}" in page


@pytest.mark.parametrize("state", ["queued", "running", "success", "failed", "restarting"])
def test_every_state_of_a_run_explains_why_there_is_no_report(state: str) -> None:
    assert explain_missing(state).startswith("The run ")
