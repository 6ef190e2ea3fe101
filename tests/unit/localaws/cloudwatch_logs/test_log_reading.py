"""Pages of log events are those that moto gives, without a copy of all events."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogEvent, LogStream

from localaws.cloudwatch_logs import reading
from localaws.cloudwatch_logs.events import EventFile

IN_ORDER, MIXED = (1, 2, 2, 3, 5, 5, 8), (5, 1, 2, 8, 2, 3, 5)
STOCK: Any = LogStream.get_log_events


def stream_of(times: tuple[int, ...], path: Path, name: str = "s") -> Any:
    """Return a stream with an event at each time."""
    events = EventFile(path / name)
    events += [
        LogEvent(0, {"timestamp": time, "message": f"{name}{place}"}) for place, time in enumerate(times)
    ]
    return SimpleNamespace(events=events, log_stream_name=name)


@pytest.mark.parametrize("times", [IN_ORDER, MIXED], ids=["in order", "mixed"])
@pytest.mark.parametrize(
    ("start", "end"), [(None, None), (2, None), (None, 5), (2, 5), (3, 4), (6, 7), (0, 99)]
)
@pytest.mark.parametrize("limit", [None, 1, 3, 100])
@pytest.mark.parametrize("is_from_head", [True, False])
def test_all_pages_in_both_directions_are_motos(
    tmp_path: Path, times: tuple[int, ...], start: int, end: int, limit: int, is_from_head: bool
) -> None:
    stream = stream_of(times, tmp_path)
    listed = SimpleNamespace(events=list(stream.events))
    asked = (start, end, limit)
    for direction in (1, 2):
        token = None
        for _ in range(len(times) + 2):
            page = reading.get_log_events(stream, *asked, token, is_from_head)
            if token is None and not page[0]:
                break  # of no events, moto's first token passes over the first that comes
            assert page == STOCK(listed, *asked, token, is_from_head)
            token = page[direction]


def test_a_reader_of_an_empty_stream_gets_the_first_event_next(tmp_path: Path) -> None:
    stream = stream_of((), tmp_path)
    events, _, forward = reading.get_log_events(stream, None, None, None, None, False)
    assert events == []
    stream.events += [LogEvent(0, {"timestamp": 1, "message": "first"})]
    (event,), _, _ = reading.get_log_events(stream, None, None, None, forward, False)
    assert event["message"] == "first"


@pytest.mark.parametrize("text", ["", "f", "x/1", "f/x", "f/"])
def test_what_is_no_token_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidParameterException):
        reading.get_log_events(stream_of(IN_ORDER, tmp_path), None, None, None, text, True)


def filtered(group: Any, **options: Any) -> tuple[list[str], str | None]:
    """Return messages and token of one page of two."""
    asked = {
        "log_group_name": "g",
        "log_stream_names": [],
        "start_time": None,
        "end_time": None,
        "limit": 2,
        "next_token": None,
        "filter_pattern": "",
        "interleaved": True,
    }
    events, token, _ = reading.filter_log_events(group, **(asked | options))
    return [event["message"] for event in events], token


def test_events_of_several_streams_come_in_pages(tmp_path: Path) -> None:
    streams = {name: stream_of(times, tmp_path, name) for name, times in (("a", (1, 3, 5)), ("b", (4, 2)))}
    group = SimpleNamespace(streams=streams)
    seen, token = filtered(group)
    while token:
        page, token = filtered(group, next_token=token)
        seen += page
    assert seen == ["a0", "b1", "a1", "b0", "a2"]
    assert filtered(group, interleaved=False, limit=9)[0] == ["a0", "a1", "a2", "b1", "b0"]
    assert filtered(group, log_stream_names=["b"])[0] == ["b1", "b0"]
    assert filtered(group, filter_pattern='"a2"') == (["a2"], None)
    assert filtered(group, start_time=2, end_time=3) == (["b1", "a1"], None)
    assert filtered(group, next_token="g@a@no such event") == ([], None)


def test_first_and_last_time_are_noted(tmp_path: Path) -> None:
    stream = stream_of(MIXED, tmp_path)
    reading.read_times(stream)
    assert (stream.first_event_timestamp, stream.last_event_timestamp) == (1, 8)
