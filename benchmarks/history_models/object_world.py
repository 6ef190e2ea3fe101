"""A bucket whose requests go on when the history says so, and what must hold of it."""

import asyncio
import errno
import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis.stateful import invariant
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3 import models as moto_models
from moto.s3.models import FakeDeleteMarker

from benchmarks.history_models.exchanges import Call, HeldExecutor, make_call, serve
from benchmarks.history_models.machine import History
from localaws.s3 import files as object_files
from localaws.s3 import multipart, receiving
from localaws.s3.backend import FileKey, FileMultipart, LocalS3Backend
from localaws.s3.files import Files, activate
from localaws.s3.listing import ListQuery, find_page
from localaws.s3.step import ObjectStep
from localaws.s3.versions import NULL, version_id

BUCKET, KEYS = "histories", ("a", "b/1", "b/2")
SMALL_BYTES, SEGMENT_BYTES, BLOCK_BYTES = 64, 256, 96
"""In place of 256 KiB, 16 MiB and 1 MiB: what a history reaches in a few objects."""
TURNS = 25
"""Of the event loop: after these, whatever can go on without the history has."""


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


class ObjectWorld(History):
    """One bucket."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.on_end(self.loop.close)
        # A block that a full disk refused, of an upload whose client has gone: nobody asks for its error.
        self.loop.set_exception_handler(lambda loop, context: None)
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
            self.must(
                call.headers.get("etag") == f'"{intent.etag}"', f"the ETag of {intent.key} is not its MD5"
            )
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
