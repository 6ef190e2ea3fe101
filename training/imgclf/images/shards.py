"""Read image files from tar shards without unpacking them, or from plain folders.

A shard is an uncompressed tar whose members are named `<class>/<file>`. It is read through once for
offsets; afterwards each image costs one `os.pread`, which threads may call at the same time.
"""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from imgclf.archives import FILE_TYPES, UNREADABLE, Bounded, read_members
from imgclf.errors import ConfigError, DataError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True, kw_only=True)
class Member:
    """Where one image file lies."""

    class_name: str
    file_name: str
    path: Path
    offset: int
    size: int
    """Bytes."""

    def read(self) -> bytes:
        """Return the file's bytes; raise DataError when the file is shorter than it was."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            data = os.pread(descriptor, self.size, self.offset)
        finally:
            os.close(descriptor)
        if len(data) != self.size:
            raise DataError(f"{self.path} is shorter than its index says: stage the data set again")
        return data


def index_shard(path: Path) -> list[Member]:
    """List a tar shard's image files in their order; raise DataError for a damaged one."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            stream = Bounded(file, max_bytes=size + tarfile.BLOCKSIZE)  # the last read may find the end
            members = read_members(stream, max_members=size // tarfile.BLOCKSIZE)
            return [_member(path, info) for _, info in members]
    except (ConfigError, *UNREADABLE) as error:
        raise DataError(f"shard {path} cannot be read ({error}): stage the data set again") from error


def _member(path: Path, info: tarfile.TarInfo) -> Member:
    """Check one tar entry: a regular file named `<class>/<file>`."""
    parts = info.name.split("/")
    if info.type not in FILE_TYPES or info.issparse() or info.size < 0 or len(parts) != 2 or ".." in parts:
        raise DataError(
            f"shard {path} holds {info.name!r}: only regular files named <class>/<file> belong there"
        )
    return Member(class_name=parts[0], file_name=parts[1], path=path, offset=info.offset_data, size=info.size)


def index_folder(path: Path) -> list[Member]:
    """List the images of `<class>/<file>` below a split folder, sorted by class and file name."""
    return [
        Member(class_name=class_dir.name, file_name=file.name, path=file, offset=0, size=file.stat().st_size)
        for class_dir in class_dirs(path)
        for file in sorted(class_dir.iterdir())
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")
    ]


def class_dirs(path: Path) -> list[Path]:
    """Return the class folders of a split, sorted by name; hidden ones are none."""
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
