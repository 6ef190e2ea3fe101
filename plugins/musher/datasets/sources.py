"""Turn what a user names as the source of a data set into a listing of photos.

digits                    scikit-learn's scans
/folder or file:///folder a folder on the worker
/photos.zip               a zip on the worker
https://host/photos.zip   a zip by URL
s3://bucket/prefix        image folders in S3, or a data set that Musher has staged
s3://bucket/photos.zip    a zip in S3
"""

import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit

from musher.datasets.digits import list_digits
from musher.datasets.download import download_file, public_address
from musher.datasets.file_names import first_few, hidden_part, is_photo
from musher.datasets.images import MAX_IMAGE_BYTES
from musher.datasets.layout import Listing, Photo
from musher.datasets.s3_connection import S3Connection
from musher.datasets.s3_objects import S3Folder, explain_s3_errors
from musher.datasets.zips import open_zip
from musher.errors import DatasetSourceError

DIGITS = "digits"
ZIP = ".zip"
OTHER_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz", ".gz", ".7z", ".rar", ".zst")
MAX_NAME_CHARACTERS = 63
MAX_TITLE_CHARACTERS = 120
READING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def open_source(*, source: str, s3: S3Connection, work_dir: Path) -> Iterator[Listing]:
    """Give the listing of a source, readable until the block ends; downloads go to `work_dir`.

    Raises DatasetSourceError where there is no such source.
    """
    scheme = _split(source).scheme
    if source == DIGITS:
        yield list_digits()
    elif scheme in {"http", "https"}:
        download_file(url=source, target=work_dir / "source.zip")
        with open_zip(work_dir / "source.zip", address=public_address(source)) as listing:
            yield listing
    elif scheme == "s3":
        with _open_s3(source, s3=s3, work_dir=work_dir) as listing:
            yield listing
    else:
        with _open_local(source) as listing:
            yield listing


def title_source(source: str) -> str:
    """Return a source's own name, to be shown: the last part of its path, without `.zip`."""
    parts = _split(source)
    last = PurePosixPath(unquote(parts.path)).name or parts.netloc
    bare = last[: -len(ZIP)] if last.lower().endswith(ZIP) else last
    shown = "".join(c for c in unicodedata.normalize("NFC", bare) if c.isprintable()).strip()
    return shown[:MAX_TITLE_CHARACTERS] or "photos"


def name_source(source: str) -> str:
    """Return a short name for a source's data set: letters, digits, '.', '_' and '-' only."""
    letters = unicodedata.normalize("NFKD", title_source(source))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")[:MAX_NAME_CHARACTERS] or "photos"


def split_s3_source(source: str) -> tuple[str, str]:
    """Split s3://bucket/prefix into the bucket and the prefix without slashes around it."""
    parts = _split(source)
    if parts.scheme != "s3" or not parts.netloc or parts.query:
        raise DatasetSourceError(f"{source!r} is not an address of the form s3://bucket/prefix. Correct it.")
    return parts.netloc, parts.path.strip("/")


def list_folder(folder: Path) -> Listing:
    """List a folder on disk; raise DatasetSourceError for links and special files among its photos.

    Hidden and system folders are not entered.
    """
    photos: list[Photo] = []
    folders: set[str] = set()
    hidden: set[str] = set()
    odd: list[str] = []
    for parent, child_folders, names in os.walk(folder, onerror=_refuse_folder):
        below = os.path.relpath(parent, folder)
        start = "" if below == os.curdir else f"{below}/"
        for name in (*child_folders, *names):
            relative, path = f"{start}{name}", f"{parent}/{name}"
            status = os.lstat(path)
            if hidden_part(name.strip()):
                hidden.add(relative)
            elif stat.S_ISDIR(status.st_mode):
                folders.add(relative)
            elif stat.S_ISREG(status.st_mode):
                photos.append(Photo(path=relative, size=status.st_size, read=partial(_read_file, path)))
            elif is_photo(relative) or Path(path).is_dir():
                odd.append(relative)
            else:
                hidden.add(relative)
        child_folders[:] = [name for name in child_folders if not hidden_part(name.strip())]
    _refuse_odd(odd, folder=folder)
    return Listing(photos=tuple(photos), folders=frozenset(folders), hidden=frozenset(hidden))


def _read_file(path: str) -> bytes:
    """Return a file's bytes, cut behind an image's limit, with as few system calls as there can be.

    At each another of the scan's threads may run, and this one then waits its turn. `Path.read_bytes` makes
    nine where this makes four. What was a file when it was listed may be a link or a pipe by now: the one is
    not followed, and the other not waited for.
    """
    try:
        descriptor = os.open(path, READING)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _swapped(path) from error
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _swapped(path)
        return _read_bytes(descriptor, min(status.st_size, MAX_IMAGE_BYTES + 1))
    finally:
        os.close(descriptor)


def _read_bytes(descriptor: int, count: int) -> bytes:
    """Return so many bytes, or fewer where the file ends: no read is spent on seeing its end."""
    parts = []
    while count and (part := os.read(descriptor, count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _swapped(path: str) -> DatasetSourceError:
    return DatasetSourceError(
        f"{path} became a link or special file after it was listed. Run the task again when nothing writes "
        "to the source."
    )


def _refuse_odd(odd: list[str], *, folder: Path) -> None:
    if odd:
        raise DatasetSourceError(
            f"{folder} has {len(odd)} link(s) or special file(s): {first_few(sorted(odd))}. "
            "Replace them by copies of what they stand for (`cp -rL` does it)."
        )


def list_prefix(*, folder: S3Folder, work_dir: Path) -> Listing:
    """List the objects below a prefix; each is downloaded into `work_dir` when it is first read."""
    start = folder.key("")
    photos: list[Photo] = []
    markers: set[str] = set()
    with explain_s3_errors(folder.address(""), kind=DatasetSourceError):
        pages = folder.s3.client.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=start)
        for item in (item for page in pages for item in page.get("Contents", [])):
            path = item["Key"][len(start) :]
            if path.endswith("/") or not path:
                markers.add(path.rstrip("/"))
            else:
                read = _cached_object(folder, path, work_dir=work_dir)
                photos.append(Photo(path=path, size=item["Size"], read=read, is_remote=True))
    if not photos:
        raise DatasetSourceError(
            f"{folder.address('')} is missing or empty: no object's key starts with {start!r} there. "
            "Correct the bucket or the prefix, or upload the images first."
        )
    return Listing(photos=tuple(photos), folders=frozenset(markers - {""}))


@contextmanager
def _open_s3(source: str, *, s3: S3Connection, work_dir: Path) -> Iterator[Listing]:
    bucket, prefix = split_s3_source(source)
    if prefix.lower().endswith(OTHER_ARCHIVES):
        raise DatasetSourceError(
            f"{source} is no zip by its name, and other archives are not read. Unpack it and give the prefix "
            "of the images, or pack them as a zip."
        )
    if not prefix.lower().endswith(ZIP):
        yield list_prefix(folder=S3Folder(s3=s3, bucket=bucket, prefix=prefix), work_dir=work_dir)
        return
    target = work_dir / "source.zip"
    with explain_s3_errors(source, kind=DatasetSourceError):
        s3.download(bucket, prefix, target=target)
    with open_zip(target, address=source) as listing:
        yield listing


@contextmanager
def _open_local(source: str) -> Iterator[Listing]:
    path = _local_path(source)
    if path.is_dir():
        yield list_folder(path)
    elif path.is_file():
        with open_zip(path, address=str(path)) as listing:
            yield listing
    else:
        raise DatasetSourceError(
            f"{path} does not exist on this worker. Give the path of a folder or a zip that it can read."
        )


def _local_path(source: str) -> Path:
    parts = _split(source)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return Path(unquote(parts.path))
    if not source.startswith("/"):
        raise _not_a_source(source)
    return Path(source)


def _split(source: str) -> SplitResult:
    """Split an address; '#' has no meaning in any of them."""
    try:
        return urlsplit(source, allow_fragments=False)
    except ValueError as error:
        raise _not_a_source(source) from error


def _not_a_source(source: str) -> DatasetSourceError:
    return DatasetSourceError(
        f"{source!r} is not a data source. Give {DIGITS!r}, /folder, /file.zip, file:///folder, "
        "http(s)://host/file.zip or s3://bucket/prefix."
    )


def _cached_object(folder: S3Folder, path: str, *, work_dir: Path) -> Callable[[], bytes]:
    """Return a reader that keeps the object under its key's hash: a key's text never becomes a path."""
    kept = work_dir / hashlib.sha256(path.encode()).hexdigest()

    def read() -> bytes:
        if not kept.exists():
            kept.write_bytes(folder.read(path, kind=DatasetSourceError))
        return kept.read_bytes()

    return read


def _refuse_folder(error: OSError) -> None:
    raise DatasetSourceError(
        f"{error.filename} cannot be listed ({error.strerror}). Give the worker permission to read it."
    ) from error
