"""Move files between S3 and folders. A boto3 client is thread-safe: one serves a whole transfer."""

import re
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from localaws.archives import merge_files, pack_tar_gz, unpack_tar_gz
from localaws.errors import StorageError

__all__ = [
    "Download",
    "S3Object",
    "S3Uri",
    "download_all",
    "list_objects",
    "merge_files",
    "pack_tar_gz",
    "read_object",
    "unpack_tar_gz",
    "upload_all",
    "upload_file",
    "write_object",
]

TRANSFER_THREADS = 8
_Item = TypeVar("_Item")

COPY_BYTES = 1 << 20
"""Bytes copied at a time."""


@dataclass(frozen=True, kw_only=True)
class S3Uri:
    """The two halves of `s3://bucket/key`; the key may be empty or a prefix."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> "S3Uri":
        """Split a URI; raises StorageError naming one that is not of S3."""
        match = re.fullmatch(r"s3://([^/]+)/?(.*)", text, flags=re.DOTALL)
        if match is None:
            raise StorageError(f"{text!r} is not an S3 URI (s3://bucket/key)")
        return cls(bucket=match[1], key=match[2])

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def join(self, *names: str) -> "S3Uri":
        """Return this key, taken as a folder, with names below it."""
        key = "/".join(part for part in (self.key.rstrip("/"), *names) if part)
        return S3Uri(bucket=self.bucket, key=key)


@dataclass(frozen=True, kw_only=True)
class S3Object:
    """One object of a listing."""

    uri: S3Uri
    size: int


@dataclass(frozen=True, kw_only=True)
class Download:
    """One object, and the files that it becomes: fetched once, and each host may change its own file."""

    uri: S3Uri
    targets: tuple[Path, ...]


def list_objects(client: Any, prefix: S3Uri) -> list[S3Object]:
    """Return the objects whose keys start with the prefix, in key order, without folder markers ("a/")."""
    from botocore.exceptions import BotoCoreError, ClientError

    found: list[S3Object] = []
    paginator = client.get_paginator("list_objects_v2")
    try:
        for page in paginator.paginate(Bucket=prefix.bucket, Prefix=prefix.key):
            found += [
                S3Object(uri=S3Uri(bucket=prefix.bucket, key=item["Key"]), size=item["Size"])
                for item in page.get("Contents", [])
                if not item["Key"].endswith("/")
            ]
    except (BotoCoreError, ClientError) as error:
        raise StorageError(f"Unable to list {prefix}: {error}") from error
    return sorted(found, key=lambda item: item.uri.key)


def read_object(client: Any, uri: S3Uri) -> bytes:
    """Return an object's bytes."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return bytes(client.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read())
    except (BotoCoreError, ClientError) as error:
        raise StorageError(f"Unable to download object {uri}: {error}") from error


def write_object(client: Any, uri: S3Uri, body: bytes, **headers: str) -> None:
    """Write an object; `headers` are boto3's (ContentType, say)."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.put_object(Bucket=uri.bucket, Key=uri.key, Body=body, **headers)
    except (BotoCoreError, ClientError) as error:
        raise StorageError(f"Unable to upload object {uri}: {error}") from error


def download_all(
    client: Any, downloads: Sequence[Download], *, cancel: threading.Event | None = None
) -> None:
    """Download in parallel; stop early once `cancel` is set. Raises StorageError for the first that fails."""
    stop = cancel or threading.Event()

    def fetch(download: Download) -> None:
        if not stop.is_set():
            _fetch(client, download)

    _for_each(fetch, downloads)


def _for_each(work: Callable[[_Item], None], items: Sequence[_Item]) -> None:
    """Do the work on all items in parallel; after a failure, raised here, no further item is begun."""
    if len(items) < 2:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(max_workers=TRANSFER_THREADS, thread_name_prefix="transfer") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in futures:
                future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _fetch(client: Any, download: Download) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    first, *others = download.targets
    try:
        first.parent.mkdir(parents=True, exist_ok=True)
        answer = client.get_object(Bucket=download.uri.bucket, Key=download.uri.key)
        with first.open("xb") as file:
            shutil.copyfileobj(answer["Body"], file, COPY_BYTES)
        for other in others:
            other.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(first, other)
    except (BotoCoreError, ClientError, OSError) as error:
        raise StorageError(f"Unable to download object {download.uri}: {error}") from error


def upload_all(client: Any, files: Mapping[str, Path], folder: S3Uri) -> None:
    """Upload files in parallel to keys below `folder`; raise StorageError for the first that fails."""
    _for_each(lambda item: upload_file(client, item[1], folder.join(item[0])), list(files.items()))


def upload_file(client: Any, path: Path, uri: S3Uri) -> None:
    """Upload one file."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.upload_file(str(path), uri.bucket, uri.key)
    except (Boto3Error, BotoCoreError, ClientError, OSError) as error:
        raise StorageError(f"Unable to upload {path.name} to {uri}: {error}") from error
