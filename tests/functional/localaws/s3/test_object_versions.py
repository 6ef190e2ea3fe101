"""The versions of a bucket's objects as clients list, read and remove them."""

import uuid
from typing import Any

import boto3
import pytest


@pytest.fixture
def versioned(s3: Any) -> str:
    """A bucket that keeps versions: two of `a`, one and a delete marker of `b`, one of `c/d`."""
    name = f"versions-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"before versions were kept")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for key, body in [("a", b"second"), ("b", b"only"), ("c/d", b"below")]:
        s3.put_object(Bucket=name, Key=key, Body=body)
    s3.delete_object(Bucket=name, Key="b")
    return name


def listed(answer: dict[str, Any]) -> list[tuple[str, bool, int]]:
    """Return key, IsLatest and size of an answer's versions."""
    return [(item["Key"], item["IsLatest"], item["Size"]) for item in answer.get("Versions", [])]


def test_versions_and_delete_markers_are_listed(s3: Any, versioned: str) -> None:
    answer = s3.list_object_versions(Bucket=versioned)
    assert listed(answer) == [("a", True, 6), ("a", False, 25), ("b", False, 4), ("c/d", True, 5)]
    assert answer["Versions"][1]["VersionId"] == "null"
    assert [(item["Key"], item["IsLatest"]) for item in answer["DeleteMarkers"]] == [("b", True)]
    assert not answer["IsTruncated"]


def test_listing_leaves_the_objects_readable(s3: Any, versioned: str) -> None:
    for version in s3.list_object_versions(Bucket=versioned)["Versions"]:
        found = s3.get_object(Bucket=versioned, Key=version["Key"], VersionId=version["VersionId"])
        assert len(found["Body"].read()) == version["Size"]


def test_prefixes_and_pages(s3: Any, versioned: str) -> None:
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=versioned, Delimiter="/", PaginationConfig={"PageSize": 2}
    )
    found = list(pages)
    assert [key for page in found for key, _, _ in listed(page)] == ["a", "a", "b"]
    assert [item["Prefix"] for page in found for item in page.get("CommonPrefixes", [])] == ["c/"]
    assert len(found) == 3


def test_a_key_marker_needs_no_key_of_its_name(s3: Any, versioned: str) -> None:
    assert listed(s3.list_object_versions(Bucket=versioned, KeyMarker="bb")) == [("c/d", True, 5)]


def test_a_bucket_is_emptied_of_all_versions_and_removed(localaws: Any, s3: Any, versioned: str) -> None:
    resource = boto3.resource(
        "s3",
        region_name="us-east-1",
        endpoint_url=localaws.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    with pytest.raises(s3.exceptions.ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=versioned)
    resource.Bucket(versioned).object_versions.delete()
    assert "Versions" not in s3.list_object_versions(Bucket=versioned)
    s3.delete_bucket(Bucket=versioned)
