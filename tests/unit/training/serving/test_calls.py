"""An invocation that is in memory is answered once: with logits, a refusal, or not in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from imgclf.errors import ImageError, OverloadedError
from imgclf.serving.answers import Answer
from imgclf.serving.calls import Call
from imgclf.serving.engine import Ticket

IMAGE = [(b"content-type", b"image/jpeg")]


class Engine:
    """Keep what is asked; the test answers."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.images: list[bytes] = []
        self.ticket: Any = None

    def start(self, images: Sequence[bytes], done: Any) -> Ticket:
        if self.error is not None:
            raise self.error
        self.images, self.ticket = list(images), Ticket(len(images), done)
        return self.ticket


def call(
    engine: Engine, *, headers: Any = IMAGE, body: bytes = b"photo", deadline_s: float = 60
) -> tuple[bool, Call, list[Answer]]:
    """Begin; return whether it was, the call, and the list that gets the answer."""
    answers: list[Answer] = []
    begun = Call(headers, body, answers.append)
    return begun.begin(engine, deadline_s=deadline_s), begun, answers  # type: ignore[arg-type]


def run(work: Any) -> Any:
    async def main() -> Any:
        return work()

    return asyncio.run(main())


def test_images_of_a_request_are_answered_together() -> None:
    body = b'{"instances": [{"b64": "YQ=="}, {"b64": "Yg=="}]}'
    engine = Engine()

    def work() -> list[Answer]:
        _, _, answers = call(engine, headers=[(b"content-type", b"application/json")], body=body)
        engine.ticket.settle(1, np.array([3, 4], np.float32))
        assert not answers
        engine.ticket.settle(0, np.array([1, 2], np.float32))
        return answers

    [answer] = run(work)
    assert engine.images == [b"a", b"b"]
    assert (answer.status, json.loads(answer.body)) == (200, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("headers", "status"),
    [([(b"content-type", b"text/csv")], 415), ([*IMAGE, (b"accept", b"text/html")], 406), ([], 415)],
)
def test_what_is_not_on_offer_is_refused_at_once_and_costs_nothing(headers: Any, status: int) -> None:
    engine = Engine()
    [answer] = run(lambda: call(engine, headers=headers)[2])
    assert (answer.status, engine.images) == (status, [])


def test_a_full_engine_says_when_to_ask_again() -> None:
    [answer] = run(lambda: call(Engine(OverloadedError("full")))[2])
    assert (answer.status, (b"retry-after", b"1") in answer.headers()) == (503, True)


def test_an_address_is_left_to_others() -> None:
    headers, body = [(b"content-type", b"application/json")], b'{"url": "https://x.example/a.jpg"}'
    begun, _, answers = run(lambda: call(Engine(), headers=headers, body=body))
    assert (begun, answers) == (False, [])


@pytest.mark.parametrize(("error", "status"), [(ImageError("no image"), 400), (ValueError("broken"), 500)])
def test_a_failure_is_the_answer_and_nothing_of_an_unforeseen_one_is_told(
    error: Exception, status: int
) -> None:
    engine = Engine()

    def work() -> list[Answer]:
        answers = call(engine)[2]
        engine.ticket.settle(0, error)
        return answers

    [answer] = run(work)
    assert answer.status == status
    assert b"broken" not in answer.body


def test_logits_that_no_json_can_hold_are_the_models_failure() -> None:
    engine = Engine()

    def work() -> list[Answer]:
        answers = call(engine)[2]
        engine.ticket.settle(0, np.array([np.nan], np.float32))
        return answers

    assert [answer.status for answer in run(work)] == [500]


def test_a_late_answer_is_503_and_comes_once() -> None:
    engine = Engine()

    async def work() -> list[Answer]:
        answers = call(engine, deadline_s=0.05)[2]
        while not answers:
            await asyncio.sleep(0.01)
        assert engine.ticket.is_over  # what nobody waits for is not computed
        engine.ticket.settle(0, np.zeros(2, np.float32))
        return answers

    [answer] = asyncio.run(work())
    assert (answer.status, answer.retry_after_s) == (503, 5)


def test_a_client_that_went_away_costs_no_more_and_is_told_of_in_the_log() -> None:
    engine = Engine()

    def work() -> list[Answer]:
        _, begun, answers = call(engine)
        begun.leave()
        begun.leave()
        return answers

    assert [(answer.status, answer.reason) for answer in run(work)] == [(499, "the client went away")]
    assert engine.ticket.is_over
