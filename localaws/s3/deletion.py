"""How objects go: for good, or behind a delete marker, as the bucket's versioning has it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectsfromVersioningSuspendedBuckets.html
"""

from types import SimpleNamespace
from typing import Any

from moto.s3 import notifications
from moto.s3.exceptions import AccessDeniedByLock, MethodNotAllowed
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, FakeTableStorageBucket, S3Backend
from moto.s3.notifications import S3NotificationEvent

from localaws.s3.versions import NULL, version_id

EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
"""The ETag that events tell of a delete marker."""
SUSPENDED = "Suspended"
Facts = dict[str, Any]


class DeletionBackend(S3Backend):
    """moto's S3, with deletions that know suspended versioning and keys that never were."""

    def delete_object(
        self,
        bucket_name: str,
        key_name: str,
        version_id: str | None = None,
        bypass: bool = False,
    ) -> tuple[bool, Facts]:
        """Remove an object or version, or mark it as deleted; return whether, and the answer's headers."""
        bucket = self.get_bucket(bucket_name)
        if isinstance(bucket, FakeTableStorageBucket):
            raise MethodNotAllowed
        if version_id is not None:
            return self._remove(bucket, key_name, version_id, bypass=bypass)
        if bucket.versioning_status is None:
            is_removed, _ = self._remove(bucket, key_name, NULL, bypass=bypass)
            return is_removed, {}
        return True, self._mark(bucket, key_name)

    def delete_objects(
        self, bucket_name: str, objects: list[dict[str, Any]], bypass_retention: bool = False
    ) -> tuple[list[tuple[str, str | None, str | None]], list[str]]:
        """Delete many; return key, version and delete marker of each, and the keys that are locked."""
        deleted, errors = [], []
        for item in objects:
            key, asked = item["Key"], item.get("VersionId")
            try:
                _, facts = self.delete_object(bucket_name, key, version_id=asked, bypass=bypass_retention)
            except AccessDeniedByLock:
                errors.append(key)
            else:
                deleted.append((key, asked, facts.get("version-id") if "delete-marker" in facts else None))
        return deleted, errors

    def _mark(self, bucket: FakeBucket, key_name: str) -> Facts:
        """Put a delete marker on a key, whether there is an object or not."""
        marker = FakeDeleteMarker(key=_stand_in(key_name, NULL))  # type: ignore[arg-type]
        versions = bucket.keys.getlist(key_name, [])
        if bucket.versioning_status == SUSPENDED:
            marker._version_id = NULL
            versions = [version for version in versions if version_id(version) != NULL]
        bucket.keys.setlist(key_name, [*versions, marker])
        self._tell(
            bucket,
            S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT,
            _stand_in(key_name, marker.version_id),
        )
        return {"version-id": marker.version_id, "delete-marker": "true"}

    def _remove(self, bucket: FakeBucket, key_name: str, asked: str, *, bypass: bool) -> tuple[bool, Facts]:
        """Remove a version for good; that there is none is no error."""
        facts, versions = {"version-id": asked}, bucket.keys.getlist(key_name, [])
        found = next((version for version in versions if version_id(version) == asked), None)
        if found is None:
            return False, facts
        if isinstance(found, FakeKey) and found.is_locked(governance_bypass=bypass):
            raise AccessDeniedByLock
        rest = [version for version in versions if version is not found]
        bucket.keys.setlist(key_name, rest)
        if not rest:
            bucket.keys.pop(key_name)
        is_object = isinstance(found, FakeKey)
        gone = found if is_object else _stand_in(key_name, asked)
        self._tell(bucket, S3NotificationEvent.OBJECT_REMOVED_DELETE_EVENT, gone)
        return True, facts if is_object else facts | {"delete-marker": "true"}

    def _tell(self, bucket: FakeBucket, event: S3NotificationEvent, key: Any) -> None:
        notifications.send_event(self.account_id, event, bucket, key)


def _stand_in(key_name: str, id_: str) -> SimpleNamespace:
    """Return what events tell of a delete marker."""
    return SimpleNamespace(name=key_name, etag=f'"{EMPTY_MD5}"', size=0, version_id=id_)
