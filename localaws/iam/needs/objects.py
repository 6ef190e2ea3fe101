"""What S3 asks for beyond a table: by headers, by versions, by the keys in a body.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from localaws.faults.asked import Asked
from localaws.iam.needs.arns import Asking
from localaws.iam.needs.encryption import find_key_uses
from localaws.s3.authorization import HEADER_KEYS
from localaws.s3.target import ACCESS_POINT, CONTROL_HOST, CONTROL_PATH
from localaws.wire.documents import check_document
from localaws.wire.readers import UnreadableError

Pair = tuple[str, str]
"""An action, and the resource that it is on."""
VERSIONED = {
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
}
"""Action -> the one that is asked for where a version is named."""
GRANTS = ("x-amz-acl", "x-amz-grant-")
COPY_SOURCE, TAGGING, BYPASS = "x-amz-copy-source", "x-amz-tagging", "x-amz-bypass-governance-retention"
LOCK_MODE, LEGAL_HOLD = "x-amz-object-lock-mode", "x-amz-object-lock-legal-hold"
BEGINNINGS = ("PutObject", "CopyObject", "CreateMultipartUpload")
"""Operations that make an object with all that belongs to it."""
OF_KEYS = "DeleteObjects"
ALL_KEYS = "*"
AUTH_TYPES = {True: "REST-HEADER", False: "REST-QUERY-STRING"}


def is_elsewhere(asked: Asked) -> bool:
    """Tell whether a request is for S3's control plane or an access point, whose paths name no buckets."""
    host = asked.request.headers.get("host", "")
    return asked.request.path.startswith(CONTROL_PATH) or CONTROL_HOST in host or ACCESS_POINT in host


async def find_pairs(asked: Asked, asking: Asking, pairs: list[Pair]) -> list[Pair]:
    """Return the actions of a request, with those of the table among them."""
    if asking.operation == OF_KEYS:
        return _delete_keys(await asked.read_body(), asking) + _bypass(asked, pairs)
    version = asking.tree.get("versionId")
    own = [(VERSIONED.get(action, action) if version else action, resource) for action, resource in pairs]
    return [*own, *_by_headers(asked, asking, own)]


def _by_headers(asked: Asked, asking: Asking, own: list[Pair]) -> Iterator[Pair]:
    headers, resource = asked.request.headers, own[0][1]
    source = _read_source(headers[COPY_SOURCE], asking) if COPY_SOURCE in headers else None
    if source is not None:
        yield source
    yield from find_key_uses(asking, headers=headers, read=source[1] if source else resource)
    if asking.operation == "CreateBucket":
        yield from _make_bucket(headers, resource)
    if asking.operation.startswith("Delete"):
        yield from _bypass(asked, own)
    if asking.operation not in BEGINNINGS:
        return
    if any(name.startswith(GRANTS) for name in headers):
        yield "s3:PutObjectAcl", resource
    if TAGGING in headers:
        yield "s3:PutObjectTagging", resource
    if LOCK_MODE in headers:
        yield "s3:PutObjectRetention", resource
    if LEGAL_HOLD in headers:
        yield "s3:PutObjectLegalHold", resource


def _make_bucket(headers: Mapping[str, str], resource: str) -> Iterator[Pair]:
    if any(name.startswith(GRANTS) for name in headers):
        yield "s3:PutBucketAcl", resource
    if headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
        yield "s3:PutBucketObjectLockConfiguration", resource
        yield "s3:PutBucketVersioning", resource
    if "x-amz-object-ownership" in headers:
        yield "s3:PutBucketOwnershipControls", resource


def _bypass(asked: Asked, pairs: list[Pair]) -> list[Pair]:
    is_asked = asked.request.headers.get(BYPASS, "").lower() == "true"
    return [("s3:BypassGovernanceRetention", resource) for _, resource in pairs] if is_asked else []


def _read_source(source: str, asking: Asking) -> Pair:
    """Return what a copy reads: `bucket/key`, as in a URL, with `?versionId=` behind it."""
    place, _, query = source.partition("?")
    is_version = any(name == "versionId" for name, _ in parse_qsl(query))
    action = "s3:GetObjectVersion" if is_version else "s3:GetObject"
    return action, f"arn:{asking.partition}:s3:::{unquote(place).lstrip('/')}"


def _delete_keys(body: bytes, asking: Asking) -> list[Pair]:
    """Return what it takes to delete each key of a list; all keys, where the list cannot be read."""
    arn = f"arn:{asking.partition}:s3:::{asking.tree['Bucket']}/"
    try:
        check_document(body)
        objects = [each for each in ElementTree.fromstring(body) if _name(each) == "Object"]  # noqa: S314 - checked
    except (UnreadableError, ElementTree.ParseError):
        objects = []
    pairs = []
    for each in objects:
        texts = {_name(member): member.text or "" for member in each}
        action = "s3:DeleteObjectVersion" if texts.get("VersionId") else "s3:DeleteObject"
        pairs.append((action, arn + texts.get("Key", "")))
    return list(dict.fromkeys(pairs)) or [("s3:DeleteObject", arn + ALL_KEYS)]


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def object_facts(asked: Asked, asking: Asking) -> dict[str, Any]:
    """Return S3's condition keys.

    Of a part of an upload nothing is known that was said when the upload began.
    """
    headers = asked.request.headers
    facts: dict[str, Any] = {
        "s3:authtype": AUTH_TYPES["authorization" in headers],
        "s3:signatureversion": "AWS4-HMAC-SHA256",
    }
    if "uploadId" not in asking.tree:
        facts |= {key: headers[name] for key in HEADER_KEYS if (name := key.removeprefix("s3:")) in headers}
    if TAGGING in headers:
        tags = dict(parse_qsl(headers[TAGGING], keep_blank_values=True))
        facts |= {f"s3:requestobjecttag/{key.lower()}": value for key, value in tags.items()}
        facts["s3:requestobjecttagkeys"] = list(tags)
    return facts
