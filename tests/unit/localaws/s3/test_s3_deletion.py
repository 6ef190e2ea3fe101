"""What is left of an object after each kind of deletion, in buckets of each kind of versioning."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from moto.s3 import notifications
from moto.s3.exceptions import AccessDeniedByLock
from moto.s3.models import FakeDeleteMarker, S3Backend, s3_backends

from localaws.s3 import backend as module
from localaws.s3.backend import FileKey, LocalS3Backend
from localaws.s3.files import Files, activate
from localaws.s3.spec import ObjectSpec
from localaws.s3.versions import version_id

BUCKET = "deletions"


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    """Files that objects are kept in."""
    made = Files(tmp_path)
    activate(made)
    yield made
    activate(None)
    made.close()


@pytest.fixture
def s3(files: Files, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalS3Backend]:
    """A backend with one bucket, which has kept no versions yet."""
    monkeypatch.setattr(module.models, "FakeKey", FileKey)
    made = LocalS3Backend("123456789012", "aws")
    made.create_bucket(BUCKET, "us-east-1")
    yield made
    made.reset()
    s3_backends.bucket_accounts.pop(BUCKET, None)


def put(s3: LocalS3Backend, body: bytes, *, key: str = "k", **spec: Any) -> FileKey:
    """Store an object."""
    kept = module.current_files().write(body)
    return s3.store(s3.get_bucket(BUCKET), key, kept, ObjectSpec(**spec))


def set_versioning(s3: LocalS3Backend, status: str) -> None:
    """Set the bucket's versioning."""
    s3.put_bucket_versioning(BUCKET, status)


def left(s3: LocalS3Backend, key: str = "k") -> list[str]:
    """Return a key's versions, the oldest first: bodies, or "marker"; `null` ones in brackets."""
    found = []
    for version in s3.get_bucket(BUCKET).keys.getlist(key, []):
        text = "marker" if isinstance(version, FakeDeleteMarker) else version.value.decode()
        found.append(f"[{text}]" if version_id(version) == "null" else text)
    return found


def test_without_versions_an_object_is_gone(s3: LocalS3Backend) -> None:
    put(s3, b"1")
    put(s3, b"2")
    assert left(s3) == ["[2]"]
    assert s3.delete_object(BUCKET, "k") == (True, {})
    assert left(s3) == []
    assert s3.delete_object(BUCKET, "k") == (False, {})


@pytest.mark.parametrize("asked", ["c0ffee00-0000-0000-0000-000000000000", "null"])
def test_a_version_that_is_not_there_takes_nothing_with_it(s3: LocalS3Backend, asked: str) -> None:
    """moto took the object of a bucket without versions, whatever version was asked for."""
    set_versioning(s3, "Enabled")
    put(s3, b"1")
    assert s3.delete_object(BUCKET, "k", version_id=asked) == (False, {"version-id": asked})
    assert left(s3) == ["1"]
    put(s3, b"other", key="never")
    s3.get_bucket(BUCKET).versioning_status = None
    s3.delete_object(BUCKET, "never", version_id="c0ffee00-0000-0000-0000-000000000000")
    assert left(s3, "never") == ["other"]


def test_with_versions_a_marker_hides_the_object(s3: LocalS3Backend) -> None:
    put(s3, b"before")
    set_versioning(s3, "Enabled")
    put(s3, b"1")
    is_done, facts = s3.delete_object(BUCKET, "k")
    assert (is_done, facts["delete-marker"]) == (True, "true")
    assert left(s3) == ["[before]", "1", "marker"]
    assert s3.find_current(s3.get_bucket(BUCKET), "k") is None
    again = s3.delete_object(BUCKET, "k")[1]
    assert again["version-id"] != facts["version-id"]
    assert left(s3) == ["[before]", "1", "marker", "marker"]


def test_a_marker_is_made_where_no_object_ever_was(s3: LocalS3Backend) -> None:
    set_versioning(s3, "Enabled")
    is_done, facts = s3.delete_object(BUCKET, "never")
    assert (is_done, facts["delete-marker"]) == (True, "true")
    assert left(s3, "never") == ["marker"]
    assert s3.delete_object(BUCKET, "never", version_id=facts["version-id"]) == (True, facts)
    assert "never" not in s3.get_bucket(BUCKET).keys


def test_without_its_marker_the_object_is_there_again(s3: LocalS3Backend) -> None:
    set_versioning(s3, "Enabled")
    put(s3, b"1")
    marker = s3.delete_object(BUCKET, "k")[1]
    assert s3.delete_object(BUCKET, "k", version_id=marker["version-id"]) == (True, marker)
    current = s3.find_current(s3.get_bucket(BUCKET), "k")
    assert current is not None
    assert current.value == b"1"


def test_one_version_goes_and_the_others_stay(s3: LocalS3Backend, tmp_path: Path) -> None:
    set_versioning(s3, "Enabled")
    large = b"x" * (300 << 10)
    first, second = put(s3, large), put(s3, b"2")
    s3.delete_object(BUCKET, "k")
    asked = str(first.version_id)
    assert s3.delete_object(BUCKET, "k", version_id=asked) == (True, {"version-id": asked})
    assert left(s3) == ["2", "marker"]
    sizes = [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()]
    assert len(large) not in sizes  # a marker keeps nobody's bytes
    s3.delete_object(BUCKET, "k", version_id=str(second.version_id))
    assert left(s3) == ["marker"]


def test_while_versioning_is_suspended_versions_stay_and_null_is_replaced(s3: LocalS3Backend) -> None:
    """moto lost every version of a key at the first upload or deletion."""
    put(s3, b"before")
    set_versioning(s3, "Enabled")
    put(s3, b"1")
    set_versioning(s3, "Suspended")
    put(s3, b"2")
    assert left(s3) == ["1", "[2]"]
    put(s3, b"3")
    assert left(s3) == ["1", "[3]"]
    assert s3.delete_object(BUCKET, "k") == (True, {"version-id": "null", "delete-marker": "true"})
    assert left(s3) == ["1", "[marker]"]
    s3.delete_object(BUCKET, "k")
    assert left(s3) == ["1", "[marker]"]
    put(s3, b"4")
    assert left(s3) == ["1", "[4]"]
    set_versioning(s3, "Enabled")
    put(s3, b"5")
    assert left(s3) == ["1", "[4]", "5"]


def test_an_upload_that_fails_while_versioning_is_suspended_loses_nothing(s3: LocalS3Backend) -> None:
    set_versioning(s3, "Enabled")
    put(s3, b"1")
    set_versioning(s3, "Suspended")
    with (
        mock.patch.object(S3Backend, "put_object", side_effect=OSError("full")),
        pytest.raises(OSError, match="full"),
    ):
        put(s3, b"2")
    assert left(s3) == ["1"]


def test_a_lock_holds_a_version_but_no_marker(s3: LocalS3Backend) -> None:
    set_versioning(s3, "Enabled")
    kept = put(s3, b"1", lock_mode="GOVERNANCE", lock_until="2099-01-01T00:00:00Z")
    s3.delete_object(BUCKET, "k")
    asked = str(kept.version_id)
    with pytest.raises(AccessDeniedByLock):
        s3.delete_object(BUCKET, "k", version_id=asked)
    assert left(s3) == ["1", "marker"]
    s3.delete_object(BUCKET, "k", version_id=asked, bypass=True)
    assert left(s3) == ["marker"]


def test_of_many_each_is_told(s3: LocalS3Backend) -> None:
    set_versioning(s3, "Enabled")
    plain = str(put(s3, b"1").version_id)
    held = str(put(s3, b"2", key="held", legal_hold="ON").version_id)
    marker = s3.delete_object(BUCKET, "marked")[1]["version-id"]
    deleted, errors = s3.delete_objects(
        BUCKET,
        [
            {"Key": "k", "VersionId": plain},
            {"Key": "held", "VersionId": held},
            {"Key": "marked", "VersionId": marker},
            {"Key": "never"},
        ],
    )
    assert deleted[:2] == [("k", plain, None), ("marked", marker, marker)]
    assert (deleted[2][:2], left(s3, "never")) == (("never", None), ["marker"])
    assert errors == ["held"]


@pytest.mark.parametrize(
    ("status", "asked", "expected"),
    [
        (None, None, ["s3:ObjectRemoved:Delete"]),
        ("Enabled", None, ["s3:ObjectRemoved:DeleteMarkerCreated"]),
        ("Suspended", None, ["s3:ObjectRemoved:DeleteMarkerCreated"]),
        ("Enabled", "null", ["s3:ObjectRemoved:Delete"]),
        ("Enabled", "c0ffee00-0000-0000-0000-000000000000", []),
    ],
)
def test_others_hear_what_became_of_the_object(
    s3: LocalS3Backend, status: str | None, asked: str | None, expected: list[str]
) -> None:
    put(s3, b"1")
    s3.get_bucket(BUCKET).versioning_status = status
    with mock.patch.object(notifications, "send_event") as send:
        s3.delete_object(BUCKET, "k", version_id=asked)
    assert [call.args[1].value for call in send.call_args_list] == expected
    assert all(call.args[3].name == "k" for call in send.call_args_list)


def test_a_new_object_has_no_tags_of_the_one_before(s3: LocalS3Backend) -> None:
    tagged = put(s3, b"1", tags={"a": "1"})
    assert s3.tagger.get_tag_dict_for_resource(tagged.arn) == {"a": "1"}
    assert s3.tagger.get_tag_dict_for_resource(put(s3, b"2").arn) == {}
