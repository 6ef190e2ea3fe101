"""Measure a zip's directory before zipfile reads it whole and makes an object of each entry.

The layout is that of PKWARE's APPNOTE, sections 4.3.12 to 4.3.16.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

END = struct.Struct("<4s4H2LH")
"""The end record: mark, disk numbers, counts, the directory's size and offset, the comment's length."""
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR = struct.Struct("<4sLQL")
HEADER = struct.Struct("<4s24x3H12x")
"""An entry of the directory: its mark, and the lengths of the name, the extra field and the comment."""
LOOK_BACK_BYTES = 65_536
"""Behind the end record: one more than a comment may have, as zipfile looks for it."""


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Where a zip's directory starts in its file, and its size, in bytes."""

    start: int
    size: int


def find_directory(path: Path) -> Directory | None:
    """Return where zipfile would read the directory, or None for what is no zip."""
    with path.open("rb") as file:
        end = _find_end(file)
        found = None if end is None else _find_directory(file, end)
    return found if found is not None and found.start >= 0 else None


def count_entries(path: Path, directory: Directory, *, limit: int) -> int:
    """Return how many entries a directory has, `limit` + 1 for more.

    The entries themselves are counted, in steps of one: the end record's count wraps in zips of macOS, and
    zipfile does not believe it either.
    """
    with path.open("rb") as file:
        return _walk(file, start=directory.start, size=directory.size, limit=limit)


def _find_end(file: BinaryIO) -> int | None:
    """Return where the end record starts, where zipfile looks for it: without a comment first."""
    length = file.seek(0, os.SEEK_END)
    base = file.seek(max(0, length - END.size - LOOK_BACK_BYTES))
    tail = file.read()
    bare = tail[-END.size :]
    if len(bare) == END.size and bare.startswith(b"PK\x05\x06") and bare.endswith(b"\0\0"):
        return length - END.size
    place = tail.rfind(b"PK\x05\x06")
    return base + place if 0 <= place <= len(tail) - END.size else None


def _find_directory(file: BinaryIO, end: int) -> Directory:
    """Return the directory, which stands right before the end records."""
    file.seek(end)
    size = END.unpack(file.read(END.size))[5]
    place = end - LOCATOR.size - END64.size
    if place >= 0:
        file.seek(place)
        record = END64.unpack(file.read(END64.size))
        located = LOCATOR.unpack(file.read(LOCATOR.size))[0] == b"PK\x06\x07"
        if located and record[0] == b"PK\x06\x06":
            end, size = place, record[8]
    return Directory(start=end - size, size=size)


def _walk(file: BinaryIO, *, start: int, size: int, limit: int) -> int:
    count, place = 0, start
    while place + HEADER.size <= start + size and count <= limit:
        file.seek(place)
        mark, *lengths = HEADER.unpack(file.read(HEADER.size))
        if mark != b"PK\x01\x02":
            break
        count, place = count + 1, place + HEADER.size + sum(lengths)
    return count
