"""Objects as clients put, get, copy and delete them."""

import base64
import hashlib
import json
import os
import socket
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

LARGE = os.urandom(3_000_000)
"""More than localaws handles in one piece."""


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    """Return status and code of what a call is refused with."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return (
        error.value.response["ResponseMetadata"]["HTTPStatusCode"],
        str(error.value.response["Error"]["Code"]),
    )


def test_all_that_belongs_to_an_object_comes_back(s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket,
        Key="a folder/größe+1 %2F.bin",
        Body=LARGE,
        ContentType="image/jpeg",
        CacheControl="no-store",
        ContentEncoding="gzip",
        Metadata={"with_underscore": "1"},
        StorageClass="STANDARD_IA",
        ServerSideEncryption="AES256",
        Tagging="a=1&b=2",
    )
    answer = s3.get_object(Bucket=bucket, Key="a folder/größe+1 %2F.bin")
    assert answer["Body"].read() == LARGE
    assert answer["ETag"] == f'"{hashlib.md5(LARGE, usedforsecurity=False).hexdigest()}"'
    assert (answer["ContentType"], answer["CacheControl"]) == ("image/jpeg", "no-store")
    assert (answer["ContentEncoding"], answer["Metadata"]) == ("gzip", {"with_underscore": "1"})
    assert (answer["StorageClass"], answer["ServerSideEncryption"]) == ("STANDARD_IA", "AES256")
    assert answer["TagCount"] == 2
    head = s3.head_object(Bucket=bucket, Key="a folder/größe+1 %2F.bin", ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ChecksumType"]) == (len(LARGE), "FULL_OBJECT")


@pytest.mark.parametrize("key", ["small", "large"])
def test_ranges(s3: Any, bucket: str, send: Any, key: str) -> None:
    body = LARGE if key == "large" else LARGE[:1000]
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    path, size = f"/{bucket}/{key}", len(body)
    for asked, expected in {
        "bytes=10-19": body[10:20],
        "bytes=990-": body[990:],
        "bytes=-5": body[-5:],
        f"bytes=0-{size * 2}": body,
    }.items():
        answer = send("GET", path, headers={"range": asked})
        assert (answer.status, answer.body) == (206, expected), asked
        assert answer.headers["content-range"].endswith(f"/{size}")
    for ignored in ("bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=-"):
        assert (send("GET", path, headers={"range": ignored}).status) == 200, ignored
    behind = send("GET", path, headers={"range": f"bytes={size}-"})
    assert (behind.status, behind.code) == (416, "InvalidRange")
    assert send("HEAD", path, headers={"range": "bytes=1-2"}).headers["content-length"] == "2"


def test_readers_conditions(s3: Any, bucket: str, send: Any) -> None:
    etag = s3.put_object(Bucket=bucket, Key="read", Body=b"x")["ETag"]
    past, future = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    for headers, status in (
        ({"if-match": etag}, 200),
        ({"if-match": '"0"'}, 412),
        ({"if-none-match": etag}, 304),
        ({"if-none-match": '"0"', "if-modified-since": future}, 200),
        ({"if-modified-since": future}, 304),
        ({"if-unmodified-since": past}, 412),
        ({"if-match": etag, "if-unmodified-since": past}, 200),
    ):
        assert send("GET", f"/{bucket}/read", headers=headers).status == status, headers
        assert send("HEAD", f"/{bucket}/read", headers=headers).status == status, headers


def test_writers_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")["ETag"]
    put = s3.put_object
    assert refused(put, Bucket=bucket, Key="once", Body=b"2", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert refused(put, Bucket=bucket, Key="once", Body=b"2", IfMatch='"0"') == (412, "PreconditionFailed")
    assert refused(put, Bucket=bucket, Key="none", Body=b"2", IfMatch=etag) == (404, "NoSuchKey")
    assert refused(put, Bucket=bucket, Key="once", Body=b"2", IfNoneMatch=etag) == (501, "NotImplemented")
    put(Bucket=bucket, Key="once", Body=b"3", IfMatch=etag)
    assert refused(s3.delete_object, Bucket=bucket, Key="once", IfMatch=etag) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="once")["Body"].read() == b"3"


def test_versions(s3: Any) -> None:
    bucket = "objects-versioned"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first, second = (s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", LARGE))
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == second
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"]
    assert refused(s3.get_object, Bucket=bucket, Key="k") == (404, "NoSuchKey")
    by_marker = refused(s3.get_object, Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert by_marker == (405, "MethodNotAllowed")
    assert refused(s3.get_object, Bucket=bucket, Key="k", VersionId="0" * 32)[1] == "NoSuchVersion"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    copy = s3.copy_object(
        Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k", "VersionId": first}
    )
    assert copy["CopySourceVersionId"] == first
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"1"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=second)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_versions_are_listed_and_stay_readable(s3: Any) -> None:
    bucket = "objects-listed-versions"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first, second = (s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", LARGE))
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    for _ in range(2):
        listed = s3.list_object_versions(Bucket=bucket)
        found = [(version["VersionId"], version["Size"]) for version in listed["Versions"]]
        assert sorted(found) == sorted([(first, 1), (second, len(LARGE))])
        assert [entry["VersionId"] for entry in listed["DeleteMarkers"]] == [marker]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=second)["Body"].read() == LARGE


def test_a_copy_lives_on_when_its_source_is_gone(s3: Any, bucket: str) -> None:
    for key, body in (("tiny", b"tiny"), ("big", LARGE)):
        s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"a": "1"}, Tagging="t=1")
        source = {"Bucket": bucket, "Key": key}
        s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=source)
        s3.copy_object(
            Bucket=bucket,
            Key=f"{key}-new",
            CopySource=source,
            Metadata={"b": "2"},
            MetadataDirective="REPLACE",
        )
        s3.delete_object(Bucket=bucket, Key=key)
        copy, new = (s3.get_object(Bucket=bucket, Key=f"{key}-{end}") for end in ("copy", "new"))
        assert copy["Body"].read() == new["Body"].read() == body
        assert (copy["Metadata"], copy["TagCount"], new["Metadata"]) == ({"a": "1"}, 1, {"b": "2"})


def test_copies_that_cannot_be(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="self", Body=b"x")
    here = {"Bucket": bucket, "Key": "self"}
    assert refused(s3.copy_object, **here, CopySource=here)[1] == "InvalidRequest"
    missing = {"Bucket": bucket, "Key": "missing"}
    assert refused(s3.copy_object, **here, CopySource=missing) == (404, "NoSuchKey")
    elsewhere = {"Bucket": "no-such-bucket-here", "Key": "x"}
    assert refused(s3.copy_object, **here, CopySource=elsewhere) == (404, "NoSuchBucket")
    etag = s3.head_object(**here)["ETag"]
    condition = refused(s3.copy_object, Bucket=bucket, Key="c", CopySource=here, CopySourceIfNoneMatch=etag)
    assert condition == (412, "PreconditionFailed")


def test_what_is_not_there(s3: Any, bucket: str, send: Any) -> None:
    assert refused(s3.get_object, Bucket="no-such-bucket-here", Key="k") == (404, "NoSuchBucket")
    assert refused(s3.get_object, Bucket=bucket, Key="missing") == (404, "NoSuchKey")
    assert s3.delete_object(Bucket=bucket, Key="missing")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert send("HEAD", f"/{bucket}/missing").status == 404
    assert send("GET", f"/{bucket}/{'k' * 1025}").code == "KeyTooLongError"
    assert send("GET", f"/{bucket}/%ff").code == "InvalidURI"


@pytest.mark.parametrize("size", [10, len(LARGE)])
@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("content-md5", base64.b64encode(b"\0" * 16).decode(), "BadDigest"),
        ("content-md5", "nonsense", "InvalidDigest"),
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-crc32c", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=", "BadDigest"),
        ("x-amz-checksum-sha1", base64.b64encode(b"\0" * 20).decode(), "BadDigest"),
        ("x-amz-checksum-sha256", base64.b64encode(b"\0" * 32).decode(), "BadDigest"),
        ("x-amz-checksum-sha256", "AAAAAA==", "InvalidRequest"),
        ("x-amz-content-sha256", "0" * 64, "XAmzContentSHA256Mismatch"),
        ("x-amz-storage-class", "FRESH", "InvalidStorageClass"),
        ("x-amz-server-side-encryption", "rot13", "InvalidArgument"),
        ("x-amz-tagging", "&".join(f"t{number}=1" for number in range(11)), "BadRequest"),
    ],
)
def test_what_is_not_as_the_client_says_is_not_kept(
    bucket: str, send: Any, header: str, value: str, code: str, size: int
) -> None:
    answer = send("PUT", f"/{bucket}/wrong", body=LARGE[:size], headers={header: value})
    assert (answer.status, answer.code) == (400, code)
    assert send("GET", f"/{bucket}/wrong").status == 404


@pytest.mark.parametrize("checksum", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_kept(s3: Any, bucket: str, checksum: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="sum", Body=LARGE, ChecksumAlgorithm=checksum)
    got = s3.get_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
    assert got["Body"].read() == LARGE
    assert got[f"Checksum{checksum}"] == put[f"Checksum{checksum}"]


def test_chunks_with_a_trailer(bucket: str, send: Any) -> None:
    """What boto3 and the CLI send over TLS."""
    digest = base64.b64encode(hashlib.sha256(b"hello world").digest()).decode()
    for trailer, status in ((digest, 200), (base64.b64encode(b"\0" * 32).decode(), 400)):
        body = f"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-sha256:{trailer}\r\n\r\n"
        headers = {
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-trailer": "x-amz-checksum-sha256",
            "x-amz-decoded-content-length": "11",
            "content-encoding": "aws-chunked",
        }
        assert send("PUT", f"/{bucket}/chunks-{status}", body=body, headers=headers).status == status
    got = send("GET", f"/{bucket}/chunks-200", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (got.body, got.headers["x-amz-checksum-sha256"]) == (b"hello world", digest)
    assert "content-encoding" not in got.headers
    assert send("GET", f"/{bucket}/chunks-400").status == 404


def test_a_body_of_unknown_length(bucket: str, send: Any) -> None:
    pieces = [LARGE[start : start + 100_000] for start in range(0, len(LARGE), 100_000)]
    assert send("PUT", f"/{bucket}/streamed", body=iter(pieces)).status == 200
    assert send("GET", f"/{bucket}/streamed").body == LARGE


def test_a_client_is_told_to_go_on_and_one_that_goes_away_leaves_nothing(
    localaws: Any, bucket: str, send: Any
) -> None:
    address = localaws.url.removeprefix("http://").split(":")
    head = f"PUT /{bucket}/half HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 3000000\r\n"
    signed = "authorization: AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/s3/aws4_request\r\n"
    with socket.create_connection((address[0], int(address[1])), timeout=60) as client:
        client.sendall(f"{head}{signed}expect: 100-continue\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(LARGE[:1_000_000])
    time.sleep(0.2)
    assert send("GET", f"/{bucket}/half").status == 404


def test_policies_and_acls(s3: Any, send: Any) -> None:
    bucket = "objects-guarded"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="private", Body=b"x")
    s3.put_object(Bucket=bucket, Key="public", Body=b"x", ACL="public-read")
    assert send("GET", f"/{bucket}/private", signed=False).code == "AccessDenied"
    assert send("GET", f"/{bucket}/public", signed=False).status == 200
    statement = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*",
    }  # fmt: skip
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    assert refused(s3.get_object, Bucket=bucket, Key="public") == (403, "AccessDenied")


def test_a_queue_hears_of_changes_once(localaws: Any, s3: Any) -> None:
    sqs, bucket = localaws.client("sqs"), "objects-notified"
    url = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket=bucket)
    events = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [events]}
    )
    s3.put_object(Bucket=bucket, Key="a", Body=b"12", Tagging="t=1")
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="c", UploadId=upload, PartNumber=1, Body=b"123")
    listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="c", UploadId=upload, MultipartUpload=listed)
    s3.delete_object(Bucket=bucket, Key="a")
    messages = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        messages += [json.loads(message["Body"]) for message in found]
    records = [record for message in messages for record in message.get("Records", [])]
    assert sorted((record["eventName"], record["s3"]["object"]["key"]) for record in records) == [
        ("ObjectCreated:CompleteMultipartUpload", "c"),
        ("ObjectCreated:Copy", "b"),
        ("ObjectCreated:Put", "a"),
        ("ObjectRemoved:Delete", "a"),
    ]


@pytest.mark.parametrize(
    "name", ["Upper", "under_score", "two..dots", "-a-b", "192.168.1.1", "xn--abc", "ab"]
)
def test_bad_bucket_names(send: Any, name: str) -> None:
    answer = send("PUT", f"/{name}")
    assert (answer.status, answer.code) == (400, "InvalidBucketName")


def test_a_template_and_a_function_are_read_from_s3(localaws: Any, s3: Any, bucket: str) -> None:
    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "from-s3"}}}}
    s3.put_object(Bucket=bucket, Key="t.json", Body=json.dumps(template))
    url = f"https://{bucket}.s3.amazonaws.com/t.json"
    localaws.client("cloudformation").create_stack(StackName="from-s3", TemplateURL=url)
    assert localaws.client("sqs").get_queue_url(QueueName="from-s3")["QueueUrl"]


def test_a_data_dir_holds_the_objects_and_is_left_empty(start_server: Any, tmp_path: Path) -> None:
    server = start_server("--data-dir", str(tmp_path))
    s3 = server.client("s3")
    s3.create_bucket(Bucket="kept")
    for key, body in (("large", LARGE), ("small", b"x" * 5000)):
        s3.put_object(Bucket="kept", Key=key, Body=body)

    def stored() -> int:
        return sum(path.stat().st_size for path in (tmp_path / "s3").rglob("*") if path.is_file())

    assert stored() == len(LARGE) + 5000
    s3.delete_object(Bucket="kept", Key="large")
    assert stored() == 5000
    upload = s3.create_multipart_upload(Bucket="kept", Key="m")["UploadId"]
    s3.upload_part(Bucket="kept", Key="m", UploadId=upload, PartNumber=1, Body=LARGE)
    reset(server.url)
    assert stored() == 0
    server.process.terminate()
    server.process.wait(timeout=60)
    assert list((tmp_path / "s3").iterdir()) == []


def reset(url: str) -> None:
    """Let moto forget everything."""
    request = urllib.request.Request(f"{url}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


LONG = "9" * 5000


@pytest.mark.parametrize(
    ("method", "query", "headers"),
    [
        ("GET", "response-content-type=a%0d%0aset-cookie:x", {}),
        ("GET", "partNumber=x", {}),
        ("GET", f"partNumber={LONG}", {}),
        ("GET", "versionId=%00", {}),
        ("GET", "", {"range": f"bytes={LONG}-"}),
        ("GET", "", {"if-modified-since": "Mon, 01 Jan 0001 00:00:00 +2300"}),
        ("GET", "", {"if-modified-since": "soon"}),
        ("GET", f"Signature=x&AWSAccessKeyId=a&Expires={LONG}", {"authorization": ""}),
        ("GET", "X-Amz-Algorithm=x&X-Amz-Credential=a/20260101/r/s3/aws4_request", {"authorization": ""}),
        ("PUT", "", {"x-amz-copy-source": "%ff"}),
        ("PUT", "", {"x-amz-copy-source": "/"}),
        ("PUT", "", {"x-amz-copy-source": "b/k?versionId=%ff"}),
        ("PUT", "", {"x-amz-content-sha256": "STREAMING-X", "x-amz-decoded-content-length": LONG}),
        ("PUT", "", {"x-amz-content-sha256": "STREAMING-X"}),
        ("PUT", "", {"x-amz-object-lock-mode": "GOVERNANCE"}),
        ("PUT", "", {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": "soon"}),
        ("PUT", "", {"x-amz-object-lock-legal-hold": "MAYBE"}),
        ("PUT", "", {"x-amz-tagging": "a=" + "b" * 300}),
        ("PUT", "", {"x-amz-tagging": "aws:a=b"}),
        ("PUT", "partNumber=1", {}),
        ("POST", "uploadId=x", {}),
        ("POST", "uploadId=x", {"content-type": "application/x-www-form-urlencoded"}),
        ("DELETE", "versionId=nothing", {}),
    ],
)
def test_nothing_that_a_client_sends_is_a_failure_of_the_server(
    s3: Any, bucket: str, send: Any, method: str, query: str, headers: dict[str, str]
) -> None:
    s3.put_object(Bucket=bucket, Key="nonsense", Body=b"x")
    answer = send(method, f"/{bucket}/nonsense?{query}", body="x" * (method == "PUT"), headers=headers)
    assert answer.status < 500 or answer.code == "NotImplemented"


def test_object_locks(s3: Any) -> None:
    bucket, until = "objects-locked", datetime(2099, 1, 1, tzinfo=UTC)
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x", **lock)["VersionId"]
    assert refused(s3.delete_object, Bucket=bucket, Key="k", VersionId=version)[0] == 403
    assert s3.head_object(Bucket=bucket, Key="k")["ObjectLockRetainUntilDate"] == until
    s3.create_bucket(Bucket="objects-unlocked")
    assert refused(s3.put_object, Bucket="objects-unlocked", Key="k", Body=b"x", **lock)[0] == 400


def test_a_reader_that_goes_away_disturbs_nobody(localaws: Any, s3: Any, bucket: str, send: Any) -> None:
    s3.put_object(Bucket=bucket, Key="read-on", Body=LARGE * 3)
    logged_before = len(localaws.log.read_text())
    host, port = localaws.url.removeprefix("http://").split(":")
    signed = "authorization: AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/s3/aws4_request\r\n"
    for _ in range(3):
        with socket.create_connection((host, int(port)), timeout=60) as client:
            client.sendall(f"GET /{bucket}/read-on HTTP/1.1\r\nhost: {host}\r\n{signed}\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200")
    assert send("GET", f"/{bucket}/read-on").body == LARGE * 3
    assert "Traceback" not in localaws.log.read_text()[logged_before:]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("<Policy/>", "Policies must be valid JSON"),
        ("[]", "Policies must be valid JSON"),
        ("[" * 5000, "Policies must be valid JSON"),
        ("{}", "Invalid policy syntax."),
        ('{"Statement": []}', "Invalid policy syntax."),
        ('{"Statement": ["Allow"]}', "Invalid policy syntax."),
        ('{"Statement": {"Effect": "Allow", "Action": 5, "Resource": "*"}}', "Invalid policy syntax."),
        ('{"Statement": {"Effect": "Maybe", "Action": "*", "Resource": "*"}}', "Invalid policy syntax."),
    ],
)
def test_what_is_no_policy_is_refused_and_leaves_the_objects_readable(
    s3: Any, policy: str, message: str
) -> None:
    """moto kept it, and each request for an object of the bucket failed from then on."""
    s3.create_bucket(Bucket="objects-policies")
    s3.put_object(Bucket="objects-policies", Key="a", Body=b"x")
    with pytest.raises(ClientError, match=f"MalformedPolicy.*{message}"):
        s3.put_bucket_policy(Bucket="objects-policies", Policy=policy)
    assert s3.get_object(Bucket="objects-policies", Key="a")["Body"].read() == b"x"


def test_a_policy_s_resource_is_no_regular_expression(s3: Any) -> None:
    bucket = "objects-patterns"
    s3.create_bucket(Bucket=bucket)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject"}
    resources = [f"arn:aws:s3:::{bucket}/{name}" for name in ("a.c", "(", "(a+)+$")]
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Statement": [statement | {"Resource": resources}]})
    )
    for key in ("abc", "a" * 40 + "b", "a.c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="abc")["Body"].read() == b"x"
    assert s3.get_object(Bucket=bucket, Key="a" * 40 + "b")["Body"].read() == b"x"
    assert refused(s3.get_object, Bucket=bucket, Key="a.c") == (403, "AccessDenied")


def test_a_metadata_name_that_no_header_can_have_is_refused(s3: Any, send: Any) -> None:
    """A presigned URL carries metadata as parameters; the object could never be read again."""
    s3.create_bucket(Bucket="objects-names")
    sent = send("PUT", "/objects-names/a?x-amz-meta-a%0d%0aX-Evil:%201%0d%0aX-b=v", body=b"x")
    assert (sent.status, sent.code) == (400, "InvalidArgument")
    assert refused(s3.head_object, Bucket="objects-names", Key="a")[0] == 404
