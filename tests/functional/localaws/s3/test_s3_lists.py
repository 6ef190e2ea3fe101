"""Lists of keys and versions, tags and configurations of buckets, as boto3 sees them."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = ("a.txt", "photos/2025/x.jpg", "photos/2026/y.jpg", "photos/z.jpg", "with space+plus", "ü/ö")


@pytest.fixture(scope="module")
def filled(localaws: Any) -> str:
    """Return a bucket that holds KEYS."""
    s3, bucket = localaws.client("s3"), f"lists-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def keys(page: dict[str, Any]) -> list[str]:
    """Return the keys of a page."""
    return [item["Key"] for item in page.get("Contents", [])]


def prefixes(page: dict[str, Any]) -> list[str]:
    """Return the folders of a page."""
    return [item["Prefix"] for item in page.get("CommonPrefixes", [])]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_folders_are_told_once_and_keys_come_in_order(localaws: Any, filled: str, operation: str) -> None:
    s3 = localaws.client("s3")
    page = getattr(s3, operation)(Bucket=filled, Delimiter="/")
    assert (keys(page), prefixes(page)) == (["a.txt", "with space+plus"], ["photos/", "ü/"])
    page = getattr(s3, operation)(Bucket=filled, Delimiter="/", Prefix="photos/")
    assert (keys(page), prefixes(page)) == (["photos/z.jpg"], ["photos/2025/", "photos/2026/"])


@pytest.mark.parametrize(("operation", "size"), [("list_objects", 1), ("list_objects_v2", 2)])
def test_pages_hold_every_key_and_folder_once(localaws: Any, filled: str, operation: str, size: int) -> None:
    pages = localaws.client("s3").get_paginator(operation)
    found = list(pages.paginate(Bucket=filled, PaginationConfig={"PageSize": size}))
    assert [key for page in found for key in keys(page)] == list(KEYS)
    assert all(len(keys(page)) <= size for page in found)
    found = list(pages.paginate(Bucket=filled, Delimiter="/", PaginationConfig={"PageSize": size}))
    assert [key for page in found for key in keys(page)] == ["a.txt", "with space+plus"]
    assert [name for page in found for name in prefixes(page)] == ["photos/", "ü/"]


def test_a_list_begins_behind_a_key(localaws: Any, filled: str) -> None:
    s3 = localaws.client("s3")
    assert keys(s3.list_objects_v2(Bucket=filled, StartAfter="photos/2026/y.jpg"))[0] == "photos/z.jpg"
    assert keys(s3.list_objects(Bucket=filled, Marker="photos/2026/y.jpg"))[0] == "photos/z.jpg"
    page = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert (page["KeyCount"], page["IsTruncated"]) == (0, False)
    with pytest.raises(ClientError) as caught:
        s3.list_objects_v2(Bucket=filled, ContinuationToken="nonsense")
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"


def test_names_are_encoded_where_that_is_asked_for(filled: str, send: Any) -> None:
    plain = send("GET", f"/{filled}?list-type=2&prefix=with").body
    encoded = send("GET", f"/{filled}?list-type=2&prefix=with&encoding-type=url").body
    assert b"<Key>with space+plus</Key>" in plain
    assert b"<Key>with+space%2Bplus</Key>" in encoded or b"<Key>with%20space%2Bplus</Key>" in encoded


@pytest.fixture
def versioned(localaws: Any) -> str:
    """Return a bucket with two versions of `k`, the newer one deleted by a marker, and one of `other`."""
    s3, bucket = localaws.client("s3"), f"versions-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="other", Body=b"")
    return bucket


def test_versions_and_markers_are_told_the_newest_first(localaws: Any, versioned: str) -> None:
    s3 = localaws.client("s3")
    page = s3.list_object_versions(Bucket=versioned, Prefix="k")
    assert [(item["Key"], item["IsLatest"], item["Size"]) for item in page["Versions"]] == [
        ("k", False, 3),
        ("k", False, 3),
    ]
    assert [(item["Key"], item["IsLatest"]) for item in page["DeleteMarkers"]] == [("k", True)]
    newest = page["Versions"][0]["VersionId"]
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=newest)["Body"].read() == b"two"
    assert keys(s3.list_objects_v2(Bucket=versioned)) == ["other"]


def test_a_deleted_key_says_that_it_is_a_marker(localaws: Any, versioned: str, send: Any) -> None:
    s3 = localaws.client("s3")
    answer = send("GET", f"/{versioned}/k")
    assert (answer.status, answer.code, answer.headers["x-amz-delete-marker"]) == (404, "NoSuchKey", "true")
    marker = s3.list_object_versions(Bucket=versioned)["DeleteMarkers"][0]["VersionId"]
    answer = send("GET", f"/{versioned}/k?versionId={marker}")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
    gone = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, marker)
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"two"


def test_many_are_deleted_at_once_and_each_is_told(localaws: Any, versioned: str) -> None:
    s3 = localaws.client("s3")
    s3.put_object(Bucket=versioned, Key="k", Body=b"three")
    wanted = [{"Key": "other"}, {"Key": "k"}]
    told = s3.delete_objects(Bucket=versioned, Delete={"Objects": wanted})["Deleted"]
    found = sorted((item["Key"], item["DeleteMarker"]) for item in told)
    assert found == [("k", True), ("other", True)]
    quiet = s3.delete_objects(Bucket=versioned, Delete={"Objects": wanted, "Quiet": True})
    assert "Deleted" not in quiet


def test_a_bucket_with_versions_is_not_empty(localaws: Any, versioned: str) -> None:
    s3 = localaws.client("s3")
    s3.delete_object(Bucket=versioned, Key="other")
    with pytest.raises(ClientError) as caught:
        s3.delete_bucket(Bucket=versioned)
    assert caught.value.response["Error"]["Code"] == "BucketNotEmpty"
    page = s3.list_object_versions(Bucket=versioned)
    for item in (*page["Versions"], *page["DeleteMarkers"]):
        s3.delete_object(Bucket=versioned, Key=item["Key"], VersionId=item["VersionId"])
    s3.delete_bucket(Bucket=versioned)


@pytest.mark.parametrize(
    ("condition", "is_kept"),
    [
        ({"CopySourceIfMatch": "ETAG"}, True),
        ({"CopySourceIfMatch": '"other"'}, False),
        ({"CopySourceIfNoneMatch": "ETAG"}, False),
        ({"CopySourceIfNoneMatch": '"other"'}, True),
        ({"CopySourceIfModifiedSince": "2020-01-01"}, True),
        ({"CopySourceIfUnmodifiedSince": "2020-01-01"}, False),
        ({"CopySourceIfMatch": "ETAG", "CopySourceIfUnmodifiedSince": "2020-01-01"}, True),
        ({"CopySourceIfNoneMatch": "ETAG", "CopySourceIfModifiedSince": "2020-01-01"}, False),
    ],
)
def test_conditions_of_copies(
    localaws: Any, s3: Any, bucket: str, condition: dict[str, str], is_kept: bool
) -> None:
    """Of a pair the ETag decides: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""
    etag = s3.put_object(Bucket=bucket, Key="source", Body=b"source")["ETag"]
    sent = {name: etag if text == "ETAG" else text for name, text in condition.items()}
    target = uuid.uuid4().hex

    def copy() -> Any:
        return s3.copy_object(
            Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": "source"}, **sent
        )

    if is_kept:
        assert copy()["CopyObjectResult"]["ETag"] == etag
    else:
        with pytest.raises(ClientError) as caught:
            copy()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
        assert keys(s3.list_objects_v2(Bucket=bucket, Prefix=target)) == []


def test_tags_are_limited_and_follow_a_copy_unless_replaced(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"", Tagging="a=1&b=%20x")
    tags = s3.get_object_tagging(Bucket=bucket, Key="tagged")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": " x"}]
    source = {"Bucket": bucket, "Key": "tagged"}
    s3.copy_object(Bucket=bucket, Key="copied", CopySource=source)
    assert s3.get_object_tagging(Bucket=bucket, Key="copied")["TagSet"] == tags
    s3.copy_object(Bucket=bucket, Key="other", CopySource=source, TaggingDirective="REPLACE", Tagging="c=3")
    assert s3.get_object_tagging(Bucket=bucket, Key="other")["TagSet"] == [{"Key": "c", "Value": "3"}]
    many = {"TagSet": [{"Key": str(number), "Value": ""} for number in range(11)]}
    with pytest.raises(ClientError) as caught:
        s3.put_object_tagging(Bucket=bucket, Key="tagged", Tagging=many)
    assert caught.value.response["Error"]["Code"] in ("BadRequest", "InvalidTag")


LIFECYCLE = {
    "Rules": [
        {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "jobs/"}, "Expiration": {"Days": 30}},
    ]
}
CORS = {
    "CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"], "MaxAgeSeconds": 5}]
}
BLOCK = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


@pytest.mark.parametrize(
    ("name", "member", "sent", "missing"),
    [
        ("lifecycle_configuration", "LifecycleConfiguration", LIFECYCLE, "NoSuchLifecycleConfiguration"),
        ("cors", "CORSConfiguration", CORS, "NoSuchCORSConfiguration"),
        ("tagging", "Tagging", {"TagSet": [{"Key": "a", "Value": "1"}]}, "NoSuchTagSet"),
    ],
)
def test_configurations_of_buckets_are_kept_until_they_are_deleted(
    s3: Any, name: str, member: str, sent: dict[str, Any], missing: str
) -> None:
    bucket = f"configured-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    read = getattr(s3, f"get_bucket_{name}")
    with pytest.raises(ClientError) as caught:
        read(Bucket=bucket)
    assert caught.value.response["Error"]["Code"] == missing
    getattr(s3, f"put_bucket_{name}")(Bucket=bucket, **{member: sent})
    found = read(Bucket=bucket)
    (key,) = sent
    assert found[key] == sent[key]
    delete = getattr(s3, f"delete_bucket_{name.removesuffix('_configuration')}")
    delete(Bucket=bucket)
    with pytest.raises(ClientError):
        read(Bucket=bucket)


def test_public_access_blocks_are_kept(s3: Any, bucket: str) -> None:
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=BLOCK)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == BLOCK
