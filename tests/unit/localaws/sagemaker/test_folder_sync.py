"""Checkpoint folders and their prefix in S3, with a client that is made up."""

import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.errors import StorageError
from localaws.sagemaker.folder_sync import FolderSync


class FakeS3:
    """A bucket in memory."""

    def __init__(self, **objects: bytes) -> None:
        self.objects: dict[str, bytes] = dict(objects)
        self.puts: list[str] = []
        self.is_broken = False

    def get_paginator(self, _: str) -> Any:
        """Return itself."""
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Any:  # noqa: N803 - boto3's names
        """Return one page."""
        keys = [key for key in self.objects if key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "Size": len(self.objects[key])} for key in keys]}]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """Return an object."""
        import io

        return {"Body": io.BytesIO(self.objects[Key])}

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        """Keep a file's content."""
        if self.is_broken:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
        self.puts.append(key)
        self.objects[key] = Path(path).read_bytes()


def sync_of(client: FakeS3, *folders: Path, uri: str = "s3://bucket/jobs/a") -> FolderSync:
    """Return a sync whose folders are there, with what S3 holds."""
    sync = FolderSync(client, uri=uri, folders=folders, title="job")
    sync.download(cancel=threading.Event())
    return sync


def test_only_what_lies_below_the_prefix_is_fetched_and_it_is_not_sent_back(tmp_path: Path) -> None:
    client = FakeS3(**{"jobs/a/x/1": b"one", "jobs/ab/2": b"two"})
    sync = sync_of(client, tmp_path / "one", tmp_path / "two")
    found = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(found) == ["one/x/1", "two/x/1"]
    assert (tmp_path / "one/x/1").stat().st_ino != (tmp_path / "two/x/1").stat().st_ino
    sync.finish()
    assert client.puts == []


def test_what_has_changed_is_sent_once(tmp_path: Path) -> None:
    client = FakeS3(**{"jobs/a/state": b"1"})
    sync = sync_of(client, tmp_path)
    (tmp_path / "new").write_bytes(b"2")
    (tmp_path / "new").rename(tmp_path / "state")
    sync.finish()
    sync.finish()
    assert client.puts == ["jobs/a/state"]
    assert client.objects["jobs/a/state"] == b"2"


def test_a_whole_bucket_can_be_the_place(tmp_path: Path) -> None:
    client = FakeS3()
    sync = sync_of(client, tmp_path, uri="s3://bucket")
    (tmp_path / "state").write_bytes(b"2")
    sync.finish()
    assert client.puts == ["state"]


def test_what_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    client = FakeS3()
    sync = sync_of(client, tmp_path)
    (tmp_path / "state").write_bytes(b"2")
    client.is_broken = True
    with pytest.raises(StorageError, match=r"state.*AccessDenied"):
        sync.finish()
