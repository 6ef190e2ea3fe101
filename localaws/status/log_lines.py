"""The last lines of a log group, from moto's CloudWatch Logs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.logs.models import logs_backends

from localaws.backends import every_backend

LINES = 200
"""Lines of one answer."""


def last_lines(*, group: str, prefix: str, account_id: str, region: str) -> list[dict[str, str]]:
    """Return the newest lines of the streams that begin with `prefix`, the oldest first.

    Without an account or a region, those of every one are joined.
    """
    events = [
        (event.timestamp, name, event.message)
        for found in _groups(group, account_id=account_id, region=region)
        for name, stream in list(found.streams.items())
        if name.startswith(prefix)
        for event in stream.events[-LINES:]
    ]
    events.sort(key=lambda event: event[0])
    return [
        {"at": as_text(moment_ms), "stream": stream, "message": message}
        for moment_ms, stream, message in events[-LINES:]
    ]


def _groups(name: str, *, account_id: str, region: str) -> Iterator[Any]:
    for account, place, backend in every_backend(logs_backends):
        if account_id in ("", account) and region in ("", place) and name in backend.groups:
            yield backend.groups[name]


def as_text(moment_ms: float) -> str:
    """Return the ISO text of a time in epoch milliseconds."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat()
