"""moto's S3 with bodies in files: keys, uploads in parts, and how an object enters the lists."""

import asyncio
import ipaddress
import json
import re
from datetime import UTC, datetime
from typing import Any

from moto.s3 import models
from moto.s3.exceptions import BadRequest, InvalidBucketName, InvalidTagError
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, FakeMultipart

from localaws.iam.patterns import as_list
from localaws.iam.policies import is_statement
from localaws.s3 import actions, wording
from localaws.s3.checksums import checksum_kind
from localaws.s3.deletion import SUSPENDED, DeletionBackend
from localaws.s3.files import Body, current_files
from localaws.s3.spec import ObjectSpec
from localaws.s3.versions import NULL, VersionQuery, find_page, version_id

BUCKET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?![.-])){1,61}[a-z0-9]")
RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"
MAX_TAGS = 10
TRANSITIONS: list[tuple[str | None, str]] = [(None, "IN_PROGRESS"), ("IN_PROGRESS", "RESTORED")]
"""Of an archived object that is restored, as moto has them."""


class FileKey(FakeKey):
    """One version of an object, or one part of an upload."""

    _body: Body | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> "FileKey":
        """Make one that only the lists hold: moto would remember it until a reset."""
        return object.__new__(cls)

    def __init__(self, name: str, value: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(name, value, *args, **kwargs)
        # What moto's own body needs, and what is the same for all, would be most of a key's memory.
        self._value_buffer.close()
        self._value_buffer = self.lock = None  # type: ignore[assignment]
        self._transitions = TRANSITIONS

    @property
    def body(self) -> Body:
        """The bytes, in a file."""
        if self._body is None:
            raise RuntimeError(f"{self.name} was deleted")
        return self._body

    @property
    def value(self) -> bytes:
        """All bytes, read now: for the parts of moto that want them in memory."""
        return self.body.read()

    @value.setter
    def value(self, new_value: "bytes | str | Body") -> None:
        """Take a file over, or write one."""
        if isinstance(new_value, str):
            new_value = new_value.encode()
        if not isinstance(new_value, Body):
            new_value = current_files().write(new_value)
        self._remove_file()
        self._body = new_value
        self.contentsize = new_value.size
        self._etag = self._etag or new_value.md5

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("an object's file cannot be pickled")

    def dispose(self, garbage: bool = False) -> None:
        """Remove the file, and those of the parts that it was made of."""
        self._remove_file()
        if self.multipart:
            self.multipart.dispose()
        self.disposed = True

    def _remove_file(self) -> None:
        if self._body is not None:
            body, self._body = self._body, None
            body.remove()

    def __del__(self) -> None:
        self._remove_file()


class FileMultipart(FakeMultipart):
    """An upload in parts."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "FileMultipart":
        """Make one that only the lists hold."""
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.completing = asyncio.Lock()
        """Held while the parts are joined."""
        self.sizes: tuple[int, ...] = ()
        """Bytes of the parts that the object was made of, in order; empty until it is."""
        self.initiated = datetime.now(UTC)
        asked = self.metadata.get("x-amz-checksum-algorithm")
        self.algorithm: str | None = asked.upper() if asked else None
        self.checksum_kind = (
            checksum_kind(self.algorithm, self.metadata.get("x-amz-checksum-type"))
            if self.algorithm
            else None
        )


class LocalS3Backend(DeletionBackend):
    """The buckets of one account."""

    def reset(self) -> None:
        """Forget everything, and remove the files: of old versions and of uploads too."""
        for bucket in self.buckets.values():
            for _, versions in bucket.keys.lists():
                for version in versions:
                    if isinstance(version, FakeKey):
                        version.dispose()
            for upload in bucket.multiparts.values():
                upload.dispose()
        super().reset()

    def create_bucket(self, bucket_name: str, *args: Any, **kwargs: Any) -> FakeBucket:
        """Make a bucket, unless AWS would refuse its name."""
        if not is_bucket_name(bucket_name):
            raise InvalidBucketName
        return super().create_bucket(bucket_name, *args, **kwargs)

    def put_bucket_policy(self, bucket_name: str, policy: bytes) -> None:
        """Keep a bucket's policy, unless no request could be held against it."""
        check_policy(policy)
        super().put_bucket_policy(bucket_name, policy)

    def list_object_versions(  # type: ignore[override]  # moto copies each key, whose file is one only
        self, bucket_name: str, **query: Any
    ) -> tuple[list[FakeKey], list[str], list[FakeDeleteMarker], str | None, str | None]:
        """Return versions, common prefixes, delete markers, and the two markers of the next page."""
        keys = self.get_bucket(bucket_name).keys
        page = find_page(list(keys), keys.getlist, VersionQuery(**query))
        for version in page.versions:
            version.is_latest = keys.get(version.name) is version
        return (
            [version for version in page.versions if isinstance(version, FakeKey)],
            page.prefixes,
            [version for version in page.versions if not isinstance(version, FakeKey)],
            page.last.name if page.last else None,
            page.next_version_id,
        )

    def find_version(self, bucket: FakeBucket, key: str, version_id: str | None) -> Any:
        """Return a FileKey or a FakeDeleteMarker, or None where there is none."""
        return self.get_object(bucket.name, key, version_id, return_delete_marker=True)

    def find_current(self, bucket: FakeBucket, key: str) -> FileKey | None:
        """Return the newest version, unless it is a delete marker."""
        found = bucket.keys.get(key)
        return None if found is None or isinstance(found, FakeDeleteMarker) else found

    def store(
        self,
        bucket: FakeBucket,
        key: str,
        body: Body,
        spec: ObjectSpec,
        *,
        etag: str | None = None,
        upload: FileMultipart | None = None,
    ) -> FileKey:
        """Put an object into the lists, whole, with all that belongs to it; tells nobody."""
        stored: Any = self._put(
            bucket,
            key,
            body,
            etag=etag,
            multipart=upload,
            disable_notification=True,
            **moto_options(spec),
        )
        stored.set_metadata(dict(spec.metadata))
        stored.set_acl(spec.acl or bucket.acl)
        stored.website_redirect_location = spec.website_redirect
        self.set_tags(stored, spec.tags)
        return stored  # type: ignore[no-any-return]

    def _put(self, bucket: FakeBucket, key: str, body: Body, **more: Any) -> FakeKey:
        """Put a new version into the lists; while versioning is suspended, in the place of `null` alone.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html
        """
        older = dict.pop(bucket.keys, key, []) if bucket.versioning_status == SUSPENDED else []
        kept = [version for version in older if version_id(version) != NULL]
        try:
            stored = self.put_object(bucket.name, key, body, **more)  # type: ignore[arg-type]  # FileKey's
        except BaseException:
            if older:
                bucket.keys.setlist(key, older)
            raise
        if kept:
            bucket.keys.setlist(key, [*kept, stored])
        for version in older:
            if isinstance(version, FakeKey) and version not in kept:
                version.dispose()
        return stored

    def set_tags(self, key: FakeKey, tags: Any) -> None:
        """Give a new object its tags; moto would keep those of an older one in its place."""
        self.tagger.delete_all_tags_for_resource(key.arn)
        if tags:
            self.tagger.tag_resource(key.arn, self.tagger.convert_dict_to_tags_input(dict(tags)))

    def check_tags(self, tags: Any) -> None:
        """Raise moto's error for tags that an object cannot have."""
        if not tags:
            return
        if len(tags) > MAX_TAGS:
            raise BadRequest("Object tags cannot be greater than 10")
        if any(name.startswith("aws:") for name in tags):
            raise InvalidTagError("Your TagKey cannot be prefixed with aws:")
        if message := self.tagger.validate_tags(self.tagger.convert_dict_to_tags_input(dict(tags))):
            raise InvalidTagError(message)


def moto_options(spec: ObjectSpec) -> dict[str, Any]:
    """Return what an object is to be, by the names of put_object of moto's backend."""
    return {
        "storage": spec.storage_class,
        "encryption": spec.encryption,
        "kms_key_id": spec.kms_key_id,
        "bucket_key_enabled": spec.bucket_key_enabled,
        "lock_mode": spec.lock_mode,
        "lock_legal_status": spec.legal_hold,
        "lock_until": spec.lock_until,
    }


def check_policy(policy: bytes) -> None:
    """Raise S3Error for a document that is no policy.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    try:
        document = json.loads(policy)
    except (ValueError, RecursionError) as error:
        raise wording.malformed_policy(NOT_JSON) from error
    if not isinstance(document, dict):
        raise wording.malformed_policy(NOT_JSON)
    statements = as_list(document.get("Statement"))
    if not statements or not all(map(is_statement, statements)):
        raise wording.malformed_policy()


def is_bucket_name(name: str) -> bool:
    """Tell whether a new general purpose bucket may have this name.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if not BUCKET_NAME.fullmatch(name) or "-." in name:
        return False
    if name.startswith(RESERVED_PREFIXES) or name.endswith(RESERVED_SUFFIXES):
        return False
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return True
    return False


def install() -> None:
    """Put our classes where moto looks for its own; every `s3_backends` in moto is the same object."""
    models.FakeKey = FileKey  # type: ignore[misc]
    models.FakeMultipart = FileMultipart  # type: ignore[misc]
    actions.install()
    models.s3_backends.backend = LocalS3Backend
    models.s3_backends.clear()
