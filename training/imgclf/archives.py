"""Read tars that others made: plain files and folders, in bounded time and memory, inside of one folder.

tarfile's own "data" filter can be bypassed (CVE-2025-4517), and it believes whatever sizes and times an
archive claims: so what it reads is bounded here, and what is written is written here.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from imgclf.errors import ConfigError

MAX_UNPACKED_BYTES = 2 * 2**30
MAX_HEADER_BYTES = 2**20
"""Of one extended header or long name, and of one read of a file's data."""
MAX_MEMBERS = 100_000
MAX_DEPTH = 64
"""Folders inside of each other."""

FILE_TYPES = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE})
_PLAIN_TYPES = FILE_TYPES | {tarfile.DIRTYPE}
UNREADABLE = (
    *(tarfile.TarError, OSError, EOFError, zlib.error),
    *(ValueError, ArithmeticError, LookupError, RecursionError),
)
"""What tarfile and gzip raise for archives that are damaged, or made to do damage."""


class Bounded:
    """A stream that goes no further than a limit, in pieces of MAX_HEADER_BYTES at most."""

    def __init__(self, stream: BinaryIO, *, max_bytes: int) -> None:
        """Read from `stream`, its first `max_bytes` bytes at most."""
        self._stream = stream
        self._max_bytes = max_bytes

    def tell(self) -> int:
        """Return the place."""
        return self._stream.tell()

    def seek(self, place: int) -> int:
        """Go to a place; a claimed size of 10**15 bytes ends here."""
        if not 0 <= place <= self._max_bytes:
            raise ConfigError(f"it claims to unpack to more than {self._max_bytes} bytes")
        return self._stream.seek(place)

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        if not 0 <= size <= MAX_HEADER_BYTES or self.tell() + size > self._max_bytes:
            raise ConfigError(f"it claims a header of {size} bytes, or to unpack to more than the limit")
        return self._stream.read(size)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a .tar.gz of regular files and folders below `target`.

    Raises ConfigError for an archive that is damaged, that is larger than the limits, or that holds anything
    else: links, devices, sparse files, names that lead outside.
    """
    try:
        with gzip.open(archive) as stream:
            _unpack(Bounded(cast(BinaryIO, stream), max_bytes=MAX_UNPACKED_BYTES), target)
    except ConfigError as error:
        raise ConfigError(f"{archive} is refused: {error}; submit the code alone") from error
    except UNREADABLE as error:
        raise ConfigError(f"{archive} is no readable .tar.gz ({error}): submit the code again") from error


def read_members(stream: Bounded, *, max_members: int) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield a plain tar's members one by one, in little memory, with the archive to read each from.

    Raises ConfigError for more than the limits, and what UNREADABLE lists.
    """
    # typeshed asks for more of a file object than reading takes.
    with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[call-overload]
        for count, member in enumerate(tar):
            if count >= max_members:
                raise ConfigError(f"it holds more than {max_members} files and folders")
            yield tar, member
            tar.members.clear()  # else each one stays in memory
            tar.pax_headers.clear()  # and each global header, of which every member gets a copy


def _unpack(stream: Bounded, target: Path) -> None:
    for tar, member in read_members(stream, max_members=MAX_MEMBERS):
        _write(tar, member, target)
    while stream.read(MAX_HEADER_BYTES):  # gzip checks its sum at the end
        pass


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Write one member; neither owners nor times are taken over, and of the mode only 'executable'."""
    name = PurePosixPath(member.name)
    if member.type not in _PLAIN_TYPES or member.issparse() or name.is_absolute() or ".." in name.parts:
        raise ConfigError(f"it holds {member.name[:200]!r}, which is no plain file inside of it")
    if len(name.parts) > MAX_DEPTH:
        raise ConfigError(f"it holds folders more than {MAX_DEPTH} deep")
    path = target / name
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # it may be the archive itself, which is still being read
    source = tar.extractfile(member)
    assert source is not None
    with source, path.open("xb") as file:
        shutil.copyfileobj(source, file)
    if path.stat().st_size != member.size:
        raise EOFError(f"{member.name} is cut")
    path.chmod(0o755 if member.mode & 0o100 else 0o644)
