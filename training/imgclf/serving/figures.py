"""What the processes of a server tell each other, in memory that they share: counts, load and health.

A ping or a look at /metrics reaches one of them, and is answered for all.
"""

from __future__ import annotations

import mmap
import os
import time
from array import array
from collections.abc import Sequence
from pathlib import Path

from imgclf.serving.metrics import Metrics

BEAT_S = 1.0
"""From one sign of life to the next."""
STALLED_S, SILENT_S = 3.0, 30.0
"""Without a sign of life for so long a process gets connections only where no other can have them, and counts
as dead, as an engine does that takes as long for one batch."""
DOUBLE_BYTES = 8
PID, BEAT, IMAGES, FETCHES, FAULTY, ENDED, COUNTS = range(7)
"""Places of one process's numbers: its id, or 0 while it does not serve; when it last gave a sign of life;
images and fetches in progress; whether its engine is at fault; how many of the connections that it was given
have ended; and from there on what it counts."""


class Board:
    """The numbers of all processes; each writes its own, and reads all."""

    def __init__(self, *, count: int = 1, place: int = 0, file: int = -1) -> None:
        """Map a file that has `bytes_of(count)` bytes; without one, the numbers are this process's alone."""
        cells = memoryview(mmap.mmap(file, self.bytes_of(count))).cast("d")
        size = len(cells) // count
        self._everybody = [cells[start : start + size] for start in range(0, len(cells), size)]
        self._own = self._everybody[place]
        self.metrics = Metrics(self._own[COUNTS:])
        self.size = count

    @staticmethod
    def bytes_of(count: int) -> int:
        """Return the bytes that the numbers of so many processes take."""
        return count * (COUNTS + Metrics.CELLS) * DOUBLE_BYTES

    def tell(self, *, images: int, fetches: int, is_faulty: bool) -> None:
        """Give a sign of life; the first one says that this process serves."""
        self._own[IMAGES], self._own[FETCHES], self._own[FAULTY] = images, fetches, is_faulty
        self._own[BEAT] = time.monotonic()
        self._own[PID] = os.getpid()

    def tell_ended(self, connections: int) -> None:
        """Say how many connections of this process have ended since its start."""
        self._own[ENDED] = connections

    def count_ended(self, place: int) -> int:
        """Return how many connections of a process have ended since its start."""
        return int(self._everybody[place][ENDED])

    def is_stalled(self, place: int) -> bool:
        """Return whether a process that serves has not moved for a while."""
        return time.monotonic() - self._everybody[place][BEAT] > STALLED_S

    def is_serving(self, place: int) -> bool:
        """Return whether a process has begun to serve, and was not cleared since."""
        return self._everybody[place][PID] > 0

    def clear(self, place: int) -> None:
        """Forget a process that has ended; what it counted stays counted."""
        self._everybody[place][:COUNTS] = memoryview(bytes(COUNTS * DOUBLE_BYTES)).cast("d")

    def find_fault(self) -> str | None:
        """Return which process gives no answers, None where all that serve are well."""
        now = time.monotonic()
        for number, cells in enumerate(self._everybody, start=1):
            if cells[FAULTY]:
                return f"the engine of process {number} is at fault: its log says why"
            if cells[PID] and now - cells[BEAT] > SILENT_S:
                return f"process {number} has not moved for {SILENT_S:.0f} s"
        return None

    def render(self) -> bytes:
        """Return the page of metrics, of all processes together."""
        gauges = {
            "imgclf_waiting_images": self._sum(IMAGES),
            "imgclf_waiting_fetches": self._sum(FETCHES),
            "imgclf_healthy": int(self.find_fault() is None),
            "imgclf_processes": sum(cells[PID] > 0 for cells in self._everybody),
            "process_resident_memory_bytes": sum(map(resident_bytes, self._pids())),
        }
        sums = array("d", map(sum, zip(*(cells[COUNTS:] for cells in self._everybody), strict=True)))
        return Metrics(memoryview(sums)).render(gauges)

    def _sum(self, place: int) -> int:
        return int(sum(cells[place] for cells in self._everybody))

    def _pids(self) -> Sequence[int]:
        """Return the ids of those that serve, and of the process that started them."""
        own = [int(cells[PID]) for cells in self._everybody if cells[PID]]
        return own if self.size == 1 else [*own, os.getppid()]


def resident_bytes(pid: int) -> int:
    """Return the bytes of memory that a process holds (proc(5), statm); 0 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
