"""Uploads in parts: each part is a file, and completing joins them without reading them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

import hashlib
import itertools
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from moto.s3.notifications import S3NotificationEvent
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from localaws.asgi import Response
from localaws.s3 import wording
from localaws.s3.backend import FileKey, FileMultipart
from localaws.s3.checksums import (
    ALGORITHMS,
    COMPOSITE,
    FULL_OBJECT,
    PREFIX,
    Digest,
    Expected,
    PartChecksum,
    is_checksum,
    join_checksums,
    read_expected,
)
from localaws.s3.chunked import read_length
from localaws.s3.conditions import Span, check_write, read_range
from localaws.s3.files import Body, Files
from localaws.s3.reading import read_part_number
from localaws.s3.receiving import Upload, receive_upload
from localaws.s3.spec import ObjectSpec, read_metadata
from localaws.s3.writing import (
    DECLARATION,
    NAMESPACE,
    XML,
    Place,
    checksum_element,
    commit,
    find_source,
    written_headers,
)

COPY_BYTES = 1 << 20
COPY_RANGE = re.compile(r"bytes=[0-9]+-[0-9]+")
MAX_DOCUMENT_BYTES = 4 << 20
"""A list of 10,000 parts with checksums has less."""


@dataclass(frozen=True, kw_only=True)
class ListedPart:
    """One part as CompleteMultipartUpload names it."""

    number: int
    etag: str
    checksums: dict[str, str]


def find_upload(place: Place) -> FileMultipart:
    """Return the upload that is asked for; raises S3Error where there is none."""
    upload_id = place.target.query["uploadId"]
    upload = place.bucket.multiparts.get(upload_id)
    if not isinstance(upload, FileMultipart) or upload.key_name != place.target.key:
        raise wording.no_such_upload(upload_id)
    return upload


async def answer_part(place: Place) -> Response:
    """Keep one part."""
    number, upload = read_part_number(place.target.query["partNumber"]), find_upload(place)
    check_algorithm(upload, read_expected(place.headers).algorithm)
    received = await receive_upload(
        place.target.request, files=place.files, threads=place.disk, algorithm=upload.algorithm
    )
    part = _keep_part(place, number, received)
    headers = {"etag": part.etag}
    if received.algorithm and received.checksum:
        headers[PREFIX + received.algorithm.lower()] = received.checksum
    return Response(headers=headers | _encryption(upload))


def check_algorithm(upload: FileMultipart, sent: str | None) -> None:
    """Raise S3Error where a part's checksum is not of the algorithm that its upload names."""
    is_optional = sent is None and upload.checksum_kind == FULL_OBJECT
    if upload.algorithm not in (None, sent) and not is_optional:
        raise wording.other_algorithm(expected=str(upload.algorithm), sent=sent)


def _keep_part(place: Place, number: int, received: Upload) -> FileKey:
    try:
        part = find_upload(place).set_part(number, received.body)  # type: ignore[arg-type]
    except BaseException:
        received.body.remove()
        raise
    part.checksum_algorithm, part.checksum_value = received.algorithm, received.checksum
    return part  # type: ignore[return-value]


def _encryption(upload: FileMultipart) -> dict[str, str]:
    found = {
        "x-amz-server-side-encryption": upload.sse_encryption,
        "x-amz-server-side-encryption-aws-kms-key-id": upload.kms_key_id,
    }
    return {name: value for name, value in found.items() if value}


async def answer_part_copy(place: Place) -> Response:
    """Keep a part that is bytes of another object."""
    number, upload = read_part_number(place.target.query["partNumber"]), find_upload(place)
    source = find_source(place).key
    text = place.headers.get("x-amz-copy-source-range")
    if text is not None and not COPY_RANGE.fullmatch(text):
        raise wording.wrong_copy_range(text)
    span = read_range(text, size=source.size) or Span(start=0, size=source.size)
    span = Span(start=span.start + source.body.offset, size=span.size)
    file = source.body.open()  # it stays readable where the object is deleted now
    try:
        received = await place.on_disk(_copy_span, place.files, file, span, upload.algorithm)
    finally:
        os.close(file)
    part = _keep_part(place, number, received)
    document = (
        f"{DECLARATION}<CopyPartResult {NAMESPACE}><LastModified>{part.last_modified_ISO8601}</LastModified>"
        f"<ETag>{escape(part.etag)}</ETag>{checksum_element(part)}</CopyPartResult>"
    )
    version = {"x-amz-copy-source-version-id": str(source.version_id)} if source.version_id != "null" else {}
    return Response(body=document.encode(), headers=XML | version | _encryption(upload))


def _copy_span(files: Files, file: int, span: Span, algorithm: str | None) -> Upload:
    """Copy bytes of an open file, and hash them."""
    digest, incoming = Digest(Expected(algorithm=algorithm)), files.create()
    try:
        incoming.append(file, offset=span.start, size=span.size)
        for offset in range(span.start, span.start + span.size, COPY_BYTES):
            digest.update(os.pread(file, min(COPY_BYTES, span.start + span.size - offset), offset))
        body = files.keep(incoming, size=span.size, md5=digest.md5)
    finally:
        files.drop(incoming)
    return Upload(body=body, algorithm=algorithm, checksum=digest.checksum)


async def answer_complete(place: Place) -> Response:
    """Make an object of the listed parts; asking twice is answered twice."""
    upload_id = place.target.query["uploadId"]
    if (read_length(place.headers.get("content-length")) or 0) > MAX_DOCUMENT_BYTES:
        raise wording.malformed_xml()
    listed = read_list(await place.target.request.body())
    if (done := _find_done(place, upload_id)) is not None:
        return _answer_completed(place, done)
    upload = find_upload(place)
    async with upload.completing:
        if (done := _find_done(place, upload_id)) is not None:
            return _answer_completed(place, done)
        find_upload(place)
        check_write(place.current(), place.headers, key=place.target.key)
        parts = check_list(upload, listed)
        check_whole(upload, parts, place.headers)
        stored = await _join(place, upload, parts)
    await place.announce(S3NotificationEvent.OBJECT_CREATED_COMPLETE_MULTIPART_UPLOAD_EVENT, stored)
    return _answer_completed(place, stored)


def _find_done(place: Place, upload_id: str) -> FileKey | None:
    current = place.current()
    upload = current.multipart if current else None
    return current if upload is not None and upload.id == upload_id else None


def read_list(document: bytes) -> list[ListedPart]:
    """Return the parts that a request lists; raises S3Error for what is no such list."""
    try:
        root = ET.fromstring(document)  # noqa: S314 - expat bounds what entities grow to
        parts = [_read_part(element) for element in root if _name(element) == "Part"]
    except (ET.ParseError, ValueError, KeyError) as error:
        raise wording.malformed_xml() from error
    if not parts:
        raise wording.malformed_xml()
    return parts


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _read_part(element: ET.Element) -> ListedPart:
    values = {_name(child): (child.text or "").strip() for child in element}
    checksums = {name: values[f"Checksum{name}"] for name in ALGORITHMS if values.get(f"Checksum{name}")}
    return ListedPart(number=int(values["PartNumber"]), etag=values["ETag"].strip('"'), checksums=checksums)


def check_list(upload: FileMultipart, listed: Sequence[ListedPart]) -> list[FileKey]:
    """Return the parts that make the object; raises S3Error where the list is not what was uploaded."""
    numbers = [part.number for part in listed]
    if any(second <= first for first, second in itertools.pairwise(numbers)):
        raise wording.invalid_part_order(upload.id)
    found = []
    for part in listed:
        kept = upload.parts.get(part.number)
        if not isinstance(kept, FileKey) or kept.etag.strip('"') != part.etag:
            raise wording.invalid_part(upload_id=upload.id, number=part.number, etag=part.etag)
        check_checksums(upload, part, kept)
        found.append(kept)
    for part, kept in zip(listed[:-1], found[:-1], strict=True):
        if kept.size < S3_UPLOAD_PART_MIN_SIZE:
            raise wording.entity_too_small(
                number=part.number, etag=part.etag, size=kept.size, least=S3_UPLOAD_PART_MIN_SIZE
            )
    return found


def check_checksums(upload: FileMultipart, listed: ListedPart, kept: FileKey) -> None:
    """Raise S3Error where a list does not say the checksum that a part has.

    It must be said where the whole's checksum is made of the parts', and may not be where there is none.
    """
    given, algorithm = listed.checksums, upload.algorithm or ""
    if len(given) > 1 or not all(is_checksum(name, text) for name, text in given.items()):
        raise wording.wrong_listed_checksum(given)
    is_other = algorithm in given and given[algorithm] != kept.checksum_value
    if is_other or (given and not algorithm):
        raise wording.invalid_part(upload_id=upload.id, number=listed.number, etag=listed.etag)
    if upload.checksum_kind == COMPOSITE and algorithm not in given:
        for other in given:
            raise wording.other_listed_checksum(other, number=listed.number)
        raise wording.missing_checksum(algorithm, number=listed.number)


def check_whole(upload: FileMultipart, parts: Sequence[FileKey], headers: Mapping[str, str]) -> None:
    """Raise S3Error where a request says another size or kind of checksum than the whole will have."""
    kind, size = headers.get("x-amz-checksum-type"), headers.get("x-amz-mp-object-size")
    if kind is not None and kind.upper() != upload.checksum_kind:
        raise wording.other_checksum_kind(upload.checksum_kind)
    found = sum(part.size for part in parts)
    if size is not None and size != str(found):
        raise wording.other_size(given=size, found=found)


async def _join(place: Place, upload: FileMultipart, parts: Sequence[FileKey]) -> FileKey:
    """Join the parts' files, and put the object into the lists."""
    bodies: list[Body] = [part.body for part in parts]
    checksum = _joined_checksum(place, upload, parts)
    digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
    try:
        joined = await place.on_disk(place.files.join, bodies)
    except FileNotFoundError as error:  # aborted, or a part was sent again, while they were joined
        raise wording.no_such_upload(upload.id) from error
    if place.bucket.multiparts.get(upload.id) is not upload:
        joined.remove()
        raise wording.no_such_upload(upload.id)
    stored = commit(place, joined, _spec_of(upload), etag=etag, upload=upload)
    upload.sizes = tuple(body.size for body in bodies)
    if checksum and upload.algorithm:
        stored.checksum_algorithm, stored.checksum_value = upload.algorithm, checksum
        stored.checksum_type, stored.checksum_parts = upload.checksum_kind, len(parts)
    del place.bucket.multiparts[upload.id]
    return stored


def _joined_checksum(place: Place, upload: FileMultipart, parts: Sequence[FileKey]) -> str | None:
    """Return the checksum of the whole; raises S3Error where the client expects another."""
    if upload.algorithm is None or upload.checksum_kind is None:
        return None
    if any(part.checksum_algorithm != upload.algorithm for part in parts):
        return None
    made = join_checksums(
        [PartChecksum(value=str(part.checksum_value), size=part.size) for part in parts],
        algorithm=upload.algorithm,
        kind=upload.checksum_kind,
    )
    given = place.headers.get(PREFIX + upload.algorithm.lower())
    if given is not None:
        check_given(given, made=made, algorithm=upload.algorithm, count=len(parts))
    return made


def check_given(given: str, *, made: str, algorithm: str, count: int) -> None:
    """Raise S3Error where a client expects another checksum of the whole, or (after `-`) other parts."""
    value, dash, number = given.partition("-")
    if not is_checksum(algorithm, value) or (dash and not number.isdecimal()):
        raise wording.invalid_checksum(algorithm)
    if value != made or (dash and number != str(count)):
        raise wording.bad_checksum(algorithm.lower())


def _spec_of(upload: FileMultipart) -> ObjectSpec:
    """Return what was asked for when the upload began."""
    metadata = {name.lower(): str(value) for name, value in upload.metadata.items()}
    return ObjectSpec(
        metadata=read_metadata(metadata),
        storage_class=upload.storage,
        encryption=upload.sse_encryption,
        kms_key_id=upload.kms_key_id,
        website_redirect=metadata.get("x-amz-website-redirect-location"),
        acl=upload.acl,
        tags=upload.tags or {},
    )


def _answer_completed(place: Place, key: FileKey) -> Response:
    request = place.target.request
    location = f"http://{request.headers.get('host', '')}{request.path}"
    checksum = ""
    if key.checksum_algorithm and key.checksum_value:
        suffix = f"-{key.checksum_parts}" if key.checksum_type == "COMPOSITE" else ""
        name = f"Checksum{key.checksum_algorithm}"
        checksum = (
            f"<{name}>{key.checksum_value}{suffix}</{name}><ChecksumType>{key.checksum_type}</ChecksumType>"
        )
    document = (
        f"{DECLARATION}<CompleteMultipartUploadResult {NAMESPACE}><Location>{escape(location)}</Location>"
        f"<Bucket>{escape(place.bucket.name)}</Bucket><Key>{escape(str(key.name))}</Key>"
        f"<ETag>{escape(key.etag)}</ETag>{checksum}</CompleteMultipartUploadResult>"
    )
    headers = {name: value for name, value in written_headers(place, key).items() if name != "etag"}
    return Response(body=document.encode(), headers=headers | XML)
