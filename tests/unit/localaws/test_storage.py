"""Transfers between S3 and folders, with a client that is made up."""

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, EndpointConnectionError

from localaws.errors import StorageError
from localaws.storage import (
    TRANSFER_THREADS,
    Download,
    S3Uri,
    download_all,
    list_objects,
    read_object,
    upload_all,
    upload_file,
    write_object,
)


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


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3://b/k", "b", "k"),
        ("s3://b//k", "b", "/k"),
        ("s3://b/a b/ü?x#y%20", "b", "a b/ü?x#y%20"),
        ("s3://b/two\nlines", "b", "two\nlines"),
    ],
)
def test_a_uri_has_a_bucket_and_a_key_as_it_is_written(text: str, bucket: str, key: str) -> None:
    assert S3Uri.parse(text) == S3Uri(bucket=bucket, key=key)


@pytest.mark.parametrize(
    ("key", "names", "joined"),
    [
        ("", ("a",), "s3://b/a"),
        ("p", ("a",), "s3://b/p/a"),
        ("p/", ("a",), "s3://b/p/a"),
        ("p", ("", "a", "b"), "s3://b/p/a/b"),
        ("p", (), "s3://b/p"),
        ("", (), "s3://b/"),
    ],
)
def test_names_are_joined_by_one_slash(key: str, names: tuple[str, ...], joined: str) -> None:
    assert str(S3Uri(bucket="b", key=key).join(*names)) == joined


class Uploads:
    """A bucket that takes what comes, but for some keys."""

    def __init__(self, *, refused: str = "") -> None:
        self.stored: dict[str, Any] = {}
        self.refused = refused

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        """Keep a file's bytes."""
        if key == self.refused:
            raise S3UploadFailedError(f"Failed to upload {path}")
        self.stored[f"{bucket}/{key}"] = Path(path).read_bytes()

    def put_object(self, *, Bucket: str, Key: str, **given: Any) -> None:  # noqa: N803 - boto3's names
        """Keep an object and its headers."""
        if Key == self.refused:
            raise EndpointConnectionError(endpoint_url="http://localhost")
        self.stored[f"{Bucket}/{Key}"] = given


def test_files_are_uploaded_below_a_folder_by_their_names(tmp_path: Path) -> None:
    names = ["a.txt", "deep/b.txt", "c.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    client = Uploads()
    upload_all(client, {name: tmp_path / name for name in names}, S3Uri(bucket="b", key="out/"))
    assert client.stored == {f"b/out/{name}": name.encode() for name in names}


def test_a_file_that_cannot_be_uploaded_is_named_and_the_rest_has_ended(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).touch()
    client = Uploads(refused="out/3")
    files = {str(number): tmp_path / str(number) for number in range(20)}
    with pytest.raises(StorageError, match="Unable to upload 3 to s3://b/out/3: Failed to upload"):
        upload_all(client, files, S3Uri(bucket="b", key="out"))
    assert "transfer" not in " ".join(thread.name for thread in threading.enumerate())


def test_a_file_that_has_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"Unable to upload gone to s3://b/k: \[Errno 2\]"):
        upload_file(Uploads(), tmp_path / "gone", S3Uri(bucket="b", key="k"))


def test_an_object_is_written_with_the_headers_that_are_given() -> None:
    client = Uploads(refused="no")
    write_object(client, S3Uri(bucket="b", key="k"), b"x", ContentType="text/csv")
    assert client.stored == {"b/k": {"Body": b"x", "ContentType": "text/csv"}}
    with pytest.raises(StorageError, match="Unable to upload object s3://b/no: Could not connect"):
        write_object(client, S3Uri(bucket="b", key="no"), b"")


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    """It would be that of another key with the same name."""
    client = FakeS3({"k": b"1"})
    (tmp_path / "k").write_text("of an earlier download")
    with pytest.raises(StorageError, match=r"Unable to download object s3://b/k: .*File exists"):
        download_all(client, [download("k", tmp_path / "k")])
    assert (tmp_path / "k").read_text() == "of an earlier download"


def test_a_cancel_in_the_midst_lets_what_is_under_way_end(tmp_path: Path) -> None:
    cancel = threading.Event()

    class Cancelling(FakeS3):
        def get_object(self, **asked: Any) -> dict[str, Any]:
            cancel.set()
            return super().get_object(**asked)

    client = Cancelling({f"k{number}": b"x" for number in range(50)})
    downloads = [download(key, tmp_path / key) for key in client.objects]
    download_all(client, downloads, cancel=cancel)
    assert 1 <= len(client.asked) <= TRANSFER_THREADS
    assert {path.name for path in tmp_path.iterdir()} == set(client.asked)


def test_a_list_that_is_refused_names_its_prefix() -> None:
    class Refusing(FakeS3):
        def paginate(self, **asked: Any) -> list[dict[str, Any]]:
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "No"}}, "ListObjectsV2")

    with pytest.raises(StorageError, match=r"Unable to list s3://b/p: .*NoSuchBucket"):
        list_objects(Refusing({}), S3Uri(bucket="b", key="p"))
