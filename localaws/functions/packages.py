"""Deployment packages: checked, unpacked once for each content, never written to again."""

import hashlib
import io
import os
import shutil
import stat
import tempfile
import threading
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from localaws.errors import ArchiveError

UNZIPPED_LIMIT = 262_144_000
"""Bytes a function may have unpacked (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
COPY_BYTES = 1 << 20
UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."


def check(code: bytes) -> None:
    """Raise ArchiveError where `code` is no zip, is too large, or holds what must not be unpacked."""
    with _open(code) as archive:
        if sum(info.file_size for info in archive.infolist()) >= UNZIPPED_LIMIT:
            raise ArchiveError(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
        for info in archive.infolist():
            _destination(info, Path("/"))


def _open(code: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(code))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ArchiveError(UNREADABLE) from error


def _destination(info: zipfile.ZipInfo, root: Path) -> Path:
    """Return where a member goes; regular files and folders below `root` only."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(f"{UNREADABLE} {info.filename!r} is neither a regular file nor a folder")
    pure = PurePosixPath(info.filename)
    if pure.is_absolute() or ".." in pure.parts or "\0" in info.filename:
        raise ArchiveError(f"{UNREADABLE} {info.filename!r} points outside the archive")
    return root.joinpath(*pure.parts)


class Packages:
    """Unpacked code below one folder, each in a folder named after its SHA-256. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def unpack(self, code: bytes) -> Path:
        """Return the folder with the files of the zip `code`. Raises ArchiveError."""
        target = self._root / hashlib.sha256(code).hexdigest()
        with self._lock:
            if not target.is_dir():
                self._root.mkdir(parents=True, exist_ok=True)
                partial = Path(tempfile.mkdtemp(prefix="partial-", dir=self._root))
                try:
                    _unpack(code, partial)
                except BaseException:
                    remove_tree(partial)
                    raise
                partial.rename(target)
                _protect(target)
        return target

    def close(self) -> None:
        """Remove everything that was unpacked."""
        remove_tree(self._root)


def _unpack(code: bytes, root: Path) -> None:
    room = UNZIPPED_LIMIT
    try:
        with _open(code) as archive:
            for info in archive.infolist():
                room -= _unpack_member(archive, info, root=root, room=room)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError) as error:
        raise ArchiveError(f"{UNREADABLE} {error}") from error


def _unpack_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, root: Path, room: int) -> int:
    destination = _destination(info, root)
    if info.is_dir():
        destination.mkdir(parents=True, exist_ok=True)
        return 0
    destination.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(info) as source, destination.open("wb") as file:
        while block := source.read(COPY_BYTES):
            written += len(block)
            if written > room:
                raise ArchiveError(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
            file.write(block)
    if (info.external_attr >> 16) & stat.S_IXUSR:
        destination.chmod(0o755)
    return written


def _protect(root: Path) -> None:
    """Take the write permission away, as /var/task has none on AWS (root ignores that)."""
    for folder, _, names in os.walk(root, topdown=False):
        for name in names:
            path = Path(folder, name)
            path.chmod(path.stat().st_mode & 0o555 | 0o444)
        Path(folder).chmod(0o555)


def remove_tree(root: Path) -> None:
    """Remove a folder, its write-protected folders too; one that is not there is fine."""
    for folder, names, _ in os.walk(root):
        Path(folder).chmod(0o755)
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755)
    shutil.rmtree(root, ignore_errors=True)
