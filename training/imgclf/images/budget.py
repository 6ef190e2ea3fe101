"""Share a fixed amount of memory among the threads that decode."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager


class MemoryBudget:
    """Let through as many decodings as fit into a number of bytes; the others wait, in turn."""

    def __init__(self, total: int) -> None:
        """Take the number of bytes."""
        self._total = self._left = total
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def spend(self, count: int) -> Generator[None]:
        """Hold `count` bytes while the block runs; more than there are in all is all of them."""
        count = min(count, self._total)
        with self._turn, self._changed:  # who waits for much is not overtaken by those who want little
            self._changed.wait_for(lambda: self._left >= count)
            self._left -= count
        try:
            yield
        finally:
            with self._changed:
                self._left += count
                self._changed.notify_all()
