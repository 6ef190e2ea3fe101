"""Read back what a container wrote to CloudWatch Logs."""

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from musher.hooks.calls import Conversation, hold, hold_async

logger = logging.getLogger(__name__)

MAX_STREAMS = 50
"""DescribeLogStreams answers at most 50 per page; no job here has that many hosts."""

MAX_EMPTY_PAGES = 3
"""GetLogEvents may answer pages without an event before one with some; after so many there is nothing new."""

LAST_LINES = 20


class LogTail:
    """Follow the streams of a log group whose names start with a prefix, each from where it was left.

    An empty prefix stands for all streams; AWS does not take one.
    """

    def __init__(self, *, group: str, prefix: str) -> None:
        """Start at the beginning of every stream."""
        self.group = group
        self.prefix = prefix
        self.positions: dict[str, str] = {}
        self.last: list[str] = []

    def read(self, client: Any) -> list[str]:
        """Return the lines that are new since the last call, `[host] line`, and keep the last ones."""
        try:
            return self._keep(hold(client, self._read()))
        except ClientError as error:
            return _none_if_missing(error)

    async def read_async(self, client: Any) -> list[str]:
        """Do the same with an asynchronous client."""
        try:
            return self._keep(await hold_async(client, self._read()))
        except ClientError as error:
            return _none_if_missing(error)

    def _read(self) -> Conversation[list[str]]:
        lines: list[str] = []
        prefix = {"logStreamNamePrefix": self.prefix} if self.prefix else {}
        answer = yield "describe_log_streams", {"logGroupName": self.group, "limit": MAX_STREAMS, **prefix}
        for stream in sorted(found["logStreamName"] for found in answer["logStreams"]):
            messages = yield from self._read_stream(stream)
            lines += [f"[{_host(stream)}] {message}" for message in messages]
        return lines

    def _read_stream(self, stream: str) -> Conversation[list[str]]:
        """Give the calls that bring a stream's new events; the same token twice is its end."""
        messages: list[str] = []
        empty_pages = 0
        while empty_pages < MAX_EMPTY_PAGES:
            position = self.positions.get(stream)
            token = {"nextToken": position} if position else {}
            answer = yield (
                "get_log_events",
                {"logGroupName": self.group, "logStreamName": stream, "startFromHead": True, **token},
            )
            messages += [event["message"].rstrip("\n") for event in answer["events"]]
            self.positions[stream] = answer["nextForwardToken"]
            if self.positions[stream] == position:
                break
            empty_pages = 0 if answer["events"] else empty_pages + 1
        return messages

    def _keep(self, lines: list[str]) -> list[str]:
        self.last = (self.last + lines)[-LAST_LINES:]
        return lines


def show(lines: list[str]) -> None:
    """Log lines, one record each."""
    for line in lines:
        logger.info("%s", line)


def last_lines(tail: LogTail, client: Any) -> str:
    """Return the end of the log as text for an error message."""
    try:
        tail.read(client)
    except (BotoCoreError, ClientError) as error:  # it must not hide what the message is about
        return f"(log group {tail.group} cannot be read: {error})"
    return "\n".join(tail.last) if tail.last else f"(nothing in log group {tail.group} under {tail.prefix!r})"


def _host(stream: str) -> str:
    """Return the short name of a stream: `algo-1` for `<job>/algo-1-1700000000`."""
    return "-".join(stream.rsplit("/", 1)[-1].split("-")[:2])


def _none_if_missing(error: ClientError) -> list[str]:
    """Return no lines where there is no log group yet: the first container has written nothing."""
    if error.response["Error"]["Code"] == "ResourceNotFoundException":
        return []
    raise error
