"""Half a body holds nothing that others need: memory, patience and places are bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from imgclf.errors import OverloadedError, SlowBodyError, TooLargeError
from imgclf.serving import bodies
from imgclf.serving.bodies import Bodies, Incoming, Message

CHUNKED = {"transfer-encoding": "chunked"}


def pieces(*parts: bytes, ends: bool = True) -> Callable[[], Coroutine[Any, Any, Message]]:
    """Return a `receive` that gives these pieces, and then ends or waits for ever."""
    left = list(parts)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left) or not ends}

    return receive


async def disconnected() -> Message:
    return {"type": "http.disconnect"}


async def read(store: Bodies, receive: Any, **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with store.read(named, Incoming(receive, headers=CHUNKED)) as body:
        return body


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PAUSE_S", 0.2)
    monkeypatch.setattr(bodies, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(bodies, "MIN_AGE_S", 0.05)


def test_a_body_is_its_pieces() -> None:
    assert asyncio.run(read(Bodies(), pieces(b"ab", b"", b"c"))) == b"abc"


@pytest.mark.parametrize(
    ("parts", "headers"),
    [
        ([b"x"], {"content_length": "6291457"}),
        ([b"x"], {"content_length": "9" * 5_000}),
        ([bytes(4 * 2**20), bytes(2 * 2**20 + 1)], {}),
    ],
)
def test_a_body_over_the_limit_is_413_before_it_is_in_memory(
    parts: list[bytes], headers: dict[str, str]
) -> None:
    with pytest.raises(TooLargeError, match="over 6291456 bytes") as raised:
        asyncio.run(read(Bodies(), pieces(*parts), **headers))
    assert raised.value.status == 413


def test_the_longest_body_is_taken() -> None:
    assert len(asyncio.run(read(Bodies(), pieces(bytes(6_291_456)), content_length="6291456"))) == 6_291_456


def test_a_client_that_went_away_is_a_connection_error() -> None:
    with pytest.raises(ConnectionError):
        asyncio.run(read(Bodies(), disconnected))


def test_a_sender_that_pauses_is_given_up() -> None:
    with pytest.raises(SlowBodyError, match="the body did not arrive in time") as raised:
        asyncio.run(read(Bodies(), pieces(b"half", ends=False)))
    assert raised.value.status == 408


def test_a_sender_that_drips_is_given_up_after_the_time_for_the_whole() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def run() -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(SlowBodyError):
            await read(Bodies(), drip)
        return loop.time() - started

    assert 0.4 < asyncio.run(run()) < 5


def test_the_slowest_sender_makes_way_for_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_SENDERS", 3)
    monkeypatch.setattr(bodies, "PAUSE_S", 30)
    monkeypatch.setattr(bodies, "TIMEOUT_S", 30)

    async def run() -> tuple[list[Any], bytes]:
        store = Bodies()
        halves = [asyncio.create_task(read(store, pieces(bytes(n), ends=False))) for n in (300, 1, 200)]
        await asyncio.sleep(0.1)
        answer = await read(store, pieces(b"whole"))
        await asyncio.wait(halves, timeout=0.1)
        outcomes = [half.exception() if half.done() else None for half in halves]
        for half in halves:
            half.cancel()
        return outcomes, answer

    outcomes, answer = asyncio.run(run())
    assert answer == b"whole"
    assert [type(outcome) for outcome in outcomes] == [type(None), SlowBodyError, type(None)]


def test_a_sender_that_has_just_begun_is_not_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_SENDERS", 1)
    monkeypatch.setattr(bodies, "MIN_AGE_S", 60)

    async def run() -> None:
        store = Bodies()
        half = asyncio.create_task(read(store, pieces(b"x", ends=False)))
        await asyncio.sleep(0)
        try:
            await read(store, pieces(b"whole"))
        finally:
            half.cancel()

    with pytest.raises(OverloadedError, match="too many bodies are being sent at once") as raised:
        asyncio.run(run())
    assert raised.value.status == 503


def test_bodies_count_until_their_request_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_HELD_BYTES", 100)

    async def run() -> bytes:
        store = Bodies()
        async with store.read({}, Incoming(pieces(bytes(60)), headers=CHUNKED)):
            with pytest.raises(OverloadedError):
                await read(store, pieces(bytes(60)))
        with pytest.raises(ConnectionError):
            await read(store, disconnected)
        return await read(store, pieces(bytes(100)))

    assert len(asyncio.run(run())) == 100


@pytest.mark.parametrize(
    ("headers", "is_whole"),
    [({}, True), ({"content-length": "0"}, True), ({"content-length": "1"}, False), (CHUNKED, False)],
)
def test_headers_say_whether_there_is_a_body_to_read(headers: dict[str, str], is_whole: bool) -> None:
    assert Incoming(pieces(), headers=headers).is_whole is is_whole


def test_the_rest_of_a_refused_body_is_read_away_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "DRAIN_S", 0.1)
    monkeypatch.setattr(bodies, "DRAIN_BYTES", 10)

    async def run(receive: Any) -> bool:
        incoming = Incoming(receive, headers=CHUNKED)
        await incoming.drain()
        return incoming.is_whole

    assert asyncio.run(run(pieces(b"123", b"456")))
    assert not asyncio.run(run(pieces(b"x" * 11, b"y")))
    assert not asyncio.run(run(pieces(b"x", ends=False)))
    assert asyncio.run(run(disconnected))
