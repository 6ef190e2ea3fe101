"""Put objects into S3 once: what is already there with the same size and SHA-256 is not sent again."""

import base64
import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from musher.datasets.s3_connection import S3Connection
from musher.errors import DatasetError, StagingError

logger = logging.getLogger(__name__)

MISSING_CODES = frozenset({"404", "NoSuchKey", "NotFound"})

_PERMISSIONS = "Allow the connection's role s3:ListBucket, s3:GetObject and s3:PutObject there."
_KEY = "Correct the key, or upload the object first."
_NAME = "Copy the object to a key without these."
_CREDENTIALS = "Correct the credentials of the Airflow connection."
_REGION = "Set the connection's region to the bucket's."
REMEDIES = {
    "NoSuchBucket": "Create the bucket with infra/bootstrap.yaml, or correct its name.",
    "InvalidBucketName": "Correct the bucket's name.",
    "AccessDenied": _PERMISSIONS,
    "403": _PERMISSIONS,
    "NoSuchKey": _KEY,
    "404": _KEY,
    "InvalidKey": _NAME,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "PermanentRedirect": _REGION,
    "301": _REGION,
}
"""What to do about the errors that a second try does not mend; all others may pass and are left as they are.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """What S3 says about an object; `sha256` (hex) is None where it was stored without one."""

    bytes: int
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class S3Folder:
    """The objects below a prefix; names are relative to it, and threads share it."""

    s3: S3Connection
    bucket: str
    prefix: str

    def child(self, name: str) -> "S3Folder":
        """Return the folder below this one."""
        return S3Folder(s3=self.s3, bucket=self.bucket, prefix=self.key(name))

    def key(self, name: str) -> str:
        """Return the full key of a name."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def address(self, name: str) -> str:
        """Return the s3:// address of a name."""
        return f"s3://{self.bucket}/{self.key(name)}"

    def describe(self, name: str) -> StoredObject | None:
        """Return an object's size and SHA-256, or None where there is no such object."""
        with explain_s3_errors(self.address(name)):
            try:
                answer = self.s3.client.head_object(
                    Bucket=self.bucket, Key=self.key(name), ChecksumMode="ENABLED"
                )
            except ClientError as error:
                if error.response["Error"]["Code"] in MISSING_CODES:
                    return None
                raise
        return StoredObject(bytes=answer["ContentLength"], sha256=_stored_sha256(answer))

    def put_once(self, name: str, *, body: bytes, sha256: str, content_type: str) -> int:
        """Store an object unless it is there already, and return the number of bytes sent.

        S3 keeps the SHA-256 that it checked on arrival (x-amz-checksum-sha256); the metadata entry `sha256`
        repeats it for copies that drop checksums.
        """
        if self.describe(name) == StoredObject(bytes=len(body), sha256=sha256):
            return 0
        with explain_s3_errors(self.address(name)):
            self.s3.put(
                self.bucket,
                self.key(name),
                body=body,
                content_type=content_type,
                metadata={"sha256": sha256},
            )
        logger.info("stored %s (%s bytes)", self.address(name), len(body))
        return len(body)

    def copy_once(self, name: str, *, origin: "S3Folder", size: int, sha256: str) -> int:
        """Copy an object of the same name inside S3 unless it is here; return the number of bytes copied."""
        if self.is_intact(name, size=size, sha256=sha256):
            return 0
        with explain_s3_errors(f"{origin.address(name)} -> {self.address(name)}"):
            self.s3.client.copy_object(
                Bucket=self.bucket,
                Key=self.key(name),
                CopySource={"Bucket": origin.bucket, "Key": origin.key(name)},
            )
        return size

    def is_intact(self, name: str, *, size: int, sha256: str) -> bool:
        """Tell whether S3 holds these very bytes; what was stored without a SHA-256 is read to find out."""
        stored = self.describe(name)
        if stored is None or stored.bytes != size:
            return False
        return (stored.sha256 or self._hash(name)) == sha256

    def read(self, name: str, *, kind: type[DatasetError] = StagingError) -> bytes:
        """Return an object's bytes."""
        with explain_s3_errors(self.address(name), kind=kind):
            return self.s3.get(self.bucket, self.key(name))

    def _hash(self, name: str) -> str:
        digest = hashlib.sha256()
        with explain_s3_errors(self.address(name)):
            for piece in self.s3.stream(self.bucket, self.key(name)):
                digest.update(piece)
        return digest.hexdigest()


@contextmanager
def explain_s3_errors(address: str, *, kind: type[DatasetError] = StagingError) -> Iterator[None]:
    """Raise `kind`, with the address and what to do, for an error that stays until someone acts.

    Throttling, outages and digests damaged on the way stay botocore's ClientError: a retry may mend them.
    """
    try:
        yield
    except ClientError as error:
        remedy = REMEDIES.get(error.response["Error"]["Code"])
        if remedy is None:
            raise
        raise kind(f"{address} cannot be used: {error}. {remedy}") from error


def _stored_sha256(answer: dict[str, Any]) -> str | None:
    """Return the SHA-256 of a whole object; that of a multipart upload ("...-3") covers parts only."""
    checksum = answer.get("ChecksumSHA256")
    if checksum and "-" not in checksum:
        return base64.b64decode(checksum).hex()
    metadata: dict[str, str] = answer.get("Metadata", {})
    return metadata.get("sha256")
