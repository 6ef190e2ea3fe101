"""The last lines of a log group, from moto's CloudWatch Logs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.logs.models import logs_backends

LINES = 200
"""Lines of one answer."""


def last_lines(*, account_id: str, region: str, group: str, prefix: str) -> list[dict[str, str]]:
    """Return the newest lines of the streams that begin with `prefix`, the oldest first."""
    regions: Mapping[str, Any] = logs_backends.get(account_id) or {}
    found: Any = regions[region].groups.get(group) if region in regions else None
    streams = [] if found is None else list(found.streams.items())
    events = [
        (event.timestamp, name, event.message)
        for name, stream in streams
        if name.startswith(prefix)
        for event in list(stream.events)[-LINES:]
    ]
    events.sort(key=lambda event: event[0])
    return [
        {"at": as_text(moment_ms), "stream": stream, "message": message}
        for moment_ms, stream, message in events[-LINES:]
    ]


def as_text(moment_ms: float) -> str:
    """Return the ISO text of a time in epoch milliseconds."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat()
