"""What a request asks an object to be, besides its bytes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from moto.s3.models import get_canned_acl

from localaws.asgi import HEADER_NAME
from localaws.s3 import wording

SYSTEM_METADATA = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
USER_METADATA = "x-amz-meta-"
MAX_USER_METADATA_BYTES = 2048
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html"""
STORAGE_CLASSES = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
)
LOCK_MODE = "x-amz-object-lock-mode"
LOCK_UNTIL = "x-amz-object-lock-retain-until-date"
LEGAL_HOLD = "x-amz-object-lock-legal-hold"
LOCK_MODES = ("GOVERNANCE", "COMPLIANCE")
ISO_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z", re.ASCII
)
"""The form that moto's locks read again."""
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
ENCRYPTIONS = ("AES256", "aws:kms", "aws:kms:dsse")
CANNED_ACLS = (
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
)


@dataclass(frozen=True, kw_only=True)
class ObjectSpec:
    """What is kept with an object."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    """Header -> value, as a GET gives them back."""
    storage_class: str | None = None
    encryption: str | None = None
    kms_key_id: str | None = None
    bucket_key_enabled: str | None = None
    lock_mode: str | None = None
    lock_until: str | None = None
    legal_hold: str | None = None
    website_redirect: str | None = None
    acl: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)


def read_spec(headers: Mapping[str, str]) -> ObjectSpec:
    """Return what the headers of a PUT ask for; raises S3Error for a value that S3 does not have."""
    encryption = headers.get("x-amz-server-side-encryption")
    if encryption is not None and encryption not in ENCRYPTIONS:
        raise wording.invalid_argument(
            "The encryption method specified is not supported",
            name="x-amz-server-side-encryption",
            value=encryption,
        )
    check_lock(headers)
    bucket_key = headers.get("x-amz-server-side-encryption-bucket-key-enabled")
    return ObjectSpec(
        metadata=read_metadata(headers),
        storage_class=read_storage_class(headers),
        encryption=encryption,
        kms_key_id=headers.get("x-amz-server-side-encryption-aws-kms-key-id"),
        bucket_key_enabled=bucket_key.lower() if bucket_key else None,
        lock_mode=headers.get(LOCK_MODE),
        lock_until=headers.get(LOCK_UNTIL),
        legal_hold=headers.get(LEGAL_HOLD),
        website_redirect=headers.get("x-amz-website-redirect-location"),
        acl=read_acl(headers),
        tags=dict(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True)),
    )


def check_lock(headers: Mapping[str, str]) -> None:
    """Raise S3Error for an object lock that cannot be."""
    mode, until = headers.get(LOCK_MODE), headers.get(LOCK_UNTIL)
    if (mode is None) != (until is None):
        raise wording.half_a_lock()
    if mode is not None and mode not in LOCK_MODES:
        raise wording.invalid_argument("Unknown wormMode directive.", name=LOCK_MODE, value=mode)
    if headers.get(LEGAL_HOLD, "OFF") not in ("ON", "OFF"):
        value = headers[LEGAL_HOLD]
        raise wording.invalid_argument(
            "Legal Hold must be either of 'ON' or 'OFF'", name=LEGAL_HOLD, value=value
        )
    if until is not None and not ISO_TIME.fullmatch(until):
        message = "The retain until date must be provided in ISO 8601 format"
        raise wording.invalid_argument(message, name=LOCK_UNTIL, value=until)


def read_storage_class(headers: Mapping[str, str]) -> str | None:
    """Return the storage class that is asked for; raises S3Error for one that S3 does not have."""
    name = headers.get("x-amz-storage-class")
    if name is not None and name not in STORAGE_CLASSES:
        raise wording.invalid_storage_class(name)
    return name


def read_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that an object keeps; raises S3Error for more than S3 takes."""
    found = {
        name: value
        for name, value in headers.items()
        if name in SYSTEM_METADATA or name.startswith(USER_METADATA)
    }
    # those of a presigned URL may be anything
    if wrong := next((name for name in found if not HEADER_NAME.fullmatch(name)), None):
        message = "A metadata name must be one that a header can have"
        raise wording.invalid_argument(message, name="x-amz-meta", value=wrong)
    own = sum(
        len(name) - len(USER_METADATA) + len(value.encode())
        for name, value in found.items()
        if name.startswith(USER_METADATA)
    )
    if own > MAX_USER_METADATA_BYTES:
        raise wording.metadata_too_large(size=own, most=MAX_USER_METADATA_BYTES)
    if encoding := found.pop("content-encoding", None):
        # aws-chunked is how the body travelled, not what the object is
        kept = [name.strip() for name in encoding.split(",") if name.strip() not in ("", "aws-chunked")]
        found |= {"content-encoding": ",".join(kept)} if kept else {}
    return found


def read_acl(headers: Mapping[str, str]) -> Any:
    """Return the ACL that is asked for, as moto keeps it; None where there is none."""
    canned = headers.get("x-amz-acl")
    grants = {name: value for name, value in headers.items() if name.startswith("x-amz-grant-")}
    if canned and grants:
        raise wording.acl_and_grants()
    if canned is not None and canned not in CANNED_ACLS:
        raise wording.invalid_argument("", name="x-amz-acl", value=canned)
    if canned:
        return get_canned_acl(canned)
    return _read_grants(grants) if grants else None


def _read_grants(grants: Mapping[str, str]) -> Any:
    from moto.s3.models import FakeAcl, FakeGrant, FakeGrantee

    found = []
    for name, value in grants.items():
        permission = name.removeprefix("x-amz-grant-").replace("-", "_").upper()
        pairs = re.findall(r'(\w+)\s*=\s*"?([^",]+)"?', value)
        if permission not in ("READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL") or not pairs:
            raise wording.invalid_argument("Argument format not recognized", name=name, value=value)
        grantees = [
            FakeGrantee(grantee_id=text) if kind.lower() == "id" else FakeGrantee(uri=text)
            for kind, text in pairs
        ]
        found.append(FakeGrant(grantees, [permission]))
    return FakeAcl(found)
