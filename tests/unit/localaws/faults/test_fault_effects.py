"""Bodies that are cut in half, and how long a request without an answer is held."""

import asyncio
from collections.abc import Sequence

import pytest

from localaws.asgi import Message, Request, Response
from localaws.faults.effects import Discarded, Truncated, wait_for_leave


def head(length: int | None, *, status: int = 200) -> Message:
    """Return the begin of an answer."""
    headers = [] if length is None else [(b"Content-Length", b"%d" % length)]
    return {"type": "http.response.start", "status": status, "headers": [(b"a", b"b"), *headers]}


def body(data: bytes, *, more: bool = False) -> Message:
    """Return a piece of a body."""
    return {"type": "http.response.body", "body": data, "more_body": more}


def truncate(messages: Sequence[Message], *, method: str = "GET") -> tuple[list[Message], bool]:
    """Send messages; return those that came through, and whether they were cut."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    half = Truncated(send, method=method)

    async def answer() -> None:
        for message in messages:
            await half(message)

    asyncio.run(answer())
    return sent, half.is_cut


@pytest.mark.parametrize(
    ("pieces", "length", "announced", "passed"),
    [
        ([b"abcdef"], 6, 6, b"abc"),
        ([b"abcdefg"], 7, 7, b"abc"),
        ([b"ab", b"cd", b"ef"], 6, 6, b"abc"),
        ([b"a"], 1, 1, b""),
        ([b""], 0, 1, b""),
    ],
)
def test_less_comes_than_was_announced(
    pieces: list[bytes], length: int, announced: int, passed: bytes
) -> None:
    sent, is_cut = truncate([head(length), *(body(piece, more=True) for piece in pieces), body(b"")])
    assert is_cut
    assert sent[0]["headers"] == [(b"a", b"b"), (b"content-length", b"%d" % announced)]
    assert b"".join(message["body"] for message in sent[1:]) == passed
    assert all(message["more_body"] for message in sent[1:])


def test_of_a_stream_half_of_the_first_piece_comes() -> None:
    sent, is_cut = truncate([head(None), body(b"", more=True), body(b"abcd", more=True), body(b"efgh")])
    assert is_cut
    assert sent[0] == head(None)
    assert b"".join(message["body"] for message in sent[1:]) == b"ab"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("DELETE", 204), ("GET", 304)])
def test_an_answer_without_a_body_passes_whole(method: str, status: int) -> None:
    messages = [head(6, status=status), body(b"")]
    assert truncate(messages, method=method) == (messages, False)


def test_an_answer_may_be_lost() -> None:
    lost = Discarded()
    asyncio.run(Response(status=201, body=b"x").send(lost))
    assert lost.status == 201


def request(*types: str) -> Request:
    """Return a request whose client sends these messages, and then waits."""
    left = list(types)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return {"type": left.pop(0)}

    return Request(method="POST", path="/", query="", headers={}, receive=receive)


def test_a_request_is_held_until_its_client_leaves() -> None:
    leaves = request("http.request", "http.request", "http.disconnect")
    assert asyncio.run(wait_for_leave(leaves, limit_s=60))


def test_a_request_is_held_no_longer_than_that() -> None:
    assert not asyncio.run(wait_for_leave(request("http.request"), limit_s=0.01))
