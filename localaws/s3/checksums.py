"""The checksums of an object: made while its bytes pass, compared with what the client says they are.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from localaws.s3 import wording
from localaws.s3.crc import CRC32, CRC32C, CRC64NVME, Crc
from localaws.s3.errors import S3Error

PREFIX = "x-amz-checksum-"
POLYNOMIALS = {"CRC32": CRC32, "CRC32C": CRC32C, "CRC64NVME": CRC64NVME}
ALGORITHMS = (*POLYNOMIALS, "SHA1", "SHA256")
FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"


class Hasher(Protocol):
    """What hashlib's objects and ours have in common."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""
        ...

    def digest(self) -> bytes:
        """Return the hash so far."""
        ...


class _Crc32:
    """zlib's CRC-32."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take more bytes."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """Return the CRC so far."""
        return self._value.to_bytes(4, "big")


def make_hasher(algorithm: str) -> Hasher:
    """Return an empty hash of one of ALGORITHMS."""
    if algorithm == "CRC32":
        return _Crc32()
    if algorithm in POLYNOMIALS:
        return Crc(POLYNOMIALS[algorithm])
    return hashlib.new(algorithm.lower(), usedforsecurity=False)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a client says about the bytes that it sends."""

    algorithm: str | None = None
    """The checksum to make and keep; one of ALGORITHMS."""
    value: str | None = None
    """That checksum in base64; None where it comes as a trailer, or is to be made here."""
    md5: bytes | None = None
    sha256: str | None = None
    """The payload's hash that the request is signed with, in hexadecimal digits."""


def read_expected(headers: Mapping[str, str]) -> Expected:
    """Return what the headers of an upload say; raises S3Error for what is no checksum."""
    given = {
        name.removeprefix(PREFIX).upper(): value
        for name, value in headers.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).upper() in ALGORITHMS
    }
    if len(given) > 1:
        raise wording.several_checksums()
    algorithm, value = next(iter(given.items()), (None, None))
    asked = (headers.get("x-amz-sdk-checksum-algorithm") or _trailer_algorithm(headers) or "").upper()
    if asked and asked not in ALGORITHMS:
        raise wording.invalid_algorithm(asked)
    signed = headers.get("x-amz-content-sha256", "")
    return Expected(
        algorithm=algorithm or asked or None,
        value=value if algorithm is None or value is None else check_text(algorithm, value),
        md5=_read_md5(headers.get("content-md5")),
        sha256=signed.lower() if len(signed) == 64 else None,
    )


def _trailer_algorithm(headers: Mapping[str, str]) -> str:
    name = headers.get("x-amz-trailer", "").strip().lower()
    return name.removeprefix(PREFIX) if name.startswith(PREFIX) else ""


def check_text(algorithm: str, value: str) -> str:
    """Return a checksum's text; raises S3Error where it cannot be one."""
    if not is_checksum(algorithm, value):
        raise wording.invalid_checksum(algorithm)
    return value


def is_checksum(algorithm: str, value: str) -> bool:
    """Tell whether a text is base64 of as many bytes as an algorithm makes."""
    try:
        size = len(base64.b64decode(value, validate=True))
    except ValueError:
        return False
    return size == len(make_hasher(algorithm).digest())


def _read_md5(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 16:
        raise wording.invalid_md5()
    return digest


class Digest:
    """The hashes of one stream of bytes. `update` is called by one thread at a time."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self.size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if expected.sha256 else None
        self._asked = make_hasher(expected.algorithm) if expected.algorithm else None

    def update(self, data: bytes | memoryview) -> None:
        """Take more bytes."""
        self.size += len(data)
        self._md5.update(data)
        if self._sha256:
            self._sha256.update(data)
        if self._asked:
            self._asked.update(data)

    @property
    def md5(self) -> str:
        """The MD5 in hexadecimal digits: an object's ETag."""
        return self._md5.hexdigest()

    @property
    def checksum(self) -> str | None:
        """The asked checksum in base64."""
        return base64.b64encode(self._asked.digest()).decode() if self._asked else None

    def check(self, trailers: Mapping[str, str]) -> None:
        """Raise S3Error where the bytes are not those that the client meant to send."""
        expected = self._expected
        if expected.sha256 and self._sha256 and self._sha256.hexdigest() != expected.sha256:
            raise wording.payload_mismatch(sent=expected.sha256, found=self._sha256.hexdigest())
        if expected.md5 is not None and self._md5.digest() != expected.md5:
            raise wording.bad_md5(sent=expected.md5.hex(), found=self.md5)
        if expected.algorithm is None:
            return
        value = expected.value or trailers.get(PREFIX + expected.algorithm.lower())
        if value and check_text(expected.algorithm, value) != self.checksum:
            raise wording.bad_checksum(expected.algorithm)


@dataclass(frozen=True, kw_only=True)
class PartChecksum:
    """The checksum of one part of an upload, in base64."""

    value: str
    size: int


def join_checksums(parts: Iterable[PartChecksum], *, algorithm: str, kind: str) -> str:
    """Return the checksum of joined parts in base64: of all bytes, or (COMPOSITE) of the parts' checksums."""
    if kind == COMPOSITE:
        hasher = make_hasher(algorithm)
        for part in parts:
            hasher.update(base64.b64decode(part.value))
        return base64.b64encode(hasher.digest()).decode()
    polynomial, joined = POLYNOMIALS[algorithm], 0
    for part in parts:
        crc = int.from_bytes(base64.b64decode(part.value), "big")
        joined = polynomial.join(joined, crc, second_bytes=part.size)
    return base64.b64encode(joined.to_bytes(polynomial.width // 8, "big")).decode()


def checksum_kind(algorithm: str, asked: str | None) -> str:
    """Return an upload's kind of checksum; raises S3Error where the algorithm has no such kind."""
    kind = (asked or (FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE)).upper()
    if kind not in (FULL_OBJECT, COMPOSITE) or (
        algorithm not in POLYNOMIALS if kind == FULL_OBJECT else algorithm == "CRC64NVME"
    ):
        raise S3Error("InvalidRequest", wording.checksum_type(kind, algorithm))
    return kind
