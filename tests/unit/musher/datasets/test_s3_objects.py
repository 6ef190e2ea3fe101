"""Objects are sent once, checked by their SHA-256, and errors say what to do."""

import dataclasses
import hashlib
from typing import Any

import pytest

from musher.datasets.s3_objects import S3Folder, StoredObject
from musher.errors import DatasetSourceError, StagingError


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def folder(s3: Any) -> S3Folder:
    return S3Folder(s3=s3, bucket="ours", prefix="musher/datasets").child("abc")


def put(folder: S3Folder, data: bytes, name: str = "a.bin") -> int:
    return folder.put_once(name, body=data, sha256=digest(data), content_type="image/png")


def test_names_become_keys_and_addresses(folder: S3Folder) -> None:
    assert folder.key("train/x.tar") == "musher/datasets/abc/train/x.tar"
    assert folder.address("train/") == "s3://ours/musher/datasets/abc/train/"
    assert dataclasses.replace(folder, prefix="").key("x") == "x"


def test_an_object_is_sent_once(folder: S3Folder, s3: Any) -> None:
    assert put(folder, b"data") == 4
    assert put(folder, b"data") == 0
    assert s3.sent == ["musher/datasets/abc/a.bin"]
    assert s3.objects["ours", "musher/datasets/abc/a.bin"]["ContentType"] == "image/png"


def test_another_content_of_the_same_size_is_sent(folder: S3Folder, s3: Any) -> None:
    put(folder, b"data")
    assert put(folder, b"tada") == 4
    assert folder.read("a.bin") == b"tada"


def test_metadata_stand_in_for_a_checksum_that_a_copy_dropped(folder: S3Folder, s3: Any) -> None:
    put(folder, b"data")
    s3.objects["ours", folder.key("a.bin")]["ChecksumSHA256"] = "c29tZQ==-3"
    assert folder.describe("a.bin") == StoredObject(bytes=4, sha256=digest(b"data"))


def test_an_object_without_any_checksum_is_read_to_verify_it(folder: S3Folder, s3: Any) -> None:
    s3.add("ours", folder.key("a.bin"), b"data")
    assert folder.describe("a.bin") == StoredObject(bytes=4, sha256=None)
    assert folder.is_intact("a.bin", size=4, sha256=digest(b"data"))
    assert not folder.is_intact("a.bin", size=4, sha256=digest(b"tada"))
    assert not folder.is_intact("a.bin", size=5, sha256=digest(b"data"))
    assert not folder.is_intact("missing", size=4, sha256=digest(b"data"))


def test_a_copy_is_made_once(folder: S3Folder, s3: Any) -> None:
    put(folder, b"data")
    target = S3Folder(s3=s3, bucket="theirs", prefix="p")
    assert target.copy_once("a.bin", origin=folder, size=4, sha256=digest(b"data")) == 4
    assert target.copy_once("a.bin", origin=folder, size=4, sha256=digest(b"data")) == 0
    assert target.read("a.bin") == b"data"


def test_a_missing_bucket_is_explained(s3: Any) -> None:
    folder = S3Folder(s3=s3, bucket="none", prefix="p")
    with pytest.raises(
        StagingError, match=r"s3://none/p/a.bin cannot be used: .*NoSuchBucket.*bootstrap.yaml"
    ):
        put(folder, b"data")


def test_a_missing_object_is_named(folder: S3Folder) -> None:
    with pytest.raises(
        DatasetSourceError, match=r"s3://ours/musher/datasets/abc/none cannot be used: .*NoSuchKey"
    ):
        folder.read("none", kind=DatasetSourceError)
