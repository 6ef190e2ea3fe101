"""S3's objects: written, copied, joined from parts and deleted, several at a time, versioned or not.

What must hold: what was answered with 200 is there, with its bytes, its ETag and its version, until an
answer says that it is gone; what failed, was left by its client or met a full disk has changed nothing;
conditions held at the moment of the change; every list tells what every read does; when all is deleted, no
file is left.

localaws keeps no object beyond its own end (its data folder is emptied at the start), so none of this is
about that.
"""

from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from moto.utilities.utils import CaseInsensitiveDict

from benchmarks.history_models.exchanges import Call
from benchmarks.history_models.object_world import BUCKET, KEYS, Intent, ObjectWorld, Parts, md5
from localaws.s3.deletion import SUSPENDED

SIZES = (0, 1, 40, 64, 65, 200, 500)
keys, sizes = st.sampled_from(KEYS), st.sampled_from(SIZES)
conditions = st.sampled_from(("", "", "", "if-none-match", "if-match", "if-match-other"))


class ObjectHistory(ObjectWorld):
    """One bucket."""

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
        self.begin("PUT", key, intent, x_amz_copy_source=named, x_amz_metadata_directive="REPLACE")
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
        """Keep versions from now on, or no more; not while a write goes on, which could mean both."""
        if not chance and not self.calls:
            self.backend.put_bucket_versioning(BUCKET, status)

    @rule(is_full=st.booleans())
    def fill_disk(self, is_full: bool) -> None:
        """Let the disk be full, or not."""
        self.is_full = is_full

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
