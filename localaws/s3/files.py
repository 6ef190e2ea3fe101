"""The bytes of objects, on disk: written once, known when whole, never written to again.

A large object is a file of its own, written under a temporary name and renamed. Small ones lie one after the
other in files that they share (segments): making a file costs more than all else about a small object.
"""

import errno
import hashlib
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

COPY_BYTES = 1 << 20
"""Bytes read at a time."""
SMALL_BYTES = 256 << 10
"""Up to this an object lies in a segment."""
SEGMENT_BYTES = 16 << 20
"""A segment that has reached this is closed. It stays while one of its objects does."""
FOLDERS = 16
NO_COPY_FILE_RANGE = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""What the kernel says where a file system lacks copy_file_range."""


class Segment:
    """A file of small objects. Its descriptor stays open for as long as somebody may read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self._lock = threading.Lock()
        self.size = 0
        self._objects = 0

    def append(self, data: bytes) -> int:
        """Append an object; return where it begins. Called by one thread at a time."""
        start = self.size
        write_all(self._file, data, offset=start)
        self.size += len(data)
        self.retain()
        return start

    def read(self, *, offset: int, size: int) -> bytes:
        """Return bytes."""
        return os.pread(self._file, size, offset)

    def open(self) -> int:
        """Return a descriptor of the caller's own."""
        return os.dup(self._file)

    def retain(self) -> None:
        """Count one more object."""
        with self._lock:
            self._objects += 1

    def release(self) -> None:
        """Count one object less; with the last one the file goes."""
        with self._lock:
            self._objects -= 1
            if self._objects == 0:
                Path(self.path).unlink(missing_ok=True)
                self.size = SEGMENT_BYTES  # nothing may follow

    def __del__(self) -> None:
        os.close(self._file)


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """The bytes of one object: a file of its own, or a place in a segment."""

    path: str
    offset: int = 0
    size: int
    md5: str | None
    """In hexadecimal digits; None where it was never made, as for joined parts."""
    segment: Segment | None = None

    def open(self) -> int:
        """Return a descriptor that reads the bytes (from `offset`), also after the object is gone."""
        return self.segment.open() if self.segment else os.open(self.path, os.O_RDONLY)

    def read(self) -> bytes:
        """Return all bytes."""
        return b"".join(self.blocks())

    def blocks(self) -> Iterator[bytes]:
        """Give the bytes, COPY_BYTES at a time."""
        file = self.open()
        try:
            for start in range(0, self.size, COPY_BYTES):
                yield os.pread(file, min(COPY_BYTES, self.size - start), self.offset + start)
        finally:
            os.close(file)

    def remove(self) -> None:
        """Give the place on the disk back; called once, by the owner."""
        if self.segment:
            self.segment.release()
        else:
            Path(self.path).unlink(missing_ok=True)


def write_all(file: int, data: bytes | memoryview, *, offset: int) -> None:
    """Write bytes at a place of an open file; raises OSError where the disk is full."""
    view = memoryview(data)
    while view:
        done = os.pwrite(file, view, offset)
        view, offset = view[done:], offset + done


class Incoming:
    """A large object that is being written."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        write_all(self._file, data, offset=self._size)
        self._size += len(data)

    def append(self, source: int, *, offset: int, size: int) -> None:
        """Append bytes of an open file; the kernel copies them, or lets both files share them."""
        os.lseek(self._file, self._size, os.SEEK_SET)
        self._size += size
        while size:
            done = _copy_range(source, self._file, offset=offset, size=size)
            if done == 0:
                raise OSError(f"{self.path}: the source ended {size} bytes early")
            offset, size = offset + done, size - done

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _copy_range(source: int, target: int, *, offset: int, size: int) -> int:
    """Copy inside the kernel; return how many bytes."""
    try:
        return os.copy_file_range(source, target, size, offset_src=offset)
    except OSError as error:
        if error.errno not in NO_COPY_FILE_RANGE:
            raise
    return os.sendfile(target, source, offset, size)


class Files:
    """The bytes of all objects, below one folder. Thread-safe: each name is used once."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self._root = tempfile.mkdtemp(prefix="objects-", dir=parent)
        self._incoming = f"{self._root}/incoming"
        self._folders = [f"{self._root}/{number:x}" for number in range(FOLDERS)]
        for folder in (self._incoming, *self._folders):
            Path(folder).mkdir()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._segment: Segment | None = None

    def write(self, data: bytes, *, md5: str | None = None) -> Body:
        """Keep bytes that are in memory."""
        md5 = md5 or hashlib.md5(data, usedforsecurity=False).hexdigest()
        if len(data) <= SMALL_BYTES:
            with self._lock:
                segment = self._open_segment()
                offset = segment.append(data)
            return Body(path=segment.path, offset=offset, size=len(data), md5=md5, segment=segment)
        incoming = self.create()
        try:
            incoming.write(data)
            return self.keep(incoming, size=len(data), md5=md5)
        finally:
            self.drop(incoming)

    def _open_segment(self) -> Segment:
        if self._segment is None or self._segment.size >= SEGMENT_BYTES:
            self._segment = Segment(self._new_path())
        return self._segment

    def create(self) -> Incoming:
        """Begin a large object."""
        return Incoming(f"{self._incoming}/{next(self._numbers):x}")

    def keep(self, incoming: Incoming, *, size: int, md5: str | None) -> Body:
        """End a large object, and give its file a name."""
        incoming.close()
        path = self._new_path()
        Path(incoming.path).rename(path)
        incoming.path = ""
        return Body(path=path, size=size, md5=md5)

    def drop(self, incoming: Incoming) -> None:
        """Forget a large object that was begun; one that was kept stays."""
        incoming.close()
        if incoming.path:
            Path(incoming.path).unlink(missing_ok=True)

    def copy(self, body: Body) -> Body:
        """Give the bytes one more owner: a hard link, or a place that counts twice."""
        if body.segment:
            body.segment.retain()
            return Body(
                path=body.path, offset=body.offset, size=body.size, md5=body.md5, segment=body.segment
            )
        path = self._new_path()
        os.link(body.path, path)
        return Body(path=path, size=body.size, md5=body.md5)

    def join(self, parts: Sequence[Body]) -> Body:
        """Return the parts one after the other; a single part is only given one more owner."""
        if len(parts) == 1:
            return self.copy(parts[0])
        incoming = self.create()
        try:
            for part in parts:
                source = part.open()
                try:
                    incoming.append(source, offset=part.offset, size=part.size)
                finally:
                    os.close(source)
            return self.keep(incoming, size=sum(part.size for part in parts), md5=None)
        finally:
            self.drop(incoming)

    def _new_path(self) -> str:
        number = next(self._numbers)
        return f"{self._folders[number % FOLDERS]}/{number:x}"

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._root, ignore_errors=True)


_current: Files | None = None


def activate(files: Files | None) -> None:
    """Make `files` the ones that moto's objects are kept in (None ends it)."""
    global _current
    _current = files


def current_files() -> Files:
    """Return the active files."""
    if _current is None:
        raise RuntimeError("localaws keeps no objects: activate() Files first")
    return _current
