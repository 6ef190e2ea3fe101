"""Watch a process from the event loop: when it ends, and how much memory it has used."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from localaws.processes import Child

MEMORY_POLL_S = 0.1
"""Real seconds between looks at a function's memory."""
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


class ExitWatch:
    """Call `on_exit` in the event loop once a child has ended."""

    def __init__(self, child: Child, *, on_exit: Callable[[], None]) -> None:
        self._child = child
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._fd = child.fileno()
        self._loop.add_reader(self._fd, self._look)

    def _look(self) -> None:
        if self._child.poll() is not None:
            self.close()
            self._on_exit()

    def close(self) -> None:
        """Stop watching."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._fd = -1


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
