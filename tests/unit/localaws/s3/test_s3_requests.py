"""What requests ask for: objects, ranges, metadata, ACLs, names of buckets."""

from typing import Any

import pytest

from localaws.asgi import Request
from localaws.s3.backend import is_bucket_name
from localaws.s3.conditions import Span, read_range
from localaws.s3.errors import S3Error, answer_error
from localaws.s3.multipart import read_list
from localaws.s3.spec import read_metadata, read_spec
from localaws.s3.step import is_about_bytes
from localaws.s3.subresources import check_built
from localaws.s3.target import Caller, Target, read_caller, read_query, read_target

CALLER = Caller(access_key_id="test", service="s3", region="us-east-1")


async def receive_nothing() -> dict[str, Any]:
    """Give no body."""
    return {"type": "http.disconnect"}


def target(method: str, path: str, *, query: str = "", host: str = "127.0.0.1:4566") -> Target | None:
    """Return what a request is about."""
    request = Request(method=method, path=path, query=query, headers={"host": host}, receive=receive_nothing)
    return read_target(request, caller=CALLER, query=read_query(query))


@pytest.mark.parametrize(
    ("path", "host", "bucket", "key"),
    [
        ("/b/k", "127.0.0.1:4566", "b", "k"),
        ("/b/a/%2F+%C3%BC%20", "localhost:4566", "b", "a//+ü "),
        ("/b//k", "127.0.0.1", "b", "/k"),
        ("/b/", "127.0.0.1", "b", ""),
        ("/k", "b.s3.us-east-1.amazonaws.com", "b", "k"),
        ("/k/l", "b.s3.localhost:4566", "b", "k/l"),
        ("/b/k", "s3.us-east-1.amazonaws.com", "b", "k"),
    ],
)
def test_bucket_and_key(path: str, host: str, bucket: str, key: str) -> None:
    found = target("GET", path, host=host)
    assert found is not None
    assert (found.bucket_name, found.key) == (bucket, key)


def test_what_is_of_other_services() -> None:
    assert target("GET", "/v20180820/accesspoint") is None
    assert target("GET", "/k", host="123456789012.s3-control.us-east-1.amazonaws.com") is None
    assert target("GET", "/k", host="a-123456789012.s3-accesspoint.us-east-1.amazonaws.com") is None


@pytest.mark.parametrize(
    ("method", "query", "expected"),
    [
        ("GET", "", True),
        ("GET", "versionId=1&response-expires=x&partNumber=2&x-id=GetObject", True),
        ("GET", "acl", False),
        ("GET", "tagging=", False),
        ("GET", "uploadId=1", False),
        ("HEAD", "", True),
        ("PUT", "", True),
        ("PUT", "uploadId=1&partNumber=1", True),
        ("PUT", "retention", False),
        ("DELETE", "versionId=1", True),
        ("DELETE", "uploadId=1", False),
        ("POST", "uploadId=1", True),
        ("POST", "uploads", False),
        ("POST", "select&select-type=2", False),
        ("OPTIONS", "", False),
    ],
)
def test_which_requests_are_about_an_object_s_bytes(method: str, query: str, expected: bool) -> None:
    found = target(method, "/b/k", query=query)
    assert found is not None
    assert is_about_bytes(found) == expected


def test_who_signed() -> None:
    scope = "AWS4-HMAC-SHA256 Credential=AK/20260101/eu-west-1/S3/aws4_request, SignedHeaders=host"
    assert read_caller({"authorization": scope}, {}) == Caller(
        access_key_id="AK", service="s3", region="eu-west-1"
    )
    presigned = read_query("X-Amz-Credential=AK%2F20260101%2Feu-west-1%2Fsts%2Faws4_request")
    assert read_caller({}, presigned) == Caller(access_key_id="AK", service="sts", region="eu-west-1")
    assert read_caller({"authorization": "AWS AK:sig="}, {}) is not None
    assert read_caller({}, read_query("AWSAccessKeyId=AK&Signature=a+b&Expires=1")) is not None
    assert read_caller({"authorization": "Bearer x"}, {}) is None
    assert read_caller({}, {}) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("bytes=0-0", Span(start=0, size=1)),
        ("bytes=5-", Span(start=5, size=5)),
        ("bytes=-3", Span(start=7, size=3)),
        ("bytes=-30", Span(start=0, size=10)),
        ("bytes=8-30", Span(start=8, size=2)),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
    ],
)
def test_ranges_of_ten_bytes(text: str | None, expected: Span | None) -> None:
    assert read_range(text, size=10) == expected


@pytest.mark.parametrize(
    ("text", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)]
)
def test_ranges_behind_the_end(text: str, size: int) -> None:
    with pytest.raises(S3Error) as refused:
        read_range(text, size=size)
    answer = answer_error(refused.value, method="GET", path="/b/k")
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{size}")


def test_metadata() -> None:
    headers = {
        "content-type": "image/png",
        "content-encoding": "aws-chunked, gzip",
        "x-amz-meta-a": "1",
        "x-amz-content-sha256": "0" * 64,
        "user-agent": "x",
    }
    assert read_metadata(headers) == {
        "content-type": "image/png",
        "content-encoding": "gzip",
        "x-amz-meta-a": "1",
    }
    with pytest.raises(S3Error, match="MetadataTooLarge"):
        read_metadata({"x-amz-meta-a": "x" * 2049})


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-acl": "everybody"},
        {"x-amz-acl": "private", "x-amz-grant-read": "id=1"},
        {"x-amz-grant-read": "nobody"},
        {"x-amz-grant-dance": "id=1"},
        {"x-amz-storage-class": "OUTPOSTS"},
    ],
)
def test_what_an_object_cannot_be(headers: dict[str, str]) -> None:
    with pytest.raises(S3Error):
        read_spec(headers)


def test_grants() -> None:
    acl = read_spec({"x-amz-grant-full-control": 'id="1", uri=http://a.example/g'}).acl
    assert [grant.permissions for grant in acl.grants] == [["FULL_CONTROL"]]
    assert [(grantee.id, grantee.uri) for grantee in acl.grants[0].grantees] == [
        ("1", ""),
        ("", "http://a.example/g"),
    ]


def test_the_list_of_parts() -> None:
    document = (
        b'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part>'
        b'<PartNumber>1</PartNumber><ETag>"abc"</ETag><ChecksumCRC32>x</ChecksumCRC32></Part>'
        b"</CompleteMultipartUpload>"
    )
    (part,) = read_list(document)
    assert (part.number, part.etag, part.checksums) == (1, "abc", {"CRC32": "x"})
    for wrong in (b"", b"<a/>", b"<a><Part><ETag>x</ETag></Part></a>", document.replace(b">1<", b">x<")):
        with pytest.raises(S3Error, match="MalformedXML"):
            read_list(wrong)


@pytest.mark.parametrize("name", ["abc", "a.b-c.1", "0-0", "a" * 63])
def test_good_bucket_names(name: str) -> None:
    assert is_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "A-b",
        "a_b",
        "a..b",
        "a.-b",
        "a-.b",
        "-ab",
        "ab-",
        "1.2.3.4",
        "xn--a",
        "a-s3alias",
        "a b",
    ],
)
def test_bad_bucket_names(name: str) -> None:
    assert not is_bucket_name(name)


def test_an_error_names_what_it_is_about_and_is_quoted() -> None:
    error = S3Error("NoSuchKey", "The <key>", facts={"Key": "a&b"})
    answer = answer_error(error, method="GET", path="/b/a&b")
    assert answer.status == 404
    assert b"<Message>The &lt;key&gt;</Message><Key>a&amp;b</Key>" in answer.body
    assert answer_error(error, method="HEAD", path="/b/a").body == b""


@pytest.mark.parametrize(
    ("method", "path", "query", "action"),
    [
        ("DELETE", "/b", "metrics&id=a", "DeleteBucketMetricsConfiguration"),
        ("DELETE", "/b", "inventory&id=a", "DeleteBucketInventoryConfiguration"),
        ("PUT", "/b", "requestPayment", "PutBucketRequestPayment"),
        ("PUT", "/b/a/%C3%BC", "renameObject", "RenameObject"),
        ("DELETE", "/b/k", "annotation&annotationName=a", "DeleteObjectAnnotation"),
        ("PUT", "/b/k", "encryption", "UpdateObjectEncryption"),
    ],
)
def test_what_moto_would_take_for_the_bucket_or_object_is_refused(
    method: str, path: str, query: str, action: str
) -> None:
    found = target(method, path, query=query)
    assert found is not None
    with pytest.raises(S3Error, match=f"localaws does not implement s3:{action}") as caught:
        check_built(found)
    assert answer_error(caught.value, method=method, path=path).status == 501


@pytest.mark.parametrize(
    ("path", "query"), [("/b", "encryption"), ("/b", "inventory&id=a"), ("/b/k", "metrics"), ("/b", "")]
)
def test_what_moto_knows_is_not_refused(path: str, query: str) -> None:
    found = target("PUT", path, query=query)
    assert found is not None
    check_built(found)
