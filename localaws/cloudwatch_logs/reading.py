"""Read a page of log events, and no more: moto sorts and copies every event for each.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html,
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogEvent

from localaws.cloudwatch_logs.events import EventFile
from localaws.cloudwatch_logs.patterns import compile_pattern

PAGE = 10_000
"""Events of an answer that asks for no number."""
Page = tuple[list[dict[str, Any]], str | None, str | None]


def time_of(event: LogEvent) -> int:
    """Return when an event happened."""
    return int(event.timestamp)


def find_range(
    events: EventFile, *, start: int | None, end: int | None
) -> tuple[Sequence[LogEvent], int, int]:
    """Return events in the order of their times, and the first and last place of those between two times."""
    found: Sequence[LogEvent] = events if events.is_sorted else sorted(events, key=time_of)
    low = bisect_left(found, start, key=time_of) if start else 0
    return found, low, max(low, bisect_right(found, end, key=time_of) if end else len(found))


def read_times(stream: Any) -> None:
    """Note a stream's first and last time, for DescribeLogStreams."""
    stream.first_event_timestamp, stream.last_event_timestamp = (
        stream.events.first_time,
        stream.events.last_time,
    )


def get_log_events(
    stream: Any,
    start_time: int | None,
    end_time: int | None,
    limit: int | None,
    next_token: str | None,
    start_from_head: bool,
) -> Page:
    """Return one page, and the tokens of the pages before and after it.

    A token names the last (f) or first (b) event that its reader has seen, counted from the range's begin.
    """
    found, low, high = find_range(stream.events, start=start_time, end=end_time)
    size, total = limit or PAGE, high - low
    begin = 0 if start_from_head else total - size
    if next_token is not None:
        direction, seen = read_token(next_token)
        begin = seen + 1 if direction == "f" else seen - size
    stop = min(begin + size, total)
    begin = max(begin, 0)
    if begin >= total:
        return [], token("b", total - 1), token("f", total - 1)
    if stop <= 0:
        return [], token("b", 0), token("f", 0)
    page = [event.to_response_dict() for event in found[low + begin : low + stop]]
    return page, token("b", begin), token("f", stop - 1)


def token(direction: str, place: int) -> str:
    """Return the token of a place."""
    return f"{direction}/{place:056d}"


def read_token(text: str) -> tuple[str, int]:
    """Return the direction and the place of a token."""
    try:
        direction, place = text[0], int(text[2:])
    except (IndexError, ValueError) as error:
        raise InvalidParameterException("The specified nextToken is invalid.") from error
    if direction not in ("f", "b"):
        raise InvalidParameterException("The specified nextToken is invalid.")
    return direction, place


def find_matches(
    stream: Any, *, start: int | None, end: int | None, fits: Callable[[str], bool]
) -> Iterator[dict[str, Any]]:
    """Give the events of a stream that fit a pattern, in the order of their times."""
    found, low, high = find_range(stream.events, start=start, end=end)
    chosen: Iterable[LogEvent] = found.read(low, high) if isinstance(found, EventFile) else found[low:high]
    for event in chosen:
        if fits(event.message):
            yield event.to_filter_dict() | {"logStreamName": stream.log_stream_name}


def filter_log_events(
    group: Any,
    log_group_name: str,
    log_stream_names: list[str],
    start_time: int | None,
    end_time: int | None,
    limit: int | None,
    next_token: str | None,
    filter_pattern: str,
    interleaved: bool,
) -> tuple[list[dict[str, Any]], str | None, list[dict[str, Any]]]:
    """Return one page of the events that fit, the token of the next, and which streams were searched."""
    names = [name for name in list(group.streams) if not log_stream_names or name in log_stream_names]
    streams = [group.streams[name] for name in names]
    fits = compile_pattern(filter_pattern or "")
    found = [find_matches(stream, start=start_time, end=end_time, fits=fits) for stream in streams]
    joined = heapq.merge(*found, key=lambda event: event["timestamp"]) if interleaved else chain(*found)
    size = limit or PAGE
    page = list(islice(skip_to(joined, next_token, group=log_group_name), size + 1))
    more = None
    if len(page) > size:
        page.pop()
        more = f"{log_group_name}@{page[-1]['logStreamName']}@{page[-1]['eventId']}"
    return page, more, [{"logStreamName": name, "searchedCompletely": True} for name in names]


def skip_to(
    events: Iterator[dict[str, Any]], next_token: str | None, *, group: str
) -> Iterator[dict[str, Any]]:
    """Return the events behind the one that a token names: none where there is no such event, as on AWS."""
    if not next_token:
        return events
    for event in events:
        if f"{group}@{event['logStreamName']}@{event['eventId']}" == next_token:
            return events
    return iter(())
