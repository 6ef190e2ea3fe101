"""The console of an instance: the last 64 KB of what it said."""

import threading

LIMIT = 65_536
"""Bytes that GetConsoleOutput answers (API_GetConsoleOutput)."""


class Console:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._content = bytearray()

    def write(self, line: str) -> None:
        """Add a line."""
        with self._lock:
            self._content += line.encode(errors="replace") + b"\r\n"
            if len(self._content) > 2 * LIMIT:  # not for each line
                del self._content[:-LIMIT]

    def read(self) -> bytes:
        """Return what is kept."""
        with self._lock:
            return bytes(self._content[-LIMIT:])
