"""Unpack submitted code: plain files and folders, in bounded time and memory, inside of one folder.

tarfile's own "data" filter can be bypassed (CVE-2025-4517), and it believes whatever sizes and times an
archive claims: so what it reads is bounded here, and what is written is written here.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from imgclf.errors import ConfigError

MAX_UNPACKED_BYTES = 2 * 2**30
MAX_HEADER_BYTES = 2**20
"""Of one extended header or long name, and of one read of a file's data."""
MAX_MEMBERS = 100_000
MAX_DEPTH = 64
"""Folders inside of each other."""

_PLAIN_TYPES = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE})


class _Bounded:
    """A stream that goes no further than MAX_UNPACKED_BYTES, in pieces of MAX_HEADER_BYTES at most."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream

    def tell(self) -> int:
        """Return the place."""
        return self._stream.tell()

    def seek(self, place: int) -> int:
        """Go to a place; a claimed size of 10**15 bytes ends here."""
        if not 0 <= place <= MAX_UNPACKED_BYTES:
            raise ConfigError(f"it claims to unpack to more than {MAX_UNPACKED_BYTES} bytes")
        return self._stream.seek(place)

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        if not 0 <= size <= MAX_HEADER_BYTES or self.tell() + size > MAX_UNPACKED_BYTES:
            raise ConfigError(f"it claims a header of {size} bytes, or to unpack to more than the limit")
        return self._stream.read(size)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a .tar.gz of regular files and folders below `target`.

    Raises ConfigError for an archive that is damaged, that is larger than the limits, or that holds anything
    else: links, devices, sparse files, names that lead outside.
    """
    try:
        with gzip.open(archive) as stream:
            _unpack(_Bounded(stream), target)
    except ConfigError as error:
        raise ConfigError(f"{archive} is refused: {error}; submit the code alone") from error
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise ConfigError(f"{archive} is no readable .tar.gz ({error}): submit the code again") from error


def _unpack(stream: _Bounded, target: Path) -> None:
    # typeshed asks for more of a file object than reading takes.
    with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[call-overload]
        for count, member in enumerate(tar):
            if count >= MAX_MEMBERS:
                raise ConfigError(f"it holds more than {MAX_MEMBERS} files and folders")
            _write(tar, member, target)
            tar.members.clear()  # else each one stays in memory
            tar.pax_headers.clear()  # and each global header, of which every member gets a copy
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
