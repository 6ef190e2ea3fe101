"""The files that hold objects: written under a temporary name, renamed when whole, never written to again."""

import errno
import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

COPY_BYTES = 1 << 20
"""Bytes read at a time."""
FOLDERS = 16
NO_COPY_FILE_RANGE = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""What the kernel says where a file system lacks copy_file_range."""


@dataclass(frozen=True, kw_only=True)
class Body:
    """The bytes of an object, in a file whose name belongs to that object alone."""

    path: Path
    size: int
    md5: str | None
    """In hexadecimal digits; None where it was never made, as for joined parts."""

    def read(self) -> bytes:
        """Return all bytes."""
        return self.path.read_bytes()

    def blocks(self) -> Iterator[bytes]:
        """Give the bytes, COPY_BYTES at a time."""
        with self.path.open("rb", buffering=0) as file:
            while block := file.read(COPY_BYTES):
                yield block


class Incoming:
    """A file that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("xb", buffering=0)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes; raises OSError where the disk is full."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def append(self, source: int, *, offset: int, size: int) -> None:
        """Append bytes of an open file; the kernel copies them, or lets both files share them."""
        while size:
            done = _copy_range(source, self._file.fileno(), offset=offset, size=size)
            if done == 0:
                raise OSError(f"{self.path}: the source ended {size} bytes early")
            offset, size = offset + done, size - done

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _copy_range(source: int, target: int, *, offset: int, size: int) -> int:
    """Copy inside the kernel; return how many bytes."""
    try:
        return os.copy_file_range(source, target, size, offset_src=offset)
    except OSError as error:
        if error.errno not in NO_COPY_FILE_RANGE:
            raise
    return os.sendfile(target, source, offset, size)


class Files:
    """The files of all objects, below one folder. Thread-safe: each name is used once."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self._root = Path(tempfile.mkdtemp(prefix="objects-", dir=parent))
        self._incoming = self._root / "incoming"
        self._folders = [self._root / f"{number:x}" for number in range(FOLDERS)]
        for folder in (self._incoming, *self._folders):
            folder.mkdir()
        self._numbers = itertools.count()

    def create(self) -> Incoming:
        """Begin a file."""
        return Incoming(self._incoming / f"{next(self._numbers):x}")

    def keep(self, incoming: Incoming, *, size: int, md5: str | None) -> Body:
        """End a file, and give it its name."""
        incoming.close()
        path = self._new_path()
        incoming.path.rename(path)
        return Body(path=path, size=size, md5=md5)

    def drop(self, incoming: Incoming) -> None:
        """Forget a file that was begun; one that was kept stays."""
        incoming.close()
        incoming.path.unlink(missing_ok=True)

    def write(self, data: bytes) -> Body:
        """Keep bytes that are in memory."""
        incoming = self.create()
        try:
            incoming.write(data)
            md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
            return self.keep(incoming, size=len(data), md5=md5)
        finally:
            self.drop(incoming)

    def copy(self, body: Body) -> Body:
        """Give the bytes one more name, which lives as long as its own object."""
        path = self._new_path()
        os.link(body.path, path)
        return Body(path=path, size=body.size, md5=body.md5)

    def join(self, parts: Sequence[Body]) -> Body:
        """Return the parts one after the other; a single part is only given one more name."""
        if len(parts) == 1:
            return self.copy(parts[0])
        incoming = self.create()
        try:
            for part in parts:
                with part.path.open("rb", buffering=0) as source:
                    incoming.append(source.fileno(), offset=0, size=part.size)
            return self.keep(incoming, size=sum(part.size for part in parts), md5=None)
        finally:
            self.drop(incoming)

    def _new_path(self) -> Path:
        number = next(self._numbers)
        return self._folders[number % FOLDERS] / f"{number:x}"

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
