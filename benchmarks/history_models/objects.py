"""S3's objects: written, copied, joined from parts and deleted, several at a time, while versions are kept or not.

What must hold: what was answered with 200 is there, with its bytes, its ETag and its version, until an answer says
that it is gone; what failed, was left by its client or met a full disk has changed nothing; conditions held at the
moment of the change; every list tells what every read does; when all is deleted, no file is left.

localaws keeps no object beyond its own end (its data folder is emptied at the start), so none of this is about that.
"""

import asyncio
import errno
import hashlib
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3 import models as moto_models
from moto.s3.models import FakeDeleteMarker
from moto.utilities.utils import CaseInsensitiveDict

from benchmarks.history_models.exchanges import Call, HeldExecutor, make_call, serve
from benchmarks.history_models.machine import History
from localaws.s3 import files as object_files
from localaws.s3 import multipart, receiving
from localaws.s3.backend import FileKey, FileMultipart, LocalS3Backend
from localaws.s3.deletion import SUSPENDED
from localaws.s3.files import Files, activate
from localaws.s3.listing import ListQuery, find_page
from localaws.s3.step import ObjectStep
from localaws.s3.versions import NULL, version_id

BUCKET, KEYS = "histories", ("a", "b/1", "b/2")
SMALL_BYTES, SEGMENT_BYTES, BLOCK_BYTES = 64, 256, 96
"""In place of 256 KiB, 16 MiB and 1 MiB: what a history reaches in a few objects."""
SIZES = (0, 1, 40, 64, 65, 200, 500)
TURNS = 25
"""Of the event loop: after these, whatever can go on without the history has."""
keys, sizes = st.sampled_from(KEYS), st.sampled_from(SIZES)
conditions = st.sampled_from(("", "", "", "if-none-match", "if-match", "if-match-other"))


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A version that is there; a delete marker has no bytes."""

    id: str
    data: bytes | None
    etag: str = ""


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a write is for."""

    kind: str
    key: str
    data: bytes = b""
    etag: str = ""
    version: str | None = None
    condition: str = ""
    """A header's name; empty for none."""
    expected: str = ""
    """The ETag of If-Match."""


@dataclass(kw_only=True)
class Parts:
    """An upload in parts."""

    key: str
    data: dict[int, bytes] = field(default_factory=dict)
    is_closed: bool = False
    """Whether somebody has begun to complete it."""


def md5(data: bytes) -> str:
    """Return the hexadecimal digits."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class ObjectHistory(History):
    """One bucket."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.on_end(self.loop.close)
        self.folder = Path(self.enter(tempfile.TemporaryDirectory(prefix="histories-")))
        self.is_full = False
        self.patch()
        self.files = Files(self.folder)
        self.disk = HeldExecutor()
        self.step = ObjectStep(
            files=self.files, disk=self.disk, events=self.disk, is_for_s3=lambda scope: True
        )
        activate(self.files)
        self.on_end(activate, None)
        self.backend: Any = moto_models.s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self.bucket = self.backend.create_bucket(BUCKET, "us-east-1")
        self.kept: dict[str, list[Kept]] = {key: [] for key in KEYS}
        self.calls: list[Call] = []
        self.uploads: dict[str, Parts] = {}
        self.number = 0

    def patch(self) -> None:
        """Put localaws' classes and small sizes in place until the history ends."""
        known, write_all = moto_models.s3_backends, object_files.write_all

        def write(file: int, data: Any, *, offset: int) -> None:
            if self.is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            write_all(file, data, offset=offset)

        for module, name, value in (
            (moto_models, "FakeKey", FileKey),
            (moto_models, "FakeMultipart", FileMultipart),
            (known, "backend", LocalS3Backend),
            (object_files, "SMALL_BYTES", SMALL_BYTES),
            (object_files, "SEGMENT_BYTES", SEGMENT_BYTES),
            (object_files, "write_all", write),
            (receiving, "SMALL_BYTES", SMALL_BYTES),
            (receiving, "BLOCK_BYTES", BLOCK_BYTES),
            (multipart, "S3_UPLOAD_PART_MIN_SIZE", 1),
        ):
            self.enter(mock.patch.object(module, name, value))
        known.clear()
        known.bucket_accounts.clear()
        self.on_end(known.bucket_accounts.clear)
        self.on_end(known.clear)

    # -- what must hold ----------------------------------------------------------------------------------

    def current(self, key: str) -> Kept | None:
        """Return what a plain read finds, by our own count."""
        newest = self.kept[key][-1] if self.kept[key] else None
        return None if newest is None or newest.data is None else newest

    def answered(self, call: Call) -> None:
        """Take what an answer says as done, and judge it."""
        intent: Intent = call.intent
        self.reach(f"{intent.kind} {call.status}")
        if call.status >= 300:
            return
        current = self.current(intent.key)
        if intent.condition == "if-none-match":
            self.must(current is None, f"a conditional write replaced {intent.key}")
        elif intent.condition == "if-match":
            found = "" if current is None else current.etag
            self.must(found == intent.expected, f"{intent.key} was written although its ETag was {found!r}")
        version = call.headers.get("x-amz-version-id", NULL)
        if intent.kind == "put":
            self.must(call.headers.get("etag") == f'"{intent.etag}"', f"the ETag of {intent.key} is not its MD5")
            self.store(intent.key, Kept(id=version, data=intent.data, etag=intent.etag))
        elif intent.kind in ("copy", "complete"):
            self.store(intent.key, Kept(id=version, data=intent.data, etag=intent.etag))
        elif intent.kind == "delete":
            self.delete(intent, version)

    def store(self, key: str, new: Kept) -> None:
        """Put a version on top; `null` replaces what has that name."""
        rest = [kept for kept in self.kept[key] if new.id != NULL or kept.id != NULL]
        self.kept[key] = [*rest, new]

    def delete(self, intent: Intent, version: str) -> None:
        """Remove a version, or put a marker on top."""
        versions = self.kept[intent.key]
        if intent.version is not None:
            self.kept[intent.key] = [kept for kept in versions if kept.id != intent.version]
        elif self.bucket.versioning_status is None:
            self.kept[intent.key] = [kept for kept in versions if kept.id != NULL]
        else:
            self.store(intent.key, Kept(id=version, data=None))

    @invariant()
    def every_version_is_listed(self) -> None:
        """Compare ListObjectVersions and ListObjects with what was answered."""
        for key in KEYS:
            found = self.bucket.keys.getlist(key, [])
            told = [(version_id(item), isinstance(item, FakeDeleteMarker)) for item in found]
            kept = [(item.id, item.data is None) for item in self.kept[key]]
            assert told == kept, f"{key} has the versions {told}, not {kept}"
        versions, _, markers, _, _ = self.backend.list_object_versions(BUCKET)
        assert len(versions) + len(markers) == sum(map(len, self.kept.values()))
        newest = sorted(item.name for item in [*versions, *markers] if item.is_latest)
        assert newest == sorted(key for key in KEYS if self.kept[key]), f"the newest are of {newest}"
        objects = ((name, item) for name, item in self.bucket.keys.items() if isinstance(item, FileKey))
        page = find_page(objects, ListQuery())
        assert [item.name for item in page.keys] == sorted(key for key in KEYS if self.current(key))

    @invariant()
    def every_version_can_be_read(self) -> None:
        """Compare the bytes, the size and the ETag of each version with what was answered."""
        for key in KEYS:
            for item, kept in zip(self.bucket.keys.getlist(key, []), self.kept[key], strict=True):
                if kept.data is None:
                    continue
                assert item.value == kept.data, f"{key} in version {kept.id} has other bytes"
                assert item.etag == f'"{kept.etag}"', f"{key} in version {kept.id} has the ETag {item.etag}"
                assert item.size == len(kept.data), f"{key} in version {kept.id} has {item.size} bytes"

    # -- requests ----------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Let every request go on as far as it can."""

        async def pass_turns() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.loop.run_until_complete(pass_turns())
        for call in [call for call in self.calls if call.task is not None and call.task.done()]:
            self.calls.remove(call)
            error = None if call.task is None else call.task.exception()
            is_expected = error is None or isinstance(error, OSError)
            self.must(is_expected, f"{call.request.method} {call.request.path} ended with {error!r}")
            self.must(error is None or call.status == 0, "an answer was followed by an error")

    def begin(self, method: str, key: str, intent: Intent, *, query: str = "", **headers: str) -> Call:
        """Send the head of a request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        call = make_call(
            method, f"/{BUCKET}/{key}", query=query, headers=named, on_answer=self.answered, intent=intent
        )
        call.task = self.loop.create_task(serve(self.step, call))
        self.calls.append(call)
        return call

    def make_data(self, size: int) -> bytes:
        """Return bytes that no other object has."""
        self.number += 1
        return (b"%06d." % self.number * (size // 7 + 1))[:size]

    def condition(self, key: str, wanted: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return a condition as a header, and as the members of an intent."""
        current = self.current(key)
        if wanted == "if-none-match":
            return {"if_none_match": "*"}, {"condition": wanted}
        if wanted:
            etag = current.etag if current is not None and wanted == "if-match" else "0" * 32
            return {"if_match": f'"{etag}"'}, {"condition": "if-match", "expected": etag}
        return {}, {}

    @rule(key=keys, size=sizes, share=st.sampled_from((1.0, 1.0, 0.5)), condition=conditions)
    def put(self, key: str, size: int, share: float, condition: str) -> None:
        """Write an object, or the first part of its bytes."""
        data = self.make_data(size)
        headers, members = self.condition(key, condition)
        intent = Intent(kind="put", key=key, data=data, etag=md5(data), **members)
        call = self.begin("PUT", key, intent, content_length=str(size), **headers)
        sent = int(size * share)
        call.feed(data[:sent], is_last=sent == size)
        self.turn()

    def unfinished(self) -> list[Call]:
        """Return the requests whose bodies are not whole."""
        return [call for call in self.calls if call.intent.kind == "put" and call.status == 0]

    @precondition(lambda self: bool(self.unfinished()))
    @rule(number=st.integers(0, 5), is_leaving=st.sampled_from((False, False, True)))
    def end_body(self, number: int, is_leaving: bool) -> None:
        """Send the rest of a body, or go away."""
        calls = self.unfinished()
        call = calls[number % len(calls)]
        if is_leaving:
            call.leave()
        else:
            size = len(call.intent.data)
            call.feed(call.intent.data[int(size * 0.5) :], is_last=True)
        self.turn()

    @precondition(lambda self: self.disk.is_waiting)
    @rule(number=st.integers(1, 4))
    def work_on_disk(self, number: int) -> None:
        """Let the disk do what it is asked."""
        for _ in range(number):
            if self.disk.is_waiting:
                self.disk.do_next()
                self.turn()

    @rule(source=keys, key=keys, number=st.none() | st.integers(0, 3))
    def copy(self, source: str, key: str, number: int | None) -> None:
        """Copy an object, or a version of one."""
        versions = [kept for kept in self.kept[source] if kept.data is not None]
        if number is None:
            original = self.current(source)
        else:
            original = versions[number % len(versions)] if versions else None
        if original is None or original.data is None:
            return
        named = f"{BUCKET}/{source}" + ("" if number is None else f"?versionId={original.id}")
        intent = Intent(kind="copy", key=key, data=original.data, etag=md5(original.data))
        self.begin(
            "PUT", key, intent, x_amz_copy_source=named, x_amz_metadata_directive="REPLACE"
        )
        self.turn()

    @rule(key=keys, number=st.none() | st.integers(0, 3))
    def delete_object(self, key: str, number: int | None) -> None:
        """Delete an object, or a version of it for good."""
        versions = self.kept[key]
        version = versions[number % len(versions)].id if number is not None and versions else None
        query = "" if version is None else f"versionId={version}"
        self.begin("DELETE", key, Intent(kind="delete", key=key, version=version), query=query)
        self.turn()

    @rule(status=st.sampled_from(("Enabled", SUSPENDED)), chance=st.integers(0, 2))
    def set_versioning(self, status: str, chance: int) -> None:
        """Keep versions from now on, or no more; not while a write goes on, whose answer would be two things."""
        if not chance and not self.calls:
            self.backend.put_bucket_versioning(BUCKET, status)

    @rule(is_full=st.booleans())
    def fill_disk(self, is_full: bool) -> None:
        """Let the disk be full, or not."""
        self.is_full = is_full

    # -- parts -------------------------------------------------------------------------------------------

    @rule(key=keys)
    def begin_upload(self, key: str) -> None:
        """Begin an upload in parts."""
        empty: Any = CaseInsensitiveDict()
        upload_id = self.backend.create_multipart_upload(BUCKET, key, empty, "STANDARD", {}, None, None, None)
        self.uploads[getattr(upload_id, "id", upload_id)] = Parts(key=key)

    def open_upload(self, number: int) -> tuple[str, Parts] | None:
        """Return an upload that nobody completes, or None."""
        known = self.bucket.multiparts
        found = [(id_, parts) for id_, parts in self.uploads.items() if id_ in known and not parts.is_closed]
        return found[number % len(found)] if found else None

    @rule(upload=st.integers(0, 3), number=st.integers(1, 3), size=st.sampled_from((1, 40, 65, 200)))
    def put_part(self, upload: int, number: int, size: int) -> None:
        """Send a part, or another in its place."""
        found = self.open_upload(upload)
        if found is None:
            return
        upload_id, parts = found
        data = self.make_data(size)
        call = self.begin(
            "PUT",
            parts.key,
            Intent(kind="part", key=parts.key),
            query=f"uploadId={upload_id}&partNumber={number}",
            content_length=str(size),
        )
        call.feed(data, is_last=True)
        self.turn()
        while call in self.calls and self.disk.is_waiting:
            self.disk.do_next()
            self.turn()
        if call.status == 200:
            parts.data[number] = data

    @rule(key=keys, first=st.sampled_from((1, 40, 65, 200)), second=st.sampled_from((1, 65)))
    def upload(self, key: str, first: int, second: int) -> None:
        """Send two parts, and begin to make an object of them."""
        self.begin_upload(key)
        newest = len([parts for parts in self.uploads.values() if not parts.is_closed])
        for number, size in ((2, first), (1, second)):
            self.put_part(newest - 1, number, size)
        self.complete(newest - 1)

    @rule(upload=st.integers(0, 3))
    def complete(self, upload: int) -> None:
        """Begin to make an object of the parts."""
        found = self.open_upload(upload)
        if found is None or not found[1].data:
            return
        upload_id, parts = found
        parts.is_closed = True
        numbers = sorted(parts.data)
        digests = b"".join(bytes.fromhex(md5(parts.data[number])) for number in numbers)
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{md5(parts.data[number])}</ETag></Part>"
            for number in numbers
        )
        intent = Intent(
            kind="complete",
            key=parts.key,
            data=b"".join(parts.data[number] for number in numbers),
            etag=f"{md5(digests)}-{len(numbers)}",
        )
        call = self.begin("POST", parts.key, intent, query=f"uploadId={upload_id}")
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
        call.feed(body.encode(), is_last=True)
        self.turn()

    @rule(upload=st.integers(0, 3))
    def abort(self, upload: int) -> None:
        """Give an upload up, also one that is being completed."""
        open_ids = [id_ for id_ in self.uploads if id_ in self.bucket.multiparts]
        if open_ids:
            with suppress(KeyError):
                self.backend.abort_multipart_upload(BUCKET, open_ids[upload % len(open_ids)])

    # -- the end -----------------------------------------------------------------------------------------

    @rule()
    def settle(self) -> None:
        """Let every request come to its end."""
        self.is_full = False
        for _ in range(100):
            for call in self.unfinished():
                if not self.disk.is_waiting:
                    call.leave()
            while self.disk.is_waiting:
                self.disk.do_next()
                self.turn()
            self.turn()
            if not self.calls:
                return
        self.must(False, f"{len(self.calls)} requests have no end")

    def teardown(self) -> None:
        """Delete everything; no byte may be left."""
        try:
            self.settle()
            self.put(KEYS[0], 1, 1.0, "")  # takes the segment that a full disk may have left empty
            self.delete_all()
            left = [path for path in self.folder.rglob("*") if path.is_file()]
            assert not left, f"{len(left)} files are left when all objects are deleted"
            assert not self.violations, self.violations[0]
        finally:
            super().teardown()

    def delete_all(self) -> None:
        """Delete every version, and give every upload up."""
        for key in KEYS:
            for kept in list(self.kept[key]):
                intent = Intent(kind="delete", key=key, version=kept.id)
                self.begin("DELETE", key, intent, query=f"versionId={kept.id}")
        self.settle()
        for upload_id in list(self.bucket.multiparts):
            self.backend.abort_multipart_upload(BUCKET, upload_id)
        self.calls.clear()

