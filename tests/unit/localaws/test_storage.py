"""Transfers between S3 and folders, with a client that is made up."""

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.errors import StorageError
from localaws.storage import Download, S3Uri, download_all, list_objects, read_object, upload_file


class FakeS3:
    """A bucket in a dictionary."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.asked: list[str] = []

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Return the object, or boto3's error."""
        self.asked.append(Key)
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "The key is missing"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, _: str) -> "FakeS3":
        """Return this, which pages."""
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 - boto3's names
        """Return pages of one object, in reverse order."""
        keys = sorted((key for key in self.objects if key.startswith(Prefix)), reverse=True)
        return [{"Contents": [{"Key": key, "Size": len(self.objects[key])}]} for key in keys] or [{}]

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        """Refuse."""
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "No"}}, "PutObject")


def download(key: str, *targets: Path) -> Download:
    """Return one download."""
    return Download(uri=S3Uri(bucket="b", key=key), targets=targets)


def test_an_object_for_two_folders_is_fetched_once_and_each_has_its_own_file(tmp_path: Path) -> None:
    client = FakeS3({"k": b"bytes"})
    first, second = tmp_path / "1/a/k", tmp_path / "2/a/k"
    download_all(client, [download("k", first, second)])
    assert client.asked == ["k"]
    first.write_bytes(b"changed in place")
    assert second.read_bytes() == b"bytes"


def test_the_first_failure_is_told_with_the_object_and_the_rest_is_given_up(tmp_path: Path) -> None:
    client = FakeS3({f"k{n}": b"x" for n in range(20)})
    downloads = [download("absent", tmp_path / "absent")]
    downloads += [download(f"k{n}", tmp_path / f"k{n}") for n in range(20)]
    with pytest.raises(StorageError, match=r"s3://b/absent: .*NoSuchKey"):
        download_all(client, downloads)


def test_nothing_is_fetched_after_a_cancel(tmp_path: Path) -> None:
    client = FakeS3({"a": b"x", "b": b"x"})
    cancel = threading.Event()
    cancel.set()
    download_all(client, [download("a", tmp_path / "a"), download("b", tmp_path / "b")], cancel=cancel)
    assert client.asked == []


def test_two_keys_for_one_file_are_refused(tmp_path: Path) -> None:
    client = FakeS3({"a": b"x", "a/b": b"y"})
    with pytest.raises(StorageError, match="Unable to download object s3://b/a"):
        download_all(client, [download("a", tmp_path / "a"), download("a/b", tmp_path / "a/b")])


def test_listings_are_sorted_and_leave_folder_markers_out() -> None:
    client = FakeS3({"p/b": b"12", "p/": b"", "p/a": b"1", "q": b""})
    found = list_objects(client, S3Uri(bucket="b", key="p/"))
    assert [(item.uri.key, item.size) for item in found] == [("p/a", 1), ("p/b", 2)]


def test_errors_name_the_object(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Unable to download object s3://b/absent"):
        read_object(FakeS3({}), S3Uri(bucket="b", key="absent"))
    with pytest.raises(StorageError, match=r"Unable to upload m\.tar\.gz to s3://b/k: .*AccessDenied"):
        upload_file(FakeS3({}), tmp_path / "m.tar.gz", S3Uri(bucket="b", key="k"))
