"""Read back what a container wrote to CloudWatch Logs."""

import logging
from collections.abc import Iterator

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from botocore.exceptions import ClientError

logger = logging.getLogger(__name__)

MAX_STREAMS = 50
"""DescribeLogStreams answers at most 50 per page; no job here has that many hosts."""

LAST_LINES = 20


class LogTail:
    """Follow the streams of a log group whose names start with a prefix, each from where it was left.

    An empty prefix stands for all streams; AWS does not take one.
    """

    def __init__(self, *, hook: AwsLogsHook, group: str, prefix: str) -> None:
        """Start at the beginning of every stream."""
        self.hook = hook
        self.group = group
        self.prefix = prefix
        self.tokens: dict[str, AwsLogsHook.ContinuationToken] = {}
        self.last: list[str] = []

    def read(self) -> list[str]:
        """Return the lines that are new since the last call, `[host] line`, and keep the last ones."""
        lines: list[str] = []
        for stream in self._streams():
            lines += [f"[{self._host(stream)}] {line}" for line in self._new_lines(stream)]
        self.last = (self.last + lines)[-LAST_LINES:]
        return lines

    def show(self) -> None:
        """Log the new lines, one record each."""
        for line in self.read():
            logger.info("%s", line)

    def _streams(self) -> list[str]:
        """Return the names of the streams; none until the first container has written something."""
        prefix = {"logStreamNamePrefix": self.prefix} if self.prefix else {}
        try:
            answer = self.hook.conn.describe_log_streams(logGroupName=self.group, limit=MAX_STREAMS, **prefix)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return []
            raise
        return sorted(stream["logStreamName"] for stream in answer["logStreams"])

    def _new_lines(self, stream: str) -> Iterator[str]:
        if stream not in self.tokens:
            self.tokens[stream] = AwsLogsHook.ContinuationToken()  # type: ignore[no-untyped-call] # provider's
        token = self.tokens[stream]
        for event in self.hook.get_log_events(self.group, stream, continuation_token=token):
            yield event["message"].rstrip("\n")

    def _host(self, stream: str) -> str:
        """Return the short name of a stream: `algo-1` for `<job>/algo-1-1700000000`."""
        return "-".join(stream.rsplit("/", 1)[-1].split("-")[:2])


def last_lines(tail: LogTail) -> str:
    """Return the end of the log as text for an error message."""
    tail.read()
    return "\n".join(tail.last) if tail.last else f"(nothing in log group {tail.group} under {tail.prefix!r})"
