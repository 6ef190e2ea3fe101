"""Why the poller is not one of Airflow's shared streams: docs/adr/055 rests on these three traits.

Where one of these tests fails, Airflow has changed, and the decision can be looked at again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import pytest
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from airflow.triggers.shared_stream import SharedStreamManager

whose: ContextVar[str] = ContextVar("whose", default="nobody's")


class Streaming(BaseEventTrigger):
    """A trigger that shares a stream, which says for whom it was opened, and fails at a third event."""

    def __init__(self, job: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is untyped
        self.job = job

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "x", {"job": self.job}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        raise NotImplementedError
        yield

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        for _ in range(2):
            yield kwargs["job"], whose.get()
            await asyncio.sleep(0)
        raise ConnectionError("a broken connection")


async def listen(manager: SharedStreamManager, number: int) -> list[Any]:
    """Subscribe; return what was heard, and with what it ended."""
    whose.set(f"trigger {number}'s")
    stream = manager.subscribe(trigger_id=number, trigger=Streaming(f"job-{number}"), key="jobs")
    heard: list[Any] = []
    try:
        async for event in stream:
            heard.append(event)  # noqa: PERF401 - what was heard before the error counts
    except ConnectionError as error:
        heard.append(type(error))
    return heard


@pytest.fixture
def heard() -> list[list[Any]]:
    """What three triggers hear of one stream."""

    async def play() -> list[list[Any]]:
        manager = SharedStreamManager()
        return list(await asyncio.gather(*[listen(manager, number) for number in (1, 2, 3)]))

    return asyncio.run(play())


def test_one_error_of_the_stream_fails_the_triggers_of_all_tasks(heard: list[list[Any]]) -> None:
    assert [events[-1] for events in heard] == [ConnectionError] * 3


def test_the_stream_knows_the_first_trigger_s_job_alone(heard: list[list[Any]]) -> None:
    assert {job for events in heard for job, _ in events[:-1]} == {"job-1"}


def test_its_lines_go_to_the_log_of_whoever_came_first(heard: list[list[Any]]) -> None:
    assert {log for events in heard for _, log in events[:-1]} == {"trigger 1's"}


class Chatty(Streaming):
    """A trigger whose stream has much to tell at once."""

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        for number in range(10):
            yield number
        await asyncio.sleep(60)


def test_a_trigger_that_falls_behind_is_failed() -> None:
    async def play() -> None:
        manager = SharedStreamManager(max_subscriber_queue=9)
        stream = manager.subscribe(trigger_id=1, trigger=Chatty("job-1"), key="jobs")
        with pytest.raises(Exception, match="fell behind"):
            await asyncio.wait_for(anext(aiter(stream)), timeout=5)
        await manager.stop_all()

    asyncio.run(play())
