"""What a client says of its bytes, and what they are."""

import base64
import hashlib
import zlib

import pytest

from localaws.s3.checksums import (
    ALGORITHMS,
    Digest,
    Expected,
    PartChecksum,
    checksum_kind,
    join_checksums,
    make_hasher,
    read_expected,
)
from localaws.s3.errors import S3Error

BODY = b"hello world"
CRC = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()


def code_of(headers: dict[str, str]) -> str:
    """Return the code that headers are refused with."""
    with pytest.raises(S3Error) as refused:
        read_expected(headers)
    return refused.value.code


def test_headers_are_read() -> None:
    md5 = hashlib.md5(BODY, usedforsecurity=False).digest()
    found = read_expected({"x-amz-checksum-crc32": CRC, "content-md5": base64.b64encode(md5).decode()})
    assert (found.algorithm, found.value, found.md5) == ("CRC32", CRC, md5)
    assert read_expected({"x-amz-trailer": "x-amz-checksum-crc32c"}).algorithm == "CRC32C"
    assert read_expected({"x-amz-sdk-checksum-algorithm": "sha1"}).algorithm == "SHA1"
    assert read_expected({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}).sha256 is None
    assert read_expected({"x-amz-checksum-mode": "ENABLED"}) == Expected()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-crc32": CRC, "x-amz-checksum-sha1": "x"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "?"}, "InvalidRequest"),
        ({"x-amz-checksum-sha256": CRC}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "MD6"}, "InvalidRequest"),
        ({"content-md5": CRC}, "InvalidDigest"),
    ],
)
def test_headers_that_are_wrong(headers: dict[str, str], code: str) -> None:
    assert code_of(headers) == code


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bytes_are_held_against_what_was_said(algorithm: str) -> None:
    hasher = make_hasher(algorithm)
    hasher.update(BODY)
    right = base64.b64encode(hasher.digest()).decode()
    wrong = base64.b64encode(bytes(len(hasher.digest()))).decode()
    digest = Digest(Expected(algorithm=algorithm))
    digest.update(BODY)
    name = f"x-amz-checksum-{algorithm.lower()}"
    digest.check({name: right})
    assert digest.checksum == right
    with pytest.raises(S3Error, match="BadDigest"):
        digest.check({name: wrong})


def test_the_whole_and_the_composite_checksum() -> None:
    parts = [
        PartChecksum(value=base64.b64encode(zlib.crc32(piece).to_bytes(4, "big")).decode(), size=len(piece))
        for piece in (b"hello", b" ", b"world")
    ]
    assert join_checksums(parts, algorithm="CRC32", kind="FULL_OBJECT") == CRC
    digests = b"".join(base64.b64decode(part.value) for part in parts)
    expected = base64.b64encode(zlib.crc32(digests).to_bytes(4, "big")).decode()
    assert join_checksums(parts, algorithm="CRC32", kind="COMPOSITE") == expected


def test_kinds_of_checksums() -> None:
    assert checksum_kind("CRC64NVME", None) == "FULL_OBJECT"
    assert checksum_kind("SHA256", None) == "COMPOSITE"
    for algorithm, kind in (("SHA1", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE"), ("CRC32", "HALF")):
        with pytest.raises(S3Error):
            checksum_kind(algorithm, kind)
