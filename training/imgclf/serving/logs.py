"""The server's log: one line of JSON for each entry, so that nothing in a request can forge another line.

Invocations are logged by size, type, status and time; never by content.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

MAX_CHARACTERS = 300
"""Of a text that a request brought along."""


class JsonLines(logging.Formatter):
    """Write an entry as JSON: time, level, message, and the fields of `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def log_json_to_stdout() -> None:
    """Send the log where CloudWatch reads it."""
    # What no entry tells need not be looked up for each: that is half of an entry's time.
    # https://docs.python.org/3/howto/logging.html#optimization
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def shorten(text: str) -> str:
    """Return at most MAX_CHARACTERS of a text."""
    return text[:MAX_CHARACTERS]
