"""Answers to API calls about objects that moto gives otherwise: lists, and the deletion of many."""

import re
import xml.etree.ElementTree as ET
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.s3.exceptions import MethodNotAllowed
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, FakeTableStorageBucket
from moto.s3.responses import ACTION_MAP, S3Response

from localaws.s3 import wording
from localaws.s3.listing import (
    ListPage,
    encode,
    find_page,
    read_list_query,
    read_max_keys,
    read_token,
    uploads_behind,
    write_token,
)

DELETED = re.compile(rb"<Deleted>.*?</Deleted>", re.DOTALL)
QUIET = re.compile(rb"<Quiet>\s*true\s*</Quiet>")
MAX_DELETED = 1000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
OWNER = {
    "ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a",
    "DisplayName": "webfile",
}
"""Whose all objects are, as in moto's ACLs."""

_delete_keys = S3Response._bucket_response_delete_keys
_list_versions = S3Response.list_object_versions
_set_action = S3Response._set_action


def list_objects(response: S3Response) -> Any:
    """Answer ListObjects."""
    query = _read_query(response)
    encoding, marker = query.get("encoding-type"), query.get("marker", "")
    asked = read_list_query(query, behind=marker)
    page = find_page(_current(_find_bucket(response)), asked)
    result = _describe(response, page, query) | {
        "MaxKeys": asked.max_keys,
        "Marker": encode(marker, encoding),
        "Contents": [_describe_key(key, encoding) | {"Owner": OWNER} for key in page.keys],
    }
    if page.last is not None and asked.delimiter:  # without one, clients go on from the last key
        result["NextMarker"] = encode(page.last, encoding)
    return _answer(response, "ListObjects", result)


def list_objects_v2(response: S3Response) -> Any:
    """Answer ListObjectsV2."""
    query = _read_query(response)
    encoding, token = query.get("encoding-type"), query.get("continuation-token")
    start = query.get("start-after", "")
    asked = read_list_query(query, behind=start if token is None else read_token(token))
    page = find_page(_current(_find_bucket(response)), asked)
    has_owner = query.get("fetch-owner") == "true"
    owner = {"Owner": OWNER} if has_owner else {}
    result = _describe(response, page, query) | {
        "MaxKeys": asked.max_keys,
        "KeyCount": page.size,
        "Contents": [_describe_key(key, encoding) | owner for key in page.keys],
    }
    result |= {"ContinuationToken": token} if token is not None else {}
    result |= {"StartAfter": encode(start, encoding)} if start and token is None else {}
    result |= {"NextContinuationToken": write_token(page.last)} if page.last is not None else {}
    return _answer(response, "ListObjectsV2", result)


def list_object_versions(response: S3Response) -> Any:
    """Answer ListObjectVersions, unless it asks for a number that cannot be."""
    query = _read_query(response)
    if "max-keys" in query:
        read_max_keys(query["max-keys"])
    if query.get("version-id-marker") and not query.get("key-marker"):
        message = "A version-id marker cannot be specified without a key marker."
        raise wording.invalid_argument(message, name="version-id-marker", value=query["version-id-marker"])
    return _list_versions(response)


def list_multipart_uploads(response: S3Response) -> Any:
    """Answer ListMultipartUploads: in the order of keys, and of one key by when they began."""
    query = _read_query(response)
    encoding, marker = query.get("encoding-type"), query.get("key-marker", "")
    asked = read_list_query({**query, "max-keys": query.get("max-uploads", "")}, behind="")
    uploads = sorted(_find_bucket(response).multiparts.values(), key=_when_of_upload)
    behind = uploads_behind(uploads, key=marker, upload_id=query.get("upload-id-marker", ""))
    # A name for each, as several may be of one key: a delimiter still finds the key's own folders.
    named = [(f"{upload.key_name}\0{index:08}", upload) for index, upload in enumerate(behind)]
    page = find_page(named, asked)
    last = page.keys[-1] if page.keys else None
    result = _describe(response, page, query) | {
        "Bucket": response.bucket_name,
        "KeyMarker": encode(marker, encoding),
        "UploadIdMarker": query.get("upload-id-marker", ""),
        "MaxUploads": asked.max_keys,
        "Uploads": [_describe_upload(upload, encoding) for upload in page.keys],
    }
    result.pop("Name")
    if page.last is not None:
        result["NextKeyMarker"] = encode(page.last.partition("\0")[0], encoding)
        if last is not None and page.last.startswith(f"{last.key_name}\0"):
            result["NextUploadIdMarker"] = last.id
    return _answer(response, "ListMultipartUploads", result)


def _when_of_upload(upload: Any) -> tuple[str, datetime, str]:
    return upload.key_name, upload.initiated, upload.id


def _describe_upload(upload: Any, encoding: str | None) -> dict[str, Any]:
    found = {
        "Key": encode(upload.key_name, encoding),
        "UploadId": upload.id,
        "Initiator": OWNER,
        "Owner": OWNER,
        "StorageClass": upload.storage or "STANDARD",
        "Initiated": upload.initiated.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    if upload.algorithm:
        found |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.checksum_kind}
    return found


def delete_keys(response: S3Response, *args: Any, **options: Any) -> Any:
    """Answer DeleteObjects; a quiet one hears of errors only."""
    sent = response.body if isinstance(response.body, bytes) else response.body.encode()
    check_deletion(sent)
    status, headers, body = _delete_keys(response, *args, **options)
    if QUIET.search(sent):
        body = DELETED.sub(b"", body if isinstance(body, bytes) else body.encode())
    return status, headers, body


def check_deletion(document: bytes) -> None:
    """Raise S3Error where a body is no list of 1 to 1,000 keys."""
    try:
        root = ET.fromstring(document)  # noqa: S314 - expat bounds what entities grow to
    except (ET.ParseError, ValueError) as error:
        raise wording.malformed_xml() from error
    objects = [element for element in root if _name(element) == "Object"]
    named = [element for element in objects if any(_name(child) == "Key" and child.text for child in element)]
    if _name(root) != "Delete" or not 1 <= len(objects) <= MAX_DELETED or len(named) < len(objects):
        raise wording.malformed_xml()


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _read_query(response: S3Response) -> dict[str, str]:
    found = response._get_querystring(response.request, response.uri)
    return {name: values[0] for name, values in found.items()}


def _find_bucket(response: S3Response) -> FakeBucket:
    bucket = response.backend.get_bucket(response.bucket_name)
    if isinstance(bucket, FakeTableStorageBucket):
        raise MethodNotAllowed
    return bucket


def _current(bucket: FakeBucket) -> list[tuple[str, FakeKey]]:
    """Return the objects that are there now: deleted ones make no common prefix."""
    return [(name, key) for name, key in bucket.keys.items() if not isinstance(key, FakeDeleteMarker)]


def _describe(response: S3Response, page: ListPage, query: dict[str, str]) -> dict[str, Any]:
    """Return what both lists say of a page."""
    encoding, delimiter = query.get("encoding-type"), query.get("delimiter", "")
    found: dict[str, Any] = {
        "Name": response.bucket_name,
        "IsTruncated": page.last is not None,
        "Prefix": encode(query.get("prefix", ""), encoding),
    }
    if delimiter:
        found["Delimiter"] = encode(delimiter, encoding)
        found["CommonPrefixes"] = [{"Prefix": encode(name, encoding)} for name in page.prefixes]
    return found | ({"EncodingType": encoding} if encoding else {})


def _describe_key(key: FakeKey, encoding: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Key": encode(key.name, encoding),
        "LastModified": key.last_modified_ISO8601,
        "ETag": key.etag,
        "Size": key.size,
        "StorageClass": key.storage_class,
    }
    if key.checksum_algorithm:
        found |= {"ChecksumAlgorithm": [key.checksum_algorithm], "ChecksumType": key.checksum_type}
    return found


def _answer(response: S3Response, action: str, result: dict[str, Any]) -> Any:
    response.data["Action"] = action
    return response.serialized(ActionResult(result))


def set_action(response: S3Response, kind: str, method: str, query: dict[str, Any]) -> None:
    """Name the action, or raise MethodNotAllowed where a method has none, as a POST to an object."""
    known = ACTION_MAP[kind].get(method, {})
    if "DEFAULT" not in known and not known.keys() & query.keys():
        raise MethodNotAllowed
    _set_action(response, kind, method, query)


def install() -> None:
    """Put our answers where moto looks for its own."""
    for name, answer in {
        "list_objects": list_objects,
        "list_objects_v2": list_objects_v2,
        "list_object_versions": list_object_versions,
        "list_multipart_uploads": list_multipart_uploads,
        "_bucket_response_delete_keys": delete_keys,
        "_set_action": set_action,
    }.items():
        setattr(S3Response, name, answer)
