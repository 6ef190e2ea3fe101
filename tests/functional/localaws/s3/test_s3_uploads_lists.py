"""Lists of uploads that are not finished."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = ("a/1", "a/1", "a/2", "b", "c d/1", "c d/2")


@pytest.fixture
def uploads(s3: Any, bucket: str) -> Iterator[list[tuple[str, str]]]:
    """Begin uploads; return key and id of each, in the order in which lists name them."""
    begun = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in reversed(KEYS)]
    yield sorted(begun, key=lambda upload: upload[0])  # stable: of one key the earlier first
    for key, upload_id in begun:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)


def names(answer: Any) -> list[tuple[str, str]]:
    return [(upload["Key"], upload["UploadId"]) for upload in answer.get("Uploads", [])]


def test_uploads_say_when_they_began(s3: Any, bucket: str, uploads: list[tuple[str, str]]) -> None:
    answer = s3.list_multipart_uploads(Bucket=bucket)
    assert names(answer) == uploads
    assert answer["IsTruncated"] is False
    for upload in answer["Uploads"]:
        assert abs(datetime.now(UTC) - upload["Initiated"]) < timedelta(minutes=10)
        assert upload["StorageClass"] == "STANDARD"


@pytest.mark.parametrize("size", [1, 2, 4])
def test_pages_together_name_each_upload_once(
    s3: Any, bucket: str, uploads: list[tuple[str, str]], size: int
) -> None:
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": size}
    )
    found = [names(page) for page in pages]
    assert [upload for page in found for upload in page] == uploads
    assert all(len(page) <= size for page in found)


def test_folders_are_named_once(s3: Any, bucket: str, uploads: list[tuple[str, str]]) -> None:
    answer = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [folder["Prefix"] for folder in answer["CommonPrefixes"]] == ["a/", "c d/"]
    assert names(answer) == [upload for upload in uploads if upload[0] == "b"]
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    seen = [
        [folder["Prefix"] for folder in page.get("CommonPrefixes", [])] + [key for key, _ in names(page)]
        for page in pages
    ]
    assert seen == [["a/"], ["b"], ["c d/"]]


def test_a_prefix_and_an_encoding(s3: Any, bucket: str, uploads: list[tuple[str, str]]) -> None:
    answer = s3.list_multipart_uploads(Bucket=bucket, Prefix="c d", EncodingType="url")
    assert [key for key, _ in names(answer)] == ["c%20d/1", "c%20d/2"]


def test_a_number_that_is_none_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.list_multipart_uploads(Bucket=bucket, MaxUploads=-1)
    assert error.value.response["Error"]["Code"] == "InvalidArgument"
