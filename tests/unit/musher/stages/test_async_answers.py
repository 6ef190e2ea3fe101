"""What is made of an asynchronous endpoint's answers, failures and silence."""

from types import SimpleNamespace
from typing import Any

import pytest

from musher.errors import EndpointError, LambdaError
from musher.settings import Settings
from musher.stages import async_answers
from musher.stages.async_answers import classify_later

CLASSES = ["cat", "dog"]
SAMPLES: Any = [
    {"key": f"musher/datasets/d/samples/{truth}/1.jpg", "truth": truth} for truth in reversed(CLASSES)
]


class FakeStore:
    """A bucket, and an endpoint that writes into it what it was told to."""

    def __init__(self) -> None:
        self.objects = {sample["key"]: sample["truth"].encode() for sample in SAMPLES}
        self.logits = {b"cat": b"[[4.0, 0.0]]", b"dog": b"[[0.0, 4.0]]"}
        self.failure: bytes | None = None
        self.conn = self

    def get_conn(self) -> "FakeStore":
        return self

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        return {"Body": SimpleNamespace(read=lambda: self.objects[Key]), "ContentType": "image/jpeg"}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        assert ContentType == "image/jpeg"
        self.objects[Key] = Body

    def check_for_key(self, key: str, bucket: str) -> bool:
        return key in self.objects

    def invoke_endpoint_async(self, *, EndpointName: str, InputLocation: str, ContentType: str) -> Any:  # noqa: N803
        bucket, _, key = InputLocation.removeprefix("s3://").partition("/")
        assert key.startswith(f"musher/async/inputs/{EndpointName}/")
        number = len(self.objects)
        if self.failure:
            self.objects[f"failed/{number}"] = self.failure
        elif answer := self.logits.get(self.objects[key]):
            self.objects[f"answers/{number}"] = answer
        return {
            "InferenceId": "i",
            "OutputLocation": f"s3://{bucket}/answers/{number}",
            "FailureLocation": f"s3://{bucket}/failed/{number}",
        }


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    found = FakeStore()
    for name in ("s3_hook", "runtime_hook"):
        monkeypatch.setattr(async_answers, name, lambda settings: found)
    return found


def classify(settings: Settings) -> list[Any]:
    """Ask about both samples, whose files have the same name."""
    return classify_later(settings, endpoint_name="musher-live", samples=SAMPLES, classes=CLASSES)


def test_answers_stand_beside_the_truth_of_their_own_image(store: FakeStore, settings: Settings) -> None:
    answers = classify(settings)
    assert [(answer["truth"], answer["predicted"]) for answer in answers] == [("dog", "dog"), ("cat", "cat")]


def test_a_failure_says_why_and_where(store: FakeStore, settings: Settings) -> None:
    store.failure = b"ClientError: Received server error (500) from model."
    with pytest.raises(EndpointError, match=r"Received server error \(500\) .*/failed/"):
        classify(settings)


def test_an_answer_that_is_none_is_shown(store: FakeStore, settings: Settings) -> None:
    store.logits[b"dog"] = b"[[1.0]]"
    with pytest.raises(LambdaError):
        classify(settings)


def test_the_wait_for_an_answer_ends(
    store: FakeStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.logits.clear()
    monkeypatch.setattr(async_answers, "MAX_WAIT_S", -1.0)
    with pytest.raises(EndpointError, match=r"No answer at s3://.*whether it has an instance"):
        classify(settings)
