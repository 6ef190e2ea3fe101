"""What reads were answered: how old it may be, and how much is kept."""

import asyncio

import pytest

from localaws.asgi import Message, Response
from localaws.faults.memory import MAX_ANSWERS, MAX_BYTES, Copy, Memory


def test_the_last_answer_is_recalled_while_it_is_young_enough() -> None:
    memory = Memory()
    memory.keep(b"a", Response(body=b"old"), at_s=10)
    memory.keep(b"a", Response(body=b"new"), at_s=20)
    found = memory.recall(b"a", since_s=20)
    assert found is not None
    assert found.body == b"new"
    assert memory.recall(b"a", since_s=20.1) is None
    assert memory.recall(b"b", since_s=0) is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_answer_that_says_nothing_takes_the_place_of_none(status: int) -> None:
    memory = Memory()
    memory.keep(b"a", Response(body=b"old"), at_s=10)
    memory.keep(b"a", Response(status=status), at_s=20)
    assert memory.recall(b"a", since_s=0) is None


def test_that_something_is_not_there_is_an_answer() -> None:
    memory = Memory()
    memory.keep(b"a", Response(status=400), at_s=10)
    assert memory.recall(b"a", since_s=0) is not None


def test_the_oldest_answers_make_way() -> None:
    memory = Memory()
    for number in range(MAX_ANSWERS + 1):
        memory.keep(str(number).encode(), Response(), at_s=0)
    assert memory.recall(b"0", since_s=0) is None
    assert memory.recall(b"1", since_s=0) is not None


def test_all_answers_together_are_bounded() -> None:
    memory = Memory()
    for number in range(70):
        memory.keep(str(number).encode(), Response(body=bytes(MAX_BYTES)), at_s=0)
    assert memory.recall(b"5", since_s=0) is None
    assert memory.recall(b"6", since_s=0) is not None
    memory.keep(b"long", Response(body=bytes(MAX_BYTES + 1)), at_s=0)
    assert memory.recall(b"long", since_s=0) is None
    memory.clear()
    assert memory.recall(b"69", since_s=0) is None


def test_an_answer_is_copied_as_it_goes_by_without_its_id() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    copy = Copy(send)
    head = [(b"Content-Type", b"application/json"), (b"x-amzn-requestid", b"1")]
    messages: list[Message] = [
        {"type": "http.response.start", "status": 201, "headers": head},
        {"type": "http.response.body", "body": b"a", "more_body": True},
        {"type": "http.response.body", "body": b"b"},
    ]

    async def answer() -> None:
        for message in messages:
            await copy(message)

    asyncio.run(answer())
    assert sent == messages
    assert (copy.answer.status, copy.answer.body) == (201, b"ab")
    assert copy.answer.headers == {"content-type": "application/json"}
