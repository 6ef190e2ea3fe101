"""What the tests of data sets share: a bucket in memory, and small photo folders."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.generated_photos import write_photos


def refused(code: str, operation: str, message: str = "no") -> ClientError:
    """Return the error that boto3 raises for an error code."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class MemoryS3:
    """An S3Connection on a dictionary, with its client; `sent` lists the keys that were put or copied."""

    def __init__(self, *buckets: str) -> None:
        """Create empty buckets."""
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.buckets = set(buckets)
        self.sent: list[str] = []
        self.fail_after: int | None = None
        self.client = self
        self._lock = threading.Lock()

    def put(self, bucket: str, key: str, *, body: bytes, content_type: str, metadata: dict[str, str]) -> None:
        self._check(bucket, "PutObject")
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        with self._lock:
            if self.fail_after is not None and len(self.sent) >= self.fail_after:
                raise refused("ServiceUnavailable", "PutObject", "come back later")
            self.sent.append(key)
            self.objects[bucket, key] = {
                "data": body,
                "ChecksumSHA256": checksum,
                "ContentType": content_type,
                "Metadata": metadata,
            }

    def get(self, bucket: str, key: str) -> bytes:
        self._check(bucket, "GetObject")
        if (bucket, key) not in self.objects:
            raise refused("NoSuchKey", "GetObject")
        data: bytes = self.objects[bucket, key]["data"]
        return data

    def stream(self, bucket: str, key: str) -> Iterator[bytes]:
        data = self.get(bucket, key)
        yield from (data[:2], data[2:])

    def download(self, bucket: str, key: str, *, target: Path) -> None:
        if (bucket, key) not in self.objects:
            raise refused("404", "HeadObject", "Not Found")
        target.write_bytes(self.objects[bucket, key]["data"])

    def add(self, bucket: str, key: str, data: bytes) -> None:
        """Store an object as another program would: without checksum or metadata."""
        self.objects[bucket, key] = {"data": data}

    def copy_object(self, *, Bucket: str, Key: str, CopySource: dict[str, str]) -> dict[str, Any]:  # noqa: N803
        self._check(Bucket, "CopyObject")
        with self._lock:
            self.sent.append(Key)
            self.objects[Bucket, Key] = dict(self.objects[CopySource["Bucket"], CopySource["Key"]])
        return {}

    def head_object(self, *, Bucket: str, Key: str, ChecksumMode: str) -> dict[str, Any]:  # noqa: N803
        assert ChecksumMode == "ENABLED"
        self._check(Bucket, "HeadObject")
        if (Bucket, Key) not in self.objects:
            raise refused("404", "HeadObject")
        stored = self.objects[Bucket, Key]
        answer = {"ContentLength": len(stored["data"]), "Metadata": stored.get("Metadata", {})}
        return answer | {name: stored[name] for name in ("ChecksumSHA256", "ContentType") if name in stored}

    def get_paginator(self, operation: str) -> "MemoryS3":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        self._check(Bucket, "ListObjectsV2")
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        items = [{"Key": key, "Size": len(self.objects[Bucket, key]["data"])} for key in keys]
        return [{"Contents": items[:2]}, {"Contents": items[2:]}] if items else [{}]

    def _check(self, bucket: str, operation: str) -> None:
        if bucket not in self.buckets:
            raise refused("NoSuchBucket", operation, "The specified bucket does not exist")


@pytest.fixture
def s3() -> MemoryS3:
    """Two empty buckets: `ours` and `theirs`."""
    return MemoryS3("ours", "theirs")


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of generated photos, 3/1/1 each; do not change it."""
    return write_photos(
        folder=tmp_path_factory.mktemp("photos"), classes=3, train=3, valid=1, test=1, side=24
    )
