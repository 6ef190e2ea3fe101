"""List the images in a zip without unpacking it: nothing is ever written where a member's name says."""

import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import zip_longest
from operator import attrgetter
from pathlib import Path

from musher.datasets.file_names import clean_path, first_few, hidden_part, is_photo
from musher.datasets.foreign_files import PAGES
from musher.datasets.images import MAX_IMAGE_BYTES
from musher.datasets.layout import Listing, Photo
from musher.datasets.zip_directory import count_entries, find_directory
from musher.errors import DatasetSourceError, UnreadableImageError

MAX_RATIO = 100
"""Unpacked to packed size of a member above MIN_BOMB_BYTES; JPEG and PNG files pack to about 1."""
MIN_BOMB_BYTES = 1024 * 1024
MAX_UNPACKED_BYTES = 256 * 1024**3
MAX_MEMBERS = 1_000_000
"""docs/datasets.md says what memory each takes."""
MAX_DIRECTORY_BYTES = 256 * 1024**2
"""Of all names, extra fields and comments, which zipfile holds at once: one member's may have 192 KiB."""
HEADER_BYTES = 30
"""Of a member, without its name and extra field."""
ENCRYPTED = 0x1
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""zipfile unpacks bzip2 and LZMA without a bound: a member of 2 kB fills gigabytes at once."""

DRIVE = re.compile(r"[A-Za-z]:")

UNREADABLE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, EOFError, LookupError, OverflowError),
    *(struct.error, zlib.error, NotImplementedError, RuntimeError),
)
"""What zipfile raises for archives that are damaged or newer than it."""

HEAD_BYTES = 1024
OTHERS = (
    (0, b"\x1f\x8b", "a gzip archive (.tar.gz or .gz)"),
    (257, b"ustar", "a tar archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (0, b"\xff\xd8\xff", "a single JPEG"),
    (0, b"\x89PNG", "a single PNG"),
)
"""Where a format's mark stands, the mark, and the format's name."""


@contextmanager
def open_zip(path: Path, *, address: str) -> Iterator[Listing]:
    """Give the listing of a zip while it is open; `address` is its name in errors.

    Raises DatasetSourceError for a file that is no zip, and for one with links, encrypted or repeated
    members, names that lead out of it, or far more data than its size warrants.
    """
    if path.is_file():
        _refuse_directory(path, address=address)
    try:
        archive = zipfile.ZipFile(path)
    except UNREADABLE as error:
        known = _why_no_zip(path) if path.is_file() else None
        reason = known or f"is not a zip that can be read ({error}). Pack it again."
        raise DatasetSourceError(f"{address} ({_size(path)} bytes) {reason}") from error
    with archive:
        yield _list_members(archive, address=address)


def _refuse_directory(path: Path, *, address: str) -> None:
    """Refuse a zip whose directory would fill the memory, before zipfile reads it."""
    directory = find_directory(path)
    if directory is None:
        return
    if directory.size > MAX_DIRECTORY_BYTES:
        raise DatasetSourceError(
            f"{address} has a directory of {directory.size} bytes, and {MAX_DIRECTORY_BYTES} are accepted. "
            "Pack it again with shorter names and without comments, or give the folder."
        )
    if count_entries(path, directory, limit=MAX_MEMBERS) > MAX_MEMBERS:
        raise DatasetSourceError(
            f"{address} has more than {MAX_MEMBERS} members. Split it, or give the folder."
        )


def _list_members(archive: zipfile.ZipFile, *, address: str) -> Listing:
    infos = {info: info.filename.replace("\\", "/") for info in archive.infolist()}  # Windows writes these
    folders = {name for name in infos.values() if name.endswith("/")}
    hidden = {name for name in infos.values() if hidden_part(clean_path(name)) and not _leads_out(name)}
    members = [info for info, name in infos.items() if name not in folders and name not in hidden]
    _refuse_members(members, address=address)
    _refuse_overlaps(archive, address=address)
    _refuse_bombs([info for info in members if is_photo(clean_path(infos[info]))], address=address)
    return Listing(
        photos=tuple(
            Photo(path=infos[info], size=info.file_size, read=partial(_read, archive, info))
            for info in members
        ),
        folders=frozenset(folders - hidden),
        hidden=frozenset(hidden),
    )


def _why_no_zip(path: Path) -> str | None:
    """Say what a file is that does not open as a zip, and what to do; None where nothing is known."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return "is empty. Copy or download it again."
    if head.startswith(b"PK") and not zipfile.is_zipfile(path):
        return "is a zip whose end is missing: it was cut off. Copy or download it again."
    if head[:512].lstrip().lower().startswith(PAGES):
        return "is a web page, not a zip: open the address in a browser, it may ask to sign in."
    if kind := next((kind for place, start, kind in OTHERS if head[place:].startswith(start)), None):
        return f"is {kind}, and only zips are read. Unpack it and give the folder, or pack it as a zip."
    return None


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
    if info.compress_type not in METHODS:
        return f"is packed by method {info.compress_type}, and only stored and deflated files are read"
    return "leads out of the archive" if _leads_out(info.filename.replace("\\", "/")) else None


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/") or DRIVE.match(name) is not None


def _refuse_overlaps(archive: zipfile.ZipFile, *, address: str) -> None:
    """Refuse members that share bytes: the quine-like bombs have one compressed stream in many of them.

    zipfile itself refuses them from Python 3.11.8 on only. A member is at least as long as said here: its
    header's own extra field is not read.
    """
    members = sorted(archive.infolist(), key=attrgetter("header_offset"))
    for info, following in zip_longest(members, members[1:]):
        end = info.header_offset + HEADER_BYTES + len(info.orig_filename) + info.compress_size
        if end > (following.header_offset if following else archive.start_dir):
            name = following.filename[:200] if following else "the directory"
            problem = first_few([f"{name} starts within {info.filename[:200]}"])
            raise DatasetSourceError(f"{address} looks like a zip bomb: {problem}. Pack it again.")


def _refuse_bombs(members: list[zipfile.ZipInfo], *, address: str) -> None:
    """Refuse what unpacks to far more than it should."""
    unpacked = sum(info.file_size for info in members)
    if unpacked > MAX_UNPACKED_BYTES:
        raise DatasetSourceError(
            f"{address} looks like a zip bomb: {len(members)} members of {unpacked} bytes "
            f"(limit: {MAX_UNPACKED_BYTES} bytes). Split it, or give the folder."
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


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as member:
            return member.read(MAX_IMAGE_BYTES + 1)
    except UNREADABLE as error:
        raise UnreadableImageError(f"damaged in the zip: {error}") from error
