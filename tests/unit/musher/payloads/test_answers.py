"""The function's answers: what passes, and that everything else is shown."""

import base64
import json
from typing import Any

import pytest

from musher.errors import LambdaError
from musher.payloads.answers import read_answer, read_billed_seconds, softmax

CLASSES = ["cat", "dog", "owl"]


def answer(**changes: Any) -> str:
    """Return a successful answer with changes."""
    return json.dumps({"statusCode": 200, "body": "[[0.0, 4.0, 1.0]]", **changes})


def test_the_best_class_is_predicted() -> None:
    assert read_answer(payload=answer(), classes=CLASSES) == {
        "status": 200,
        "classes": 3,
        "predicted": "dog",
        "probability": 0.9362,
    }


def test_large_logits_do_not_overflow() -> None:
    assert softmax([10_000.0, 9_990.0])[0] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("", "The answer is not JSON"),
        ("null", "The function answered null, not 200"),
        (answer(statusCode=502, body='{"error": {"type": "ModelError"}}'), "502.*ModelError.*not 200"),
        (answer(body=[[1, 2, 3]]), "body is not a JSON string"),
        (answer(body="[[1, 2"), "The answer is not JSON"),
        (answer(body="[[1, 2]]"), r"body is not \[\[3 numbers\]\]"),
        (answer(body="[[1, 2, 3], [1, 2, 3]]"), r"body is not \[\[3 numbers\]\]"),
        (answer(body="[[1, 2, NaN]]"), r"body is not \[\[3 numbers\]\]"),
        (answer(body='[["1", 2, 3]]'), r"body is not \[\[3 numbers\]\]"),
        (answer(body="[[1, 2, true]]"), r"body is not \[\[3 numbers\]\]"),
        (answer(body='{"logits": [1, 2, 3]}'), r"body is not \[\[3 numbers\]\]"),
    ],
)
def test_any_other_answer_is_refused_and_shown(payload: str, message: str) -> None:
    with pytest.raises(LambdaError, match=message):
        read_answer(payload=payload, classes=CLASSES)


def test_a_long_answer_is_cut() -> None:
    with pytest.raises(LambdaError) as caught:
        read_answer(payload=answer(statusCode=500, body="x" * 9000), classes=CLASSES)
    assert len(str(caught.value)) < 700


def test_billed_seconds_come_from_the_report_line() -> None:
    tail = b"START\nREPORT RequestId: 1\tDuration: 41.2 ms\tBilled Duration: 42 ms\tMemory Size: 256 MB\n"
    assert read_billed_seconds({"LogResult": base64.b64encode(tail).decode()}) == 0.042
    assert read_billed_seconds({}) is None
