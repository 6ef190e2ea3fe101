"""GET and HEAD of an object: headers from moto's lists, bytes from the file."""

import asyncio
import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from moto.s3.models import FakeBucket, FakeDeleteMarker

from localaws.asgi import Receive, Send
from localaws.s3 import wording
from localaws.s3.backend import FileKey, FileMultipart, LocalS3Backend
from localaws.s3.checksums import COMPOSITE, PREFIX
from localaws.s3.conditions import Span, is_modified, read_range
from localaws.s3.errors import REQUEST_ID, new_request_id
from localaws.s3.files import Body
from localaws.s3.spec import ARCHIVED
from localaws.s3.target import Target

BLOCK_BYTES = 512 << 10
"""Bytes read at a time by a thread, while the block before is sent."""
OVERRIDES = {
    f"response-{name}": name
    for name in (
        "content-type",
        "content-language",
        "expires",
        "cache-control",
        "content-disposition",
        "content-encoding",
    )
}
MAX_PART_NUMBER = 10_000
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
DEFAULT_ENCRYPTION = "AES256"
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html"""
WORDED_BY_MOTO = ("x-amz-restore", "x-amz-server-side-encryption")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What of an object is answered."""

    status: int
    span: Span
    headers: Mapping[str, str]


async def answer_read(
    target: Target, bucket: FakeBucket, backend: LocalS3Backend, *, send: Send, threads: Executor
) -> None:
    """Answer GET or HEAD; raises S3Error before anything is sent."""
    request = target.request
    key = find_readable(target, bucket, backend)
    headers = object_headers(key, backend) | {REQUEST_ID: new_request_id()}
    if not is_modified(key, request.headers):
        await _send_start(send, 304, headers)
        await send({"type": "http.response.body", "body": b""})
        return
    selection = _select(target, key)
    headers |= {"content-length": str(selection.span.size), "accept-ranges": "bytes", **selection.headers}
    headers |= key.metadata
    if (
        selection.span.size == key.size
        and request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    ):
        headers |= checksum_headers(key)
    headers |= {header: target.query[name] for name, header in OVERRIDES.items() if name in target.query}
    if request.method == "HEAD":
        await _send_start(send, selection.status, headers)
        await send({"type": "http.response.body", "body": b""})
        return
    await _send_body(key.body, selection, headers, send=send, receive=request.receive, threads=threads)


async def _send_body(
    body: Body,
    selection: Selection,
    headers: Mapping[str, str],
    *,
    send: Send,
    receive: Receive,
    threads: Executor,
) -> None:
    """Send the headers and the bytes; what could fail fails before the first byte is sent."""
    span = selection.span
    if body.segment:
        data = body.segment.read(offset=body.offset + span.start, size=span.size)
        await _send_start(send, selection.status, headers)
        await send({"type": "http.response.body", "body": data})
        return
    file = body.open()
    try:
        await _send_start(send, selection.status, headers)
        await _send_span(file, span, send=send, receive=receive, threads=threads)
    finally:
        os.close(file)


def find_readable(target: Target, bucket: FakeBucket, backend: LocalS3Backend) -> FileKey:
    """Return the version that is asked for; raises S3Error where there is none, or it is archived."""
    version_id = target.query.get("versionId")
    found = backend.find_version(bucket, target.key, version_id)
    if found is None:
        raise (
            wording.no_such_version(target.key, version_id=version_id)
            if version_id
            else wording.no_such_key(target.key)
        )
    if isinstance(found, FakeDeleteMarker):
        raise (
            wording.is_delete_marker(found.version_id)
            if version_id
            else wording.no_such_key(target.key, marker_id=found.version_id)
        )
    if target.request.method == "GET" and not is_restored(found):
        raise wording.invalid_object_state(str(found.storage_class))
    key: FileKey = found
    return key


def is_restored(key: FileKey) -> bool:
    """Tell whether an object's bytes can be read: it is not archived, or has been restored."""
    if key.storage_class not in ARCHIVED:
        return True
    return 'ongoing-request="false"' in str(key.response_dict.get("x-amz-restore", ""))


def object_headers(key: FileKey, backend: LocalS3Backend) -> dict[str, str]:
    """Return what every answer about an object says of it, names in lower case."""
    headers = {"etag": key.etag, "last-modified": _http_date(key.last_modified.replace(microsecond=0))}
    optional = {
        "x-amz-version-id": key.version_id if key.version_id != "null" else None,
        "x-amz-server-side-encryption": key.encryption or DEFAULT_ENCRYPTION,
        "x-amz-storage-class": key.storage_class if key.storage_class != "STANDARD" else None,
        "x-amz-website-redirect-location": key.website_redirect_location,
        "x-amz-object-lock-legal-hold": key.lock_legal_status,
        "x-amz-object-lock-mode": key.lock_mode,
        "x-amz-object-lock-retain-until-date": key.lock_until,
    }
    headers |= {name: str(value) for name, value in optional.items() if value}
    if key.encryption is not None or key.expiry_date:  # what moto words itself
        said = {name.lower(): str(value) for name, value in key.response_dict.items()}
        headers |= {name: value for name, value in said.items() if name.startswith(WORDED_BY_MOTO)}
    if tags := backend.tagger.get_tag_dict_for_resource(key.arn):
        headers["x-amz-tagging-count"] = str(len(tags))
    return headers


@lru_cache(maxsize=1024)
def _http_date(moment: datetime) -> str:
    return format_datetime(moment.replace(tzinfo=UTC), usegmt=True)


def checksum_headers(key: FileKey) -> dict[str, str]:
    """Return an object's checksum, where it has one."""
    if not key.checksum_algorithm or not key.checksum_value:
        return {}
    value, kind = key.checksum_value, key.checksum_type or "FULL_OBJECT"
    if kind == COMPOSITE:
        value = f"{value}-{key.checksum_parts}"
    return {PREFIX + key.checksum_algorithm.lower(): value, "x-amz-checksum-type": kind}


def _select(target: Target, key: FileKey) -> Selection:
    """Return which bytes are asked for: by a part's number, by a range, or all."""
    if (part := target.query.get("partNumber")) is not None:
        return _select_part(part, key)
    span = read_range(target.request.headers.get("range"), size=key.size)
    if span is None:
        return Selection(status=200, span=Span(start=0, size=key.size), headers={})
    return Selection(status=206, span=span, headers={"content-range": span.content_range(key.size)})


def read_part_number(text: str) -> int:
    """Return a part's number; raises S3Error for one that is none."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= MAX_PART_NUMBER:
        raise wording.wrong_part_number(text)
    return int(text)


def _select_part(text: str, key: FileKey) -> Selection:
    number = read_part_number(text)
    upload: Any = key.multipart
    sizes = upload.sizes if isinstance(upload, FileMultipart) and upload.sizes else (key.size,)
    if number > len(sizes):
        raise wording.no_such_part(number, count=len(sizes))
    span = Span(start=sum(sizes[: number - 1]), size=sizes[number - 1])
    headers = {"x-amz-mp-parts-count": str(len(sizes))} if key.multipart else {}
    if span.size:
        headers["content-range"] = span.content_range(key.size)
    return Selection(status=206, span=span, headers=headers)


async def _send_start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    pairs: Iterable[tuple[bytes, bytes]] = [
        (name.encode("latin-1", "replace"), CONTROL_CHARACTERS.sub(" ", value).encode("latin-1", "replace"))
        for name, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _send_span(file: int, span: Span, *, send: Send, receive: Receive, threads: Executor) -> None:
    """Send bytes of a large file in blocks, which a thread reads ahead; stop where the client is gone."""
    loop = asyncio.get_running_loop()
    gone = asyncio.ensure_future(_wait_for_disconnect(receive))
    offset, end = span.start, span.start + span.size
    try:
        block = await loop.run_in_executor(threads, _read, file, offset, min(BLOCK_BYTES, span.size))
        while not gone.done():
            offset += len(block)
            if offset >= end:
                await send({"type": "http.response.body", "body": block})
                return
            reading = loop.run_in_executor(threads, _read, file, offset, min(BLOCK_BYTES, end - offset))
            try:
                await send({"type": "http.response.body", "body": block, "more_body": True})
            finally:
                await asyncio.wait([reading])
            block = reading.result()
    finally:
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


def _read(file: int, offset: int, size: int) -> bytes:
    """Read bytes; raises OSError where the file is shorter than moto's list says."""
    data = os.pread(file, size, offset)
    if len(data) != size:
        raise OSError(f"an object's file ends at {offset + len(data)}")
    return data


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
