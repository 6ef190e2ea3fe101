"""Watch a process from the event loop: when it ends, and how much memory it has used."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

POLL_S = 0.02
"""Real seconds between looks at a process where the kernel has no pidfd."""
MEMORY_POLL_S = 0.1
"""Real seconds between looks at a function's memory."""
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


class ExitWatch:
    """Call `on_exit` in the event loop once the process has ended."""

    def __init__(self, pid: int, *, poll: Callable[[], int | None], on_exit: Callable[[], None]) -> None:
        self._poll = poll
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        try:
            self._pidfd = os.pidfd_open(pid)
        except (AttributeError, OSError):
            self._pidfd = -1
            self._look()
        else:
            self._loop.add_reader(self._pidfd, self._ended)

    def _look(self) -> None:
        if self._poll() is not None:
            self._on_exit()
        else:
            self._timer = self._loop.call_later(POLL_S, self._look)

    def _ended(self) -> None:
        self.close()
        self._poll()
        self._on_exit()

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1


def peak_memory_mb(pid: int) -> int | None:
    """Return the most resident memory the process has had, in MiB, or None where the kernel does not say."""
    try:
        match = PEAK.search(Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace"))
    except OSError:
        return None
    return -(-int(match[1]) // 1024) if match else None


async def wait_for_excess(pid: int, *, limit_mb: int) -> None:
    """Return once the process has used more than `limit_mb`; for ever where that cannot be seen.

    The kernel's own peak is read, so a short excess between two looks is seen as well.
    """
    while (peak_memory_mb(pid) or 0) <= limit_mb:
        await asyncio.sleep(MEMORY_POLL_S)
