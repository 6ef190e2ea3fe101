"""The events of log streams, in files: moto keeps each in memory, and a job may print for days."""

import shutil
import struct
import tempfile
import threading
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, overload

from moto.logs.models import LogEvent

RECORD = struct.Struct("<Qqqq")
"""What stands before a message: number, time, time of arrival (epoch milliseconds), and its bytes."""
MARKED = 256
"""The place of each 256th event is kept in memory."""
TAIL_BYTES = 64 << 10
"""Bytes of a stream that are not in its file yet: most streams never need one."""
CHUNK_BYTES = 256 << 10
"""Bytes read at a time."""

RESERVE_BYTES = 1 << 30
"""Bytes of the disk that are left free."""
FULL = "[localaws] The disk has less than 1 GiB left: what comes now is not kept, until there is more."
"""The last event of a stream before some are missing."""

_numbers = count()


class EventFolder:
    """Where the files of all streams lie."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def use(self, folder: Path) -> None:
        """Put files into a folder from now on; it is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def new_path(self) -> Path:
        """Return a path of which there is no file."""
        if self._folder is None:  # there is no localaws around it: a test, or a script
            self._temporary = tempfile.TemporaryDirectory(prefix="localaws-logs-")
            self._folder = Path(self._temporary.name)
        return self._folder / f"{next(_numbers)}.events"


FOLDER = EventFolder()


class EventFile(Sequence[LogEvent]):
    """The events of one stream, as the list that moto has in their place. Thread-safe.

    The file goes when nobody holds the stream any more.
    """

    def __init__(self, path: Path) -> None:
        self.first_time: int | None = None
        self.last_time: int | None = None
        self.is_sorted = True
        """Whether each event is as late as the one before it, or later."""
        self._path = path
        self._lock = threading.Lock()
        self._marks = array("Q")
        self._count = 0
        self._is_full = False
        self._written = 0
        self._tail = bytearray()
        weakref.finalize(self, path.unlink, missing_ok=True)

    def __iadd__(self, events: Iterable[LogEvent]) -> "EventFile":
        """Append events."""
        with self._lock:
            self._is_full = self._is_full and not has_room(self._path.parent)
            for event in () if self._is_full else events:
                self._append(event)
            if len(self._tail) > TAIL_BYTES and self._path.parent.is_dir():  # not once localaws has stopped
                self._write()
        return self

    def _append(self, event: LogEvent) -> None:
        message = event.message.encode("utf-8", "surrogatepass")
        time = int(event.timestamp)  # other services of moto's write fractions of a millisecond
        head = RECORD.pack(event.event_id, time, int(event.ingestion_time), len(message))
        if self._count % MARKED == 0:
            self._marks.append(self._written + len(self._tail))
        self._tail += head + message
        self._count += 1
        self.is_sorted = self.is_sorted and (self.last_time is None or time >= self.last_time)
        self.first_time = time if self.first_time is None else min(time, self.first_time)
        self.last_time = time if self.last_time is None else max(time, self.last_time)

    def _write(self) -> None:
        """Put the tail into the file, at its place: what an earlier failure has left is written over."""
        self._path.touch()
        with self._path.open("r+b") as file:
            file.seek(self._written)
            file.write(self._tail)
        self._written += len(self._tail)
        self._tail = bytearray()
        if not has_room(self._path.parent):
            self._is_full = True
            assert self.last_time is not None
            self._append(LogEvent(self.last_time, {"timestamp": self.last_time, "message": FULL}))

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> LogEvent: ...
    @overload
    def __getitem__(self, index: slice) -> list[LogEvent]: ...
    def __getitem__(self, index: int | slice) -> LogEvent | list[LogEvent]:
        """Return an event, or some that follow each other."""
        if isinstance(index, slice):
            start, stop, _ = index.indices(self._count)
            return list(self.read(start, stop))[:: index.step or 1]
        place = range(self._count)[index]
        return next(self.read(place, place + 1))

    def __iter__(self) -> Iterator[LogEvent]:
        """Give all that there are now."""
        return self.read(0, self._count)

    def read(self, start: int, stop: int) -> Iterator[LogEvent]:
        """Give the events from `start` to before `stop`, one after the other; neither is negative."""
        stop = min(stop, self._count)
        if start >= stop:
            return iter(())
        mark = start // MARKED
        return islice(self._records(self._marks[mark]), start - mark * MARKED, stop - mark * MARKED)

    def _records(self, position: int) -> Iterator[LogEvent]:
        size = CHUNK_BYTES
        while data := self._bytes(position, size):
            place = 0
            while place + RECORD.size <= len(data):
                number, time, arrived, length = RECORD.unpack_from(data, place)
                end = place + RECORD.size + length
                if end > len(data):
                    break
                message = data[place + RECORD.size : end].decode("utf-8", "surrogatepass")
                yield make_event(number, time=time, arrived=arrived, message=message)
                place = end
            position += place
            size = CHUNK_BYTES if place else size * 2

    def _bytes(self, position: int, size: int) -> bytes:
        with self._lock:
            if position >= self._written:
                place = position - self._written
                return bytes(self._tail[place : place + size])
            size = min(size, self._written - position)
        with self._path.open("rb") as file:
            file.seek(position)
            return file.read(size)


def has_room(folder: Path) -> bool:
    """Return whether the disk of a folder has room for more events; no folder is no disk to fill."""
    try:
        return shutil.disk_usage(folder).free >= RESERVE_BYTES
    except FileNotFoundError:
        return True


def make_event(number: int, *, time: int, arrived: int, message: str) -> LogEvent:
    """Return an event that there was already; moto's constructor would count a new one."""
    event = object.__new__(LogEvent)
    event.event_id, event.timestamp, event.ingestion_time, event.message = number, time, arrived, message
    return event


def get_events(stream: Any) -> EventFile:
    """Return the events of a stream of moto's."""
    found: EventFile = stream.__dict__["_events"]
    return found


def set_events(stream: Any, events: Iterable[LogEvent]) -> None:
    """Give a stream of moto's its events, which it begins with as an empty list, and adds to."""
    if not isinstance(events, EventFile):
        events = EventFile(FOLDER.new_path()).__iadd__(events)
    stream.__dict__["_events"] = events


kept_events = property(get_events, set_events)
"""What takes the place of the attribute `events` of moto's LogStream."""
