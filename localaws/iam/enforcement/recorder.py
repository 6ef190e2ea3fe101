"""Write down what was asked for, each thing once, a line of JSON each."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localaws.errors import OutputFileError
from localaws.iam.enforcement.request_facts import Value

VOLATILE = ("s3:x-amz-content-sha256",)
"""Keys that differ from one call to the next like it."""


class Recorder:
    """A file of what principals asked for. Thread-safe. Raises OutputFileError where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise OutputFileError(f"cannot write what is asked for to {path}: {error.strerror}") from error

    def note(
        self, *, principal: str, action: str, resource: str, context: Mapping[str, Value], because: str
    ) -> None:
        """Write a line, unless there is one like it; `because` is why it is denied, if it is.

        `principal` is a user, or the role of a session: what a policy would be attached to. The context is
        what the request itself says, without the keys that differ from one call to the next.
        """
        line: dict[str, Any] = {
            "principal": principal,
            "action": action,
            "resource": resource,
            "context": {
                key: context[key]
                for key in sorted(context)
                if key not in VOLATILE and context[key] is not None
            },
            "allowed": not because,
            "because": because,
        }
        text = json.dumps(line, default=list)
        with self._lock:
            if text not in self._seen:
                self._seen.add(text)
                self._file.write(text + "\n")
                self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
