"""What an upload asks its object to be: metadata, storage class, encryption, locks, tags and ACL."""

import pytest

from localaws.s3.errors import S3Error, answer_error
from localaws.s3.spec import CANNED_ACLS, ENCRYPTIONS, STORAGE_CLASSES, ObjectSpec, read_metadata, read_spec

UNTIL = "2099-01-01T00:00:00Z"
MODE, DATE, HOLD = (
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
)


def refused(headers: dict[str, str]) -> S3Error:
    """Return what headers are refused with."""
    with pytest.raises(S3Error) as caught:
        read_spec(headers)
    assert answer_error(caught.value, method="PUT", path="/b/k").status == 400
    return caught.value


def test_what_is_not_asked_for_is_not_there() -> None:
    assert read_spec({"host": "x", "content-length": "5", "x-amz-date": "20261128T000000Z"}) == ObjectSpec()


@pytest.mark.parametrize("name", STORAGE_CLASSES)
def test_every_storage_class(name: str) -> None:
    assert read_spec({"x-amz-storage-class": name}).storage_class == name


@pytest.mark.parametrize("name", ["", "standard", "OUTPOSTS", "EXPRESS_ONEZONE", "STANDARD "])
def test_storage_classes_that_there_are_not(name: str) -> None:
    error = refused({"x-amz-storage-class": name})
    assert (error.code, error.message) == (
        "InvalidStorageClass",
        "The storage class you specified is not valid",
    )
    assert error.facts == {"StorageClassRequested": name}


@pytest.mark.parametrize("name", ENCRYPTIONS)
def test_encryption(name: str) -> None:
    headers = {
        "x-amz-server-side-encryption": name,
        "x-amz-server-side-encryption-aws-kms-key-id": "key",
        "x-amz-server-side-encryption-bucket-key-enabled": "True",
    }
    spec = read_spec(headers)
    assert (spec.encryption, spec.kms_key_id, spec.bucket_key_enabled) == (name, "key", "true")


@pytest.mark.parametrize("name", ["", "aes256", "AES512", "aws:KMS"])
def test_encryption_that_there_is_not(name: str) -> None:
    error = refused({"x-amz-server-side-encryption": name})
    assert (error.code, error.message) == (
        "InvalidArgument",
        "The encryption method specified is not supported",
    )


@pytest.mark.parametrize(
    ("sizes", "is_taken"),
    [
        ([2047], True),
        ([2048], False),
        ([1023, 1023], True),
        ([1023, 1024], False),
        ([0] * 2048, True),
        ([0] * 2049, False),
    ],
)
def test_names_and_values_of_metadata_have_two_kibibytes_together(sizes: list[int], is_taken: bool) -> None:
    """Each name counts without x-amz-meta-; here it has one letter, or is as long as its number."""
    headers = {f"x-amz-meta-{chr(97 + number)}": "v" * size for number, size in enumerate(sizes[:26])}
    if len(sizes) > 26:  # one name of as many letters
        headers = {f"x-amz-meta-{'n' * len(sizes)}": ""}
    if is_taken:
        assert read_metadata(headers) == headers
        return
    error = refused(headers)
    assert error.message == "Your metadata headers exceed the maximum allowed metadata size"
    assert error.facts == {"Size": "2049", "MaxSizeAllowed": "2048"}


def test_metadata_counts_in_bytes_and_system_metadata_not_at_all() -> None:
    assert refused({"x-amz-meta-a": "ü" * 1024}).code == "MetadataTooLarge"
    long = {"content-disposition": "x" * 3000, "x-amz-meta-a": "ü" * 1023}
    assert read_metadata(long) == long


@pytest.mark.parametrize(
    ("encoding", "kept"),
    [
        ("gzip", "gzip"),
        ("aws-chunked", None),
        ("gzip,aws-chunked", "gzip"),
        ("aws-chunked, br , gzip", "br,gzip"),
        ("", None),
    ],
)
def test_how_the_body_travelled_is_not_kept(encoding: str, kept: str | None) -> None:
    assert read_metadata({"content-encoding": encoding}).get("content-encoding") == kept


@pytest.mark.parametrize("name", ["a b", "a\r\nb", "ü", "a:b", ""])
def test_names_of_metadata_that_no_header_can_have(name: str) -> None:
    if name:
        assert refused({f"x-amz-meta-{name}": "v"}).facts["ArgumentName"] == "x-amz-meta"
    else:
        assert read_metadata({"x-amz-meta-": "v"}) == {"x-amz-meta-": "v"}


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a", {"a": ""}),
        ("a+b=%C3%BC%26", {"a b": "ü&"}),
        ("a=1&a=2", {"a": "2"}),
    ],
)
def test_tags_are_written_as_in_a_url(text: str, tags: dict[str, str]) -> None:
    assert read_spec({"x-amz-tagging": text}).tags == tags


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
@pytest.mark.parametrize("until", [UNTIL, "2099-12-31T23:59:59.123456Z"])
def test_locks(mode: str, until: str) -> None:
    spec = read_spec({MODE: mode, DATE: until, HOLD: "ON"})
    assert (spec.lock_mode, spec.lock_until, spec.legal_hold) == (mode, until, "ON")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({MODE: "GOVERNANCE"}, "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both"),
        ({DATE: UNTIL}, "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both"),
        ({MODE: "governance", DATE: UNTIL}, "Unknown wormMode directive."),
        ({MODE: "COMPLIANCE", DATE: "2099-01-01"}, "The retain until date must be provided in ISO 8601"),
        ({MODE: "COMPLIANCE", DATE: "2099-13-01T00:00:00Z"}, "The retain until date must be provided in"),
        ({MODE: "COMPLIANCE", DATE: "2099-01-01T24:00:00Z"}, "The retain until date must be provided in"),
        ({HOLD: "on"}, "Legal Hold must be either of 'ON' or 'OFF'"),
    ],
)
def test_locks_that_cannot_be(headers: dict[str, str], message: str) -> None:
    error = refused(headers)
    assert error.code == "InvalidArgument"
    assert error.message.startswith(message)


@pytest.mark.parametrize("name", CANNED_ACLS)
def test_every_canned_acl(name: str) -> None:
    acl = read_spec({"x-amz-acl": name}).acl
    assert acl.public_read == name.startswith("public-read")


@pytest.mark.parametrize(
    ("header", "permission"),
    [
        ("read", "READ"),
        ("read-acp", "READ_ACP"),
        ("write-acp", "WRITE_ACP"),
        ("full-control", "FULL_CONTROL"),
    ],
)
def test_every_grant(header: str, permission: str) -> None:
    (grant,) = read_spec({f"x-amz-grant-{header}": 'id="1", id=2'}).acl.grants
    assert grant.permissions == [permission]
    assert [grantee.id for grantee in grant.grantees] == ["1", "2"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-acl": "Private"}, "InvalidArgument"),
        ({"x-amz-acl": "private", "x-amz-grant-read": "id=1"}, "InvalidRequest"),
        ({"x-amz-grant-read": "nobody"}, "InvalidArgument"),
        ({"x-amz-grant-own": "id=1"}, "InvalidArgument"),
    ],
)
def test_acls_that_cannot_be(headers: dict[str, str], code: str) -> None:
    assert refused(headers).code == code
