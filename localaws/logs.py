"""Write to CloudWatch Logs (moto's backend, in process), one line at a time."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime

from moto.logs.models import logs_backends

RECENT_LINES, RECENT_CHARACTERS = 100, 2_000
"""Lines that are kept for who wants to see what happens now, and how much of each."""

RecentLine = tuple[datetime, str, str, str]
"""When, group, stream, line."""
RecentLines = deque[RecentLine]

_lock = threading.Lock()


class LogStream:
    """One log stream; `write` may be called from any thread."""

    def __init__(
        self,
        *,
        account_id: str,
        region: str,
        group: str,
        stream: str,
        now: Callable[[], datetime],
        recent: RecentLines | None = None,
    ) -> None:
        self.group = group
        self.stream = stream
        self._now = now
        self._recent = recent
        self._backend = logs_backends[account_id][region]
        with _lock:
            self._ensure()

    def _ensure(self) -> None:
        """Make the group and the stream, unless they are there."""
        self._backend.ensure_log_group(self.group)
        self._backend.ensure_log_stream(self.group, self.stream)

    def write(self, line: str) -> None:
        """Append one event, with the current time; an empty line becomes a blank, as AWS takes none."""
        now = self._now()
        event = {"timestamp": int(now.timestamp() * 1000), "message": line or " "}
        if self._recent is not None:
            self._recent.append((now, self.group, self.stream, line[:RECENT_CHARACTERS]))
        with _lock:
            self._ensure()  # a user may have deleted them
            # The group's own method: the backend's drops events more than two hours ahead of the wall clock,
            # where a clock that is sped up soon is.
            self._backend.groups[self.group].put_log_events(self.stream, [event])
