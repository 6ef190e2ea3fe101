"""Pack and unpack .tar.gz archives, letting nothing dangerous through.

Unpacking writes regular files and directories inside the target and refuses everything else by name. The
`data` filter of Python 3.11.7 can be bypassed (CVE-2025-4517), so `TarFile.extract` is not used.
"""

import gzip
import io
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from localaws.errors import ArchiveError

MAX_MEMBERS = 1_000_000
"""Members an archive may have; a bound on the work that a small file can cause."""
MAX_DEPTH = 200
"""Folders in each other; making them calls itself for each."""
MAX_HEADER_BYTES = 1 << 20
"""Of all headers that describe one member."""
MAX_OVERHEAD_BYTES = 1 << 30
"""What headers and padding may add to the members."""
COPY_BYTES = 1 << 20
"""Bytes copied at a time."""
GZIP = b"\x1f\x8b"


def unpack_tar_gz(path: Path, target: Path, *, max_bytes: int) -> int:
    """Unpack the archive `path` below the folder `target` (made if missing); return the bytes written.

    Regular files and directories only, inside `target`, at most `max_bytes` in all. Raises ArchiveError
    naming the member that is not allowed, or saying that the archive is corrupt. A plain tar is taken too.
    """
    target.mkdir(parents=True, exist_ok=True)
    try:
        with _open_unpacked(path) as file:
            return _unpack(_HeaderBudget(file, farthest=max_bytes + MAX_OVERHEAD_BYTES), target, max_bytes)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, ArithmeticError) as error:
        raise ArchiveError(f"{path.name} is not a readable tar.gz archive: {error}") from error
    except RecursionError as error:  # tarfile calls itself for each header that describes the next one
        raise ArchiveError(
            f"{path.name} is not a readable tar.gz archive: its headers describe each other without end"
        ) from error


class _HeaderBudget(io.RawIOBase):
    """What tarfile reads an archive through: it gives headers only so much at a time.

    Members are skipped by seeking, so that whatever is read between two members are headers, and these may
    claim any size.
    """

    def __init__(self, file: BinaryIO, *, farthest: int) -> None:
        self._file = file
        self._farthest = farthest
        self.left = MAX_HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; raise ArchiveError for more than are left."""
        if not 0 <= size <= self.left:
            raise ArchiveError(f"the archive has headers of more than {MAX_HEADER_BYTES} bytes")
        self.left -= size
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; raise ArchiveError for one beyond what may be unpacked."""
        if offset > self._farthest:
            raise ArchiveError(f"the archive unpacks to more than {self._farthest} bytes, which are allowed")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()


def _open_unpacked(path: Path) -> BinaryIO:
    """Open a tar, packed by gzip or not."""
    with path.open("rb") as file:
        is_gzip = file.read(len(GZIP)) == GZIP
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip else path.open("rb")


def _unpack(stream: _HeaderBudget, target: Path, max_bytes: int) -> int:
    written = count = 0
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        while member := archive.next():
            archive.members.clear()  # type: ignore[attr-defined]  # else each one stays in memory
            archive.pax_headers.clear()  # type: ignore[attr-defined]  # and each global header, of which every member gets a copy
            count += 1
            if count > MAX_MEMBERS:
                raise ArchiveError(f"the archive has more than {MAX_MEMBERS} members")
            stream.left = max(member.size, 0) + MAX_HEADER_BYTES
            written += _unpack_member(archive, member, target=target, room=max_bytes - written)
            stream.left = MAX_HEADER_BYTES
    return written


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, *, target: Path, room: int) -> int:
    destination = _destination(member, target=target)
    try:
        if member.isdir():
            destination.mkdir(parents=True, exist_ok=True)
            return 0
        if not 0 <= member.size <= room:
            raise ArchiveError(
                f"member {member.name!r} makes the archive larger than is allowed when unpacked "
                f"({member.size} bytes)"
            )
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.unlink(missing_ok=True)
        source = archive.extractfile(member)
        assert source is not None
        with source, destination.open("xb") as file:
            shutil.copyfileobj(source, file, COPY_BYTES)
        if member.mode & stat.S_IXUSR:
            destination.chmod(0o755)
    except OSError as error:
        raise ArchiveError(f"member {member.name!r} cannot be written: {error.strerror or error}") from error
    return member.size


def _destination(member: tarfile.TarInfo, *, target: Path) -> Path:
    """Return where a member goes; raise ArchiveError for what is no plain file or folder below the target.

    Nothing but folders and regular files is ever made below the target, so no component can be a link.
    """
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise ArchiveError(f"member {member.name!r} is neither a regular file nor a directory")
    pure = PurePosixPath(member.name)
    if pure.is_absolute() or ".." in pure.parts or "\0" in member.name:
        raise ArchiveError(f"member {member.name!r} points outside the archive")
    if len(pure.parts) > MAX_DEPTH:
        raise ArchiveError(f"member {member.name[:80]!r}... lies {len(pure.parts)} folders deep")
    if not pure.parts and not member.isdir():
        raise ArchiveError(f"member {member.name!r} has no name")
    return target.joinpath(*pure.parts)


def pack_tar_gz(path: Path, folders: Iterable[Path]) -> int:
    """Write the contents of `folders`, merged, to the archive `path`; return the number of files.

    Where two folders hold the same name, the first one's file is kept. Links are followed only inside their
    own folder; other kinds of files (sockets, pipes) are left out.
    """
    files = merge_files(folders)
    with tarfile.open(path, mode="w:gz", compresslevel=1) as archive:
        for name, file in files.items():
            _add_file(archive, file, name=name)
    return len(files)


def merge_files(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the files of `folders` by their names below them; a name's first file is kept.

    Links are followed only inside their own folder; other kinds of files are left out.
    """
    files: dict[str, Path] = {}
    for folder in folders:
        for file in _regular_files(folder):
            files.setdefault(file.relative_to(folder).as_posix(), file)
    return files


def _regular_files(folder: Path) -> Iterable[Path]:
    root = folder.resolve()
    for directory, _, names in os.walk(folder):
        for name in sorted(names):
            file = Path(directory, name)
            if file.is_file() and file.resolve().is_relative_to(root):
                yield file


def _add_file(archive: tarfile.TarFile, file: Path, *, name: str) -> None:
    info = archive.gettarinfo(file.resolve(), arcname=name)
    info.type, info.linkname = tarfile.REGTYPE, ""
    info.size = file.stat().st_size
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    with file.open("rb") as source:
        archive.addfile(info, source)
