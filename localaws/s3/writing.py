"""PUT, copy and DELETE of an object: the bytes are whole in a file before moto's lists hear of them.

Lists change on the event loop, without a pause between a condition and the change that depends on it.
"""

import asyncio
import dataclasses
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeDeleteMarker, s3_backends
from moto.s3.notifications import S3NotificationEvent

from localaws.asgi import Response
from localaws.s3 import wording
from localaws.s3.backend import FileKey, LocalS3Backend
from localaws.s3.checksums import FULL_OBJECT, PREFIX, Digest, Expected
from localaws.s3.conditions import COPY_SOURCE, check_write, is_modified
from localaws.s3.files import Body, Files
from localaws.s3.reading import checksum_headers, is_restored, object_headers
from localaws.s3.receiving import receive_upload
from localaws.s3.spec import ObjectSpec, read_metadata, read_spec
from localaws.s3.target import Target, read_query
from localaws.s3.versions import check_version_id

XML = {"content-type": "application/xml"}
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an object is, or will be."""

    target: Target
    bucket: FakeBucket
    backend: LocalS3Backend
    files: Files
    disk: Executor
    """Threads that read, write and hash."""
    events: Executor
    """Threads that tell others of a change; they may wait for a function."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers, with those that a presigned URL carries as parameters."""
        hoisted = {
            name.lower(): value
            for name, value in self.target.query.items()
            if name.lower().startswith(("x-amz-meta-", "x-amz-acl", "x-amz-tagging", "x-amz-storage-class"))
            or name.lower() in ("content-type", "content-md5")
        }
        return {**hoisted, **self.target.request.headers} if hoisted else self.target.request.headers

    def current(self) -> FileKey | None:
        """Return the object that is there now."""
        return self.backend.find_current(self.bucket, self.target.key)

    async def on_disk(self, work: Any, *arguments: Any) -> Any:
        """Do work that takes long in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.disk, work, *arguments)

    async def announce(self, event: S3NotificationEvent, key: FileKey) -> None:
        """Tell those of a change whom the bucket's configuration names."""
        if self.bucket.notification_configuration is None:
            return
        tell = partial(notifications.send_event, self.backend.account_id, event, self.bucket, key)
        await asyncio.get_running_loop().run_in_executor(self.events, tell)


async def answer_put(place: Place) -> Response:
    """Store a new object."""
    headers, key = place.headers, place.target.key
    spec = _with_lock(place.bucket, read_spec(headers), has_checksum=_has_checksum(headers))
    place.backend.check_tags(spec.tags)
    check_write(place.current(), headers, key=key)
    upload = await receive_upload(place.target.request, files=place.files, threads=place.disk)
    stored = commit(place, upload.body, spec)
    if upload.algorithm:
        stored.checksum_algorithm, stored.checksum_value = upload.algorithm, upload.checksum
        stored.checksum_type = FULL_OBJECT
    await place.announce(S3NotificationEvent.OBJECT_CREATED_PUT_EVENT, stored)
    return Response(headers=written_headers(place, stored) | checksum_headers(stored))


def commit(place: Place, body: Body, spec: ObjectSpec, **more: Any) -> FileKey:
    """Put a whole file into the lists, if the request's conditions hold now; else the file is removed."""
    try:
        check_write(place.current(), place.headers, key=place.target.key)
        if place.target.find_bucket() is not place.bucket:  # deleted while the bytes came
            raise wording.no_such_bucket(place.bucket.name)
        return place.backend.store(place.bucket, place.target.key, body, spec, **more)
    except BaseException:
        body.remove()
        raise


def written_headers(place: Place, key: FileKey) -> dict[str, str]:
    """Return what the answer to a write says of the object."""
    hidden = ("last-modified", "x-amz-tagging-count", "x-amz-storage-class")
    return {name: value for name, value in object_headers(key, place.backend).items() if name not in hidden}


def _has_checksum(headers: Mapping[str, str]) -> bool:
    names = ("content-md5", "x-amz-sdk-checksum-algorithm", "x-amz-trailer")
    return any(name in headers for name in names) or any(name.startswith(PREFIX) for name in headers)


def _with_lock(bucket: FakeBucket, spec: ObjectSpec, *, has_checksum: bool) -> ObjectSpec:
    """Return the spec with the bucket's default lock; raises S3Error for a lock that cannot be."""
    is_locked = bool(spec.lock_mode or spec.lock_until or spec.legal_hold == "ON")
    has_default = bucket.object_lock_enabled and bucket.has_default_lock
    if is_locked and not bucket.object_lock_enabled:
        raise wording.lock_not_enabled()
    if (is_locked or has_default) and not has_checksum:
        raise wording.lock_needs_checksum()
    if is_locked or not has_default:
        return spec
    return dataclasses.replace(
        spec, lock_mode=bucket.default_lock_mode, lock_until=bucket.default_retention()
    )


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a copy is made of."""

    key: FileKey
    bucket: FakeBucket
    version_id: str | None


def find_source(place: Place) -> Source:
    """Return the object that `x-amz-copy-source` names; raises S3Error where it cannot be copied."""
    headers = place.headers
    path, _, query = headers["x-amz-copy-source"].partition("?")
    bucket_name, _, name = unquote(path).lstrip("/").partition("/")
    version_id = read_query(query).get("versionId")
    check_version_id(version_id)
    if not bucket_name or not name:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise wording.invalid_argument(message, name="x-amz-copy-source", value=path)
    owner = s3_backends.bucket_accounts.get(bucket_name)
    bucket = s3_backends[owner[1]][owner[0]].buckets.get(bucket_name) if owner else None
    if bucket is None:
        raise wording.no_such_bucket(bucket_name)
    found = place.backend.find_version(bucket, name, version_id)
    if found is None or isinstance(found, FakeDeleteMarker):
        if found is None and version_id:
            raise wording.no_such_version(name, version_id=version_id)
        raise wording.no_such_key(name)
    if not is_restored(found):
        raise wording.not_in_active_tier()
    if not is_modified(found, headers, prefix=COPY_SOURCE):
        raise wording.precondition_failed(f"{COPY_SOURCE}If-None-Match")
    return Source(key=found, bucket=bucket, version_id=version_id)


async def answer_copy(place: Place) -> Response:
    """Store an object that shares the bytes of another."""
    headers = place.headers
    source = find_source(place)
    original = source.key
    spec = read_spec(headers)
    is_replaced = headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    _check_copy_changes(place, source, spec, is_replaced=is_replaced)
    spec = dataclasses.replace(
        spec,
        metadata=read_metadata(headers) if is_replaced else dict(original.metadata),
        tags=spec.tags
        if headers.get("x-amz-tagging-directive", "COPY").upper() == "REPLACE"
        else place.backend.tagger.get_tag_dict_for_resource(original.arn),
    )
    spec = _with_lock(place.bucket, spec, has_checksum=True)
    place.backend.check_tags(spec.tags)
    check_write(place.current(), headers, key=place.target.key)
    body = place.files.copy(original.body)
    stored = await _store_copy(place, original, body, spec)
    await place.announce(S3NotificationEvent.OBJECT_CREATED_COPY_EVENT, stored)
    answered = {name: value for name, value in written_headers(place, stored).items() if name != "etag"}
    if original.version_id != "null":
        answered["x-amz-copy-source-version-id"] = str(original.version_id)
    return Response(body=_copy_document(stored).encode(), headers=answered | XML)


def _copy_document(stored: FileKey) -> str:
    """Return CopyObjectResult."""
    return (
        f"{DECLARATION}<CopyObjectResult {NAMESPACE}><LastModified>{stored.last_modified_ISO8601}"
        f"</LastModified><ETag>{escape(stored.etag)}</ETag>{checksum_element(stored)}</CopyObjectResult>"
    )


def checksum_element(stored: FileKey) -> str:
    """Return the XML element of a checksum; nothing where there is none."""
    name, value = f"Checksum{stored.checksum_algorithm}", stored.checksum_value
    return f"<{name}>{value}</{name}>" if value else ""


async def _store_copy(place: Place, original: FileKey, body: Body, spec: ObjectSpec) -> FileKey:
    """Put a copy into the lists, with the hashes of the whole: those of joined parts are made now."""
    algorithm = (place.headers.get("x-amz-checksum-algorithm") or original.checksum_algorithm or "").upper()
    is_known = algorithm == (original.checksum_algorithm or "") and original.checksum_type != "COMPOSITE"
    checksum = original.checksum_value
    try:
        if body.md5 is None or not is_known:
            digest = await place.on_disk(_hash, body, Expected(algorithm=algorithm or None))
            body, checksum = dataclasses.replace(body, md5=digest.md5), digest.checksum
    except BaseException:
        body.remove()
        raise
    stored = commit(place, body, spec)
    if algorithm:
        stored.checksum_algorithm, stored.checksum_value = algorithm, checksum
        stored.checksum_type = FULL_OBJECT
    return stored


def _hash(body: Body, expected: Expected) -> Digest:
    digest = Digest(expected)
    for block in body.blocks():
        digest.update(block)
    return digest


def _check_copy_changes(place: Place, source: Source, spec: ObjectSpec, *, is_replaced: bool) -> None:
    """Raise S3Error where an object is copied to itself and stays as it is."""
    if source.key.name != place.target.key or source.bucket is not place.bucket:
        return
    changes = (spec.storage_class, spec.encryption, spec.website_redirect, place.bucket.encryption)
    if is_replaced or any(changes) or (place.bucket.is_versioned and source.version_id):
        return
    if source.key.encryption in (None, "AES256"):
        raise wording.copy_changes_nothing()


async def answer_delete(place: Place) -> Response:
    """Remove an object or a version of it, or put a delete marker on it."""
    target, headers = place.target, place.headers
    if "if-match" in headers:
        check_write(place.current(), {"if-match": headers["if-match"]}, key=target.key)
    version_id = target.query.get("versionId")
    delete = partial(
        place.backend.delete_object,
        target.bucket_name,
        target.key,
        version_id=version_id,
        bypass=headers.get("x-amz-bypass-governance-retention", "").lower() == "true",
    )
    if place.bucket.notification_configuration is None:
        _, facts = delete()
    else:  # it tells others of the change, and may wait for them
        _, facts = await asyncio.get_running_loop().run_in_executor(place.events, delete)
    return Response(status=204, headers={f"x-amz-{name}": value for name, value in facts.items()})
