"""List the images in a zip without unpacking it: nothing is ever written where a member's name says."""

import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from musher.datasets.images import MAX_IMAGE_BYTES
from musher.datasets.layout import Listing, Photo, first_few, is_ignored
from musher.errors import DatasetSourceError, UnreadableImageError

MAX_RATIO = 100
"""Unpacked to packed size of a member above MIN_BOMB_BYTES; JPEG and PNG files pack to about 1."""
MIN_BOMB_BYTES = 1024 * 1024
MAX_UNPACKED_BYTES = 256 * 1024**3
MAX_MEMBERS = 2_000_000
ENCRYPTED = 0x1


@contextmanager
def open_zip(path: Path, *, address: str) -> Iterator[Listing]:
    """Give the listing of a zip while it is open; `address` is its name in errors.

    Raises DatasetSourceError for a file that is no zip, and for one with links, encrypted or repeated
    members, names that lead out of it, or far more data than its size warrants.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError) as error:
        raise DatasetSourceError(
            f"{address} is not a zip file that can be read ({error}; {_size(path)} bytes). "
            "Check the address in a browser, or download it again."
        ) from error
    with archive:
        infos = archive.infolist()
        members = [info for info in infos if not info.is_dir() and not is_ignored(info.filename)]
        _refuse_members(members, address=address)
        _refuse_bombs(members, address=address, packed=_size(path))
        yield Listing(
            photos=tuple(
                Photo(path=info.filename, size=info.file_size, read=_reader(archive, info))
                for info in members
            ),
            folders=frozenset(info.filename for info in infos if info.is_dir()),
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _refuse_members(members: list[zipfile.ZipInfo], *, address: str) -> None:
    times = Counter(info.filename for info in members)
    problems = [
        f"{info.filename[:200]!r} {reason}"
        for info in members
        if (reason := _unsafe(info) or (times[info.filename] > 1 and "occurs more than once"))
    ]
    if problems:
        raise DatasetSourceError(
            f"{address} has {len(problems)} member(s) that are not accepted: {first_few(problems)}. "
            "Pack it again from a plain folder."
        )


def _unsafe(info: zipfile.ZipInfo) -> str | None:
    """Say what is wrong with a member, or None."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link or a special file"
    if info.flag_bits & ENCRYPTED:
        return "is encrypted"
    parts = info.filename.split("/")
    if info.filename.startswith("/") or ".." in parts or "\\" in info.filename or ":" in parts[0]:
        return "leads out of the archive"
    return None


def _refuse_bombs(members: list[zipfile.ZipInfo], *, address: str, packed: int) -> None:
    """Refuse what unpacks to far more than it should, or claims the same packed bytes twice."""
    unpacked = sum(info.file_size for info in members)
    claimed = sum(info.compress_size for info in members)
    if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED_BYTES or claimed > packed:
        raise DatasetSourceError(
            f"{address} looks like a zip bomb: {len(members)} members of {unpacked} bytes in a file of "
            f"{packed} bytes (limits: {MAX_MEMBERS} members, {MAX_UNPACKED_BYTES} bytes). Pack it again."
        )
    bombs = [
        f"{info.filename} ({info.compress_size} bytes unpack to {info.file_size})"
        for info in members
        if info.file_size > MIN_BOMB_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1)
    ]
    if bombs:
        raise DatasetSourceError(
            f"{address} looks like a zip bomb: {first_few(bombs)}. Remove these members and pack it again."
        )


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with archive.open(info) as member:
                return member.read(MAX_IMAGE_BYTES + 1)
        # NotImplementedError is what zipfile raises for a compression that it does not know.
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise UnreadableImageError(f"damaged in the zip: {error}") from error

    return read
