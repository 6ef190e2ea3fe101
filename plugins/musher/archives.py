"""Read archives that others built, safely: nothing is written to disk, and what they claim is bounded."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Container, Iterator
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from musher.errors import ArchiveError

MAX_MEMBER_BYTES = 16 * 1024 * 1024
MAX_UNPACKED_BYTES = 4 * 1024**3
"""How much of an archive is unpacked at most on the way to a member."""
MAX_HEADER_BYTES = 1024 * 1024
"""Of all headers that describe one member."""
MAX_MEMBERS = 100_000
MAX_SHOWN = 200
"""Characters of a name or reason in a message."""
UNREADABLE = (
    *(tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile),
    *(ArithmeticError, ValueError, LookupError, RecursionError),
)
"""What tarfile and gzip raise for archives that are damaged, or made to do damage."""


def read_member_from_tar_gz(
    *, archive: bytes | IO[bytes], name: str, max_bytes: int = MAX_MEMBER_BYTES
) -> bytes:
    """Return one regular file out of a .tar.gz, such as evaluation.json out of a job's output.tar.gz.

    Nothing is written to disk. Raises ArchiveError where the archive is damaged, has no such file, holds
    it as a link, has names that lead out of it on the way there, or takes more than the bounds to read.
    """
    stream = io.BytesIO(archive) if isinstance(archive, bytes) else archive
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
            return _find_member(_HeaderBudget(cast(BinaryIO, unpacked)), name=name, max_bytes=max_bytes)
    except UNREADABLE as error:
        raise ArchiveError(
            f"The archive that should hold {name} is damaged ({_describe(error)}). "
            "Look at the log of the job that wrote it, and run it again."
        ) from error


def read_files_from_tar(*, archive: bytes, names: Container[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the regular files with these names out of a plain tar, and their bytes.

    Raises ArchiveError where the archive is damaged, or holds one of them as anything else.
    """
    stream = _HeaderBudget(io.BytesIO(archive))
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            while member := _next_member(tar, stream):
                if member.name in names:
                    stream.left = len(archive)
                    yield member.name, _read_member(tar, member, max_bytes=len(archive))
    except UNREADABLE as error:
        raise ArchiveError(f"The archive is damaged ({_describe(error)}).") from error


class _HeaderBudget(io.RawIOBase):
    """What tarfile reads an archive through: it gives headers only so much at a time.

    Members are skipped by seeking, so that whatever is read between two members are headers, and these may
    claim any size.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.left = MAX_HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; raise ArchiveError for more than are left."""
        if not 0 <= size <= self.left:
            raise ArchiveError(
                f"The archive has headers of more than {MAX_HEADER_BYTES} bytes. Do not use this archive."
            )
        self.left -= size
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; raise ArchiveError for one that is too far away to unpack that much."""
        if offset > MAX_UNPACKED_BYTES:
            raise ArchiveError(
                f"The archive unpacks to more than {MAX_UNPACKED_BYTES} bytes, the limit. Write less into it."
            )
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()


def _find_member(stream: _HeaderBudget, *, name: str, max_bytes: int) -> bytes:
    seen: list[str] = []
    with tarfile.open(fileobj=stream, mode="r:") as tar:
        while member := _next_member(tar, stream):
            plain = str(PurePosixPath(member.name))
            if plain == name:
                stream.left = max_bytes + MAX_HEADER_BYTES
                return _read_member(tar, member, max_bytes=max_bytes)
            seen.append(plain)
            if len(seen) > MAX_MEMBERS:
                raise ArchiveError(f"The archive has more than {MAX_MEMBERS} members. Write fewer files.")
    raise ArchiveError(
        f"The archive has no {name}; it holds {', '.join(seen[:10])[:MAX_SHOWN] or 'nothing'}. "
        "Check that the job wrote it to its output folder."
    )


def _next_member(tar: tarfile.TarFile, stream: _HeaderBudget) -> tarfile.TarInfo | None:
    """Return the next member, or None at the end; refuse names that lead out and sizes below nothing."""
    stream.left = MAX_HEADER_BYTES
    member = tar.next()
    tar.members.clear()  # type: ignore[attr-defined]  # else each one stays in memory
    tar.pax_headers.clear()  # type: ignore[attr-defined]  # and each global header, of which every member gets a copy
    if member is None:
        return None
    if member.name.startswith("/") or ".." in PurePosixPath(member.name).parts:
        raise ArchiveError(
            f"The archive has a member {member.name[:MAX_SHOWN]!r}, which leads out of it. "
            "Do not use this archive."
        )
    if member.size < 0:
        raise ArchiveError(f"{member.name[:MAX_SHOWN]} has {member.size} bytes. Do not use this archive.")
    return member


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo, *, max_bytes: int) -> bytes:
    if member.size > max_bytes:
        raise ArchiveError(
            f"{member.name} has {member.size} bytes, and {max_bytes} is the limit. Write less."
        )
    file = tar.extractfile(member) if member.isreg() and not member.issparse() else None
    if file is None:
        raise ArchiveError(f"{member.name} is not a regular file in the archive. Write it as one.")
    data = file.read()
    if len(data) != member.size:
        raise EOFError(f"{member.name} has {len(data)} of {member.size} bytes")
    return data


def _describe(error: Exception) -> str:
    """Return the reason; tarfile calls itself for each header that describes the next one."""
    if isinstance(error, RecursionError):
        return "its headers describe each other without end"
    return str(error)[:MAX_SHOWN]
