"""What ec2_job.py works with: commands within a limit, copies from and to S3, a log that is sent as it grows.

Standard library and the aws command only, for the Python 3.9 of Amazon Linux 2023.
"""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

CALL_S = 60.0
"""How long a command may take that neither fetches, installs nor uploads."""
SHIP_S = 4.0
"""Seconds between two looks at new lines."""
MAX_EVENTS, MAX_LINE, MAX_BATCH = 1000, 8000, 200_000
"""Of one PutLogEvents: events, characters of each, and bytes of all (AWS takes 1 MiB, 26 bytes for each)."""


class JobError(Exception):
    """Say why a job fails, in one line."""


class Shipper:
    """Send the lines of a growing file to a stream of CloudWatch Logs."""

    def __init__(self, order: Mapping[str, Any], *, stream: str, log: str) -> None:
        self._target = ["--log-group-name", order["log_group"], "--log-stream-name", stream]
        self._path = Path(log)
        self._position = 0
        self._is_made = self._has_complained = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send the last lines."""
        time.sleep(0.2)  # they are on their way through tee
        self._over.set()
        self._thread.join(timeout=2 * CALL_S)

    def _run(self) -> None:
        is_last, pause_s = False, 0.0
        while not is_last:
            is_last, pause_s = self._over.wait(pause_s), SHIP_S
            try:
                self._send(is_last)
            except (JobError, OSError) as error:  # the job is worth more than its log
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Say once that the log is not sent: said each time, that would be all there is to send."""
        if not self._has_complained:
            self._has_complained = True
            logger.warning("the log is not sent: %s", error)

    def _send(self, is_last: bool) -> None:
        if not self._is_made:
            self._make_stream()
        while lines := self._read(is_last):
            now = int(time.time() * 1000)
            events = [{"timestamp": now, "message": line} for line in lines]
            document = json.dumps(events)
            aws("logs", "put-log-events", *self._target, "--log-events", "file:///dev/stdin", text=document)

    def _make_stream(self) -> None:
        try:
            aws("logs", "create-log-stream", *self._target)
        except JobError as error:
            if "ResourceNotFoundException" in str(error):  # nobody has made the group
                aws("logs", "create-log-group", *self._target[:2])
                return self._make_stream()
            if "ResourceAlreadyExistsException" not in str(error):
                raise
        self._is_made = True
        return None

    def _read(self, is_last: bool) -> list[str]:
        """Return the next whole lines, as many as one call takes; an empty one has a space."""
        with self._path.open("rb") as file:
            file.seek(self._position)
            content = file.read(MAX_BATCH)
        end = len(content) if is_last or len(content) == MAX_BATCH else content.rfind(b"\n") + 1
        lines = content[:end].splitlines(keepends=True)[:MAX_EVENTS]
        self._position += sum(map(len, lines))
        return [line.decode(errors="replace").rstrip("\r\n")[:MAX_LINE] or " " for line in lines]


def aws(*words: str, limit_s: float = CALL_S, text: str = "") -> str:
    """Run an aws command; return what it says. JobError where it fails or takes too long."""
    return command(["aws", *words], limit_s=limit_s, text=text)


def command(argv: Sequence[str], *, limit_s: float, text: str = "") -> str:
    """Run a command within its limit; raise JobError with the end of what it said."""
    what = " ".join(argv[:3])
    try:
        done = subprocess.run(
            list(argv), input=text, capture_output=True, encoding="utf-8", errors="replace", timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        raise JobError(f"{what} took more than {limit_s:.0f} s") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[-500:]
        raise JobError(f"{what} failed ({done.returncode}): {said}")
    return done.stdout


def copy(source: str, target: str, *, limit_s: float, is_folder: bool = False) -> None:
    """Copy a file, or a folder, from or to S3."""
    verb = ("sync",) if is_folder else ("cp",)
    aws("s3", *verb, "--only-show-errors", source, target, limit_s=limit_s)


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()
