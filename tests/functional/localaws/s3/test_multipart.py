"""Uploads in parts."""

import base64
import hashlib
import os
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

PART = os.urandom(5 << 20)
"""The least that a part may have which is not the last."""
TAIL = b"tail"


def begin(s3: Any, bucket: str, key: str, **more: Any) -> str:
    """Begin an upload."""
    return str(s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"])


def send_parts(
    s3: Any, bucket: str, key: str, upload: str, *bodies: bytes, told: tuple[str, ...] = ("ETag",)
) -> list[dict[str, Any]]:
    """Send parts, numbered from 1; return a list of them with what is `told` of each."""
    where = {"Bucket": bucket, "Key": key, "UploadId": upload}
    listed = []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(**where, PartNumber=number, Body=body)
        listed.append({"PartNumber": number} | {name: part[name] for name in told})
    return listed


def complete(s3: Any, bucket: str, key: str, upload: str, parts: list[dict[str, Any]], **more: Any) -> Any:
    """Complete an upload."""
    return s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **more
    )


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    """Return the code that a call is refused with."""
    with pytest.raises(ClientError) as error:
        call(*arguments, **named)
    return str(error.value.response["Error"]["Code"])


def test_parts_become_an_object_with_all_that_the_upload_asked_for(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, "k", ContentType="image/png", Metadata={"a": "1"}, Tagging="t=1")
    listed = send_parts(s3, bucket, "k", upload, PART, TAIL)
    assert [part["Size"] for part in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]] == [
        len(PART),
        len(TAIL),
    ]
    done = complete(s3, bucket, "k", upload, listed)
    digests = b"".join(hashlib.md5(body, usedforsecurity=False).digest() for body in (PART, TAIL))
    assert done["ETag"] == f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-2"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == PART + TAIL
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("image/png", {"a": "1"}, 1)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert complete(s3, bucket, "k", upload, listed)["ETag"] == done["ETag"]


def test_parts_can_be_read_by_their_numbers(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, "n")
    complete(s3, bucket, "n", upload, send_parts(s3, bucket, "n", upload, PART, TAIL))
    got = s3.get_object(Bucket=bucket, Key="n", PartNumber=2)
    assert (got["Body"].read(), got["PartsCount"]) == (TAIL, 2)
    assert s3.head_object(Bucket=bucket, Key="n", PartNumber=1)["ContentLength"] == len(PART)
    assert code_of(s3.get_object, Bucket=bucket, Key="n", PartNumber=3) == "InvalidPartNumber"


def test_lists_that_are_wrong(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, "w")
    first, second, third = send_parts(s3, bucket, "w", upload, PART, TAIL, TAIL)
    for listed, code in (
        ([second, first], "InvalidPartOrder"),
        ([first, first], "InvalidPartOrder"),
        ([first, {"PartNumber": 9, "ETag": first["ETag"]}], "InvalidPart"),
        ([{"PartNumber": 1, "ETag": second["ETag"]}], "InvalidPart"),
        ([first, second, third], "EntityTooSmall"),
        ([], "MalformedXML"),
    ):
        assert code_of(complete, s3, bucket, "w", upload, listed) == code
    assert code_of(s3.get_object, Bucket=bucket, Key="w") == "NoSuchKey"
    complete(s3, bucket, "w", upload, [first, second])
    assert code_of(complete, s3, bucket, "w", "unknown", [first]) == "NoSuchUpload"


def test_a_list_that_is_no_xml(s3: Any, bucket: str, send: Any) -> None:
    upload = begin(s3, bucket, "x")
    for body in ("nonsense", "<CompleteMultipartUpload><Part/></CompleteMultipartUpload>", ""):
        answer = send("POST", f"/{bucket}/x?uploadId={upload}", body=body)
        assert (answer.status, answer.code) == (400, "MalformedXML")


def test_parts_that_are_wrong(s3: Any, bucket: str, send: Any) -> None:
    upload = begin(s3, bucket, "p")
    path = f"/{bucket}/p?uploadId={upload}&partNumber="
    for number in ("0", "10001", "x"):
        refused = send("PUT", path + number, body="x")
        assert refused.code == "InvalidArgument"
        assert f"<ArgumentValue>{number}</ArgumentValue>".encode() in refused.body
    damaged = send("PUT", path + "1", body="x", headers={"x-amz-checksum-crc32": "AAAAAA=="})
    assert damaged.code == "BadDigest"
    assert send("PUT", f"/{bucket}/p?uploadId=unknown&partNumber=1", body="x").code == "NoSuchUpload"
    s3.abort_multipart_upload(Bucket=bucket, Key="p", UploadId=upload)
    assert send("PUT", path + "1", body="x").code == "NoSuchUpload"


def test_parts_that_are_copies(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=PART + PART)
    s3.put_object(Bucket=bucket, Key="small", Body=TAIL)
    upload = begin(s3, bucket, "c")
    where = {"Bucket": bucket, "Key": "c", "UploadId": upload}
    source = {"Bucket": bucket, "Key": "source"}
    asked = f"bytes=1-{len(PART)}"
    first = s3.upload_part_copy(**where, PartNumber=1, CopySource=source, CopySourceRange=asked)
    second = s3.upload_part_copy(**where, PartNumber=2, CopySource={"Bucket": bucket, "Key": "small"})
    listed = [
        {"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]}
        for number, part in ((1, first), (2, second))
    ]
    complete(s3, bucket, "c", upload, listed)
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == PART[1:] + PART[:1] + TAIL


def test_a_copied_part_takes_no_range_without_both_ends(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=PART)
    where = {"Bucket": bucket, "Key": "c", "UploadId": begin(s3, bucket, "c"), "PartNumber": 1}
    for asked in ("0-3", "bytes=3-", "bytes=-3", "bytes=x-y"):
        with pytest.raises(ClientError, match="must be of the form bytes=first-last") as caught:
            s3.upload_part_copy(**where, CopySource=f"{bucket}/source", CopySourceRange=asked)
        assert caught.value.response["Error"]["Code"] == "InvalidArgument"
        assert caught.value.response["Error"]["ArgumentValue"] == asked


def test_a_copied_part_s_checksum_is_told(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=TAIL)
    upload = begin(s3, bucket, "cc", ChecksumAlgorithm="SHA256")
    where = {"Bucket": bucket, "Key": "cc", "UploadId": upload, "PartNumber": 1}
    made = s3.upload_part_copy(**where, CopySource=f"{bucket}/source")["CopyPartResult"]
    expected = base64.b64encode(hashlib.sha256(TAIL).digest()).decode()
    assert made["ChecksumSHA256"] == expected
    listed = [{"PartNumber": 1, "ETag": made["ETag"], "ChecksumSHA256": expected}]
    assert complete(s3, bucket, "cc", upload, listed)["ChecksumType"] == "COMPOSITE"


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_the_checksum_of_the_whole(s3: Any, bucket: str, kind: str) -> None:
    upload = begin(s3, bucket, kind, ChecksumAlgorithm="CRC32", ChecksumType=kind)
    listed = send_parts(s3, bucket, kind, upload, PART, TAIL)
    if kind == "COMPOSITE":
        assert code_of(complete, s3, bucket, kind, upload, listed) == "InvalidRequest"
        listed = send_parts(s3, bucket, kind, upload, PART, TAIL, told=("ETag", "ChecksumCRC32"))
    done = complete(s3, bucket, kind, upload, listed, ChecksumType=kind)
    head = s3.head_object(Bucket=bucket, Key=kind, ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (done["ChecksumCRC32"], kind)
    whole = s3.put_object(Bucket=bucket, Key="whole", Body=PART + TAIL, ChecksumAlgorithm="CRC32")
    assert (done["ChecksumCRC32"] == whole["ChecksumCRC32"]) == (kind == "FULL_OBJECT")
    assert done["ChecksumCRC32"].endswith("-2") == (kind == "COMPOSITE")


def test_a_kind_of_checksum_that_there_is_not(s3: Any, bucket: str) -> None:
    asked = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}
    assert code_of(begin, s3, bucket, "kind", **asked) == "InvalidRequest"


def test_of_those_who_complete_where_nothing_may_be_one_wins(localaws: Any, s3: Any, bucket: str) -> None:
    uploads = [begin(s3, bucket, "race") for _ in range(4)]
    lists = [send_parts(s3, bucket, "race", upload, PART, TAIL) for upload in uploads]
    codes: list[str] = []

    def race(upload: str, listed: list[dict[str, Any]]) -> None:
        try:
            complete(localaws.client("s3"), bucket, "race", upload, listed, IfNoneMatch="*")
            codes.append("won")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=race, args=pair) for pair in zip(uploads, lists, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["PreconditionFailed"] * 3 + ["won"]
