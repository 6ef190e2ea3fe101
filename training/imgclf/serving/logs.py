"""The server's log: one line of JSON for each entry, so that nothing in a request can forge another line.

Invocations are logged by size, type, status and time; never by content.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from select import PIPE_BUF
from typing import Any

MAX_CHARACTERS = 300
"""Of a text that a request brought along."""

logger = logging.getLogger(__name__)
_quote = functools.lru_cache(maxsize=64)(json.dumps)


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


class InvocationLog:
    """Log invocations: the lines of one turn of the event loop are written together.

    An entry of the logging module takes as much of the processor as reading the request does.
    """

    def __init__(self) -> None:
        """Begin with nothing to write."""
        self._lines: list[str] = []

    def note(
        self, *, status: int, seconds: float, content_type: str, received: int, reason: str | None
    ) -> None:
        """Log one invocation, in the event loop."""
        if not logger.isEnabledFor(logging.INFO):
            return
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        more = "" if reason is None else f', "reason": {json.dumps(shorten(reason))}'
        self._lines.append(
            f'{{"time": "{_now()}", "level": "INFO", "message": "invocation", "status": {status}, '
            f'"seconds": {seconds:.4f}, "content_type": {_quote(shorten(content_type))}, '
            f'"received_bytes": {received}{more}}}\n'
        )

    def flush(self) -> None:
        """Write what is noted, as much at once as several processes may write without mixing it (pipe(7))."""
        lines, self._lines = self._lines, []
        with contextlib.suppress(OSError, ValueError):  # nobody reads the log any more
            for text in _pieces(lines):
                sys.stdout.write(text)
            sys.stdout.flush()


def _pieces(lines: list[str]) -> Iterator[str]:
    """Join lines to texts of PIPE_BUF characters at most; they are ASCII."""
    piece = ""
    for line in lines:
        if len(piece) + len(line) > PIPE_BUF:
            yield piece
            piece = ""
        piece += line
    yield piece


def _now() -> str:
    """Return the time as JsonLines writes it."""
    now_ms = int(time.time() * 1000)
    return f"{_second(now_ms // 1000)}.{now_ms % 1000:03d}+00:00"


@functools.lru_cache(maxsize=2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def shorten(text: str) -> str:
    """Return at most MAX_CHARACTERS of a text."""
    return text[:MAX_CHARACTERS]
