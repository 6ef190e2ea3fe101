"""Lines for CloudWatch Logs, in moto's own backend."""

import threading
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.logs.models import logs_backends

from localaws.logs import RECENT_CHARACTERS, LogStream, RecentLines

ACCOUNT, REGION = "123456789012", "us-east-1"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


@pytest.fixture
def group() -> str:
    return f"/aws/test/{uuid.uuid4().hex}"


def open_stream(
    group: str, *, now: Callable[[], datetime] = lambda: NOW, recent: RecentLines | None = None
) -> LogStream:
    return LogStream(account_id=ACCOUNT, region=REGION, group=group, stream="s", now=now, recent=recent)


def events_of(group: str) -> list[tuple[int, str]]:
    """Return time and text of what the stream holds."""
    found: Any = logs_backends[ACCOUNT][REGION].groups[group].streams["s"]
    return [(event.timestamp, event.message) for event in found.events]


def test_group_and_stream_are_there_before_the_first_line(group: str) -> None:
    open_stream(group)
    open_stream(group)
    assert events_of(group) == []


def test_a_line_has_the_clock_s_time_in_milliseconds(group: str) -> None:
    open_stream(group).write("hello")
    assert events_of(group) == [(int(NOW.timestamp() * 1000), "hello")]


def test_an_empty_line_is_a_blank_as_putlogevents_takes_none(group: str) -> None:
    stream = open_stream(group)
    for line in ("", "a", ""):
        stream.write(line)
    assert [message for _, message in events_of(group)] == [" ", "a", " "]


@pytest.mark.parametrize("days", [0, 1, 30, -30])
def test_a_clock_that_runs_ahead_loses_no_line(group: str, days: int) -> None:
    """moto's PutLogEvents drops what is more than two hours ahead of the wall clock."""
    then = datetime.now(UTC) + timedelta(days=days)
    open_stream(group, now=lambda: then).write("later")
    assert [message for _, message in events_of(group)] == ["later"]


def test_stock_moto_drops_a_line_from_ahead(group: str) -> None:
    open_stream(group)
    backend = logs_backends[ACCOUNT][REGION]
    ahead = int((datetime.now(UTC) + timedelta(days=1)).timestamp() * 1000)
    backend.put_log_events(group, "s", [{"timestamp": ahead, "message": "later"}])
    assert events_of(group) == []


@pytest.mark.parametrize("what", ["group", "stream"])
def test_what_a_user_deletes_comes_back_with_the_next_line(group: str, what: str) -> None:
    stream = open_stream(group)
    stream.write("before")
    backend = logs_backends[ACCOUNT][REGION]
    if what == "group":
        backend.delete_log_group(group)
    else:
        backend.delete_log_stream(group, "s")
    stream.write("after")
    assert [message for _, message in events_of(group)] == ["after"]


def test_the_last_lines_are_kept_aside_and_cut(group: str) -> None:
    recent: RecentLines = deque(maxlen=2)
    stream = open_stream(group, recent=recent)
    for line in ("first", "", "x" * (RECENT_CHARACTERS + 1)):
        stream.write(line)
    assert list(recent) == [(NOW, group, "s", ""), (NOW, group, "s", "x" * RECENT_CHARACTERS)]
    assert len(events_of(group)[-1][1]) == RECENT_CHARACTERS + 1


def test_threads_that_write_at_once_lose_no_line(group: str) -> None:
    stream = open_stream(group)

    def write(number: int) -> None:
        for line in range(50):
            stream.write(f"{number} {line}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    messages = [message for _, message in events_of(group)]
    assert sorted(messages) == sorted(f"{number} {line}" for number in range(4) for line in range(50))
    for number in range(4):
        own = [message for message in messages if message.startswith(f"{number} ")]
        assert own == [f"{number} {line}" for line in range(50)]
