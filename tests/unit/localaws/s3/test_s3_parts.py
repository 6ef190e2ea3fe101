"""Which parts make an object, and which version ids and errors can be."""

import base64
import xml.etree.ElementTree as ET
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.s3.actions import check_deletion
from localaws.s3.backend import FileKey
from localaws.s3.checksums import (
    ALGORITHMS,
    COMPOSITE,
    FULL_OBJECT,
    POLYNOMIALS,
    PartChecksum,
    checksum_kind,
    join_checksums,
    make_hasher,
)
from localaws.s3.errors import S3Error, answer_error
from localaws.s3.multipart import ListedPart, check_algorithm, check_given, check_list, check_whole, read_list
from localaws.s3.versions import check_version_id
from tests.objections import objection

LEAST = 5 << 20
UUID = "6fb1c2d0-7a3e-4c7b-9c55-0d8f3f1f2a61"


def code_of(call: Any, *arguments: Any) -> str:
    """Return the code that a call is refused with."""
    with pytest.raises(S3Error) as refused:
        call(*arguments)
    return str(refused.value.code)


def part(number: int, *, size: int = LEAST) -> Any:
    """Return a part that has been uploaded."""
    made: Any = FileKey.__new__(FileKey, f"part-{number}", b"")
    made._etag, made.contentsize = f"{number:032x}", size
    made.checksum_algorithm, made.checksum_value = "CRC32", crc(number)
    return made


def crc(number: int) -> str:
    """Return the checksum of a part."""
    return base64.b64encode(number.to_bytes(4, "big")).decode()


def upload(*sizes: int, algorithm: str | None = "CRC32", kind: str | None = FULL_OBJECT) -> Any:
    """Return an upload with parts of these sizes, numbered from 1."""
    parts = {number: part(number, size=size) for number, size in enumerate(sizes, 1)}
    return SimpleNamespace(id="u", parts=parts, algorithm=algorithm, checksum_kind=kind)


def listed(*numbers: int, **checksums: str) -> list[ListedPart]:
    """Return a list of parts as they were uploaded."""
    return [ListedPart(number=number, etag=f"{number:032x}", checksums=checksums) for number in numbers]


@pytest.mark.parametrize(
    ("sizes", "numbers"),
    [((1,), (1,)), ((0,), (1,)), ((LEAST, 1), (1, 2)), ((LEAST, 1, LEAST), (1, 3)), ((LEAST, 1, 1), (3,))],
)
def test_any_ascending_parts_make_an_object_and_the_last_may_be_small(
    sizes: tuple[int, ...], numbers: tuple[int, ...]
) -> None:
    found = check_list(upload(*sizes), listed(*numbers))
    assert [key.checksum_value for key in found] == [crc(number) for number in numbers]


@pytest.mark.parametrize(
    ("sizes", "parts", "code"),
    [
        ((LEAST, LEAST), listed(2, 1), "InvalidPartOrder"),
        ((LEAST, LEAST), listed(1, 1), "InvalidPartOrder"),
        ((LEAST, LEAST), listed(1, 3), "InvalidPart"),
        ((LEAST,), listed(0), "InvalidPart"),
        ((LEAST,), [ListedPart(number=1, etag="0" * 32, checksums={})], "InvalidPart"),
        ((LEAST,), listed(1, CRC32=crc(2)), "InvalidPart"),
        ((LEAST - 1, 1), listed(1, 2), "EntityTooSmall"),
        ((LEAST, 1, 1), listed(1, 2, 3), "EntityTooSmall"),
    ],
)
def test_lists_that_are_not_what_was_uploaded(
    sizes: tuple[int, ...], parts: list[ListedPart], code: str
) -> None:
    assert code_of(check_list, upload(*sizes), parts) == code


@pytest.mark.parametrize("kind", [FULL_OBJECT, COMPOSITE])
def test_a_checksum_in_the_list_is_held_against_the_part_s(kind: str) -> None:
    begun = upload(LEAST, kind=kind)
    assert check_list(begun, listed(1, CRC32=crc(1)))
    assert code_of(check_list, begun, listed(1, CRC32=crc(2))) == "InvalidPart"
    for wrong in ({"CRC32": "x"}, {"CRC32": "AAAA"}, {"CRC32": crc(1), "CRC32C": crc(1)}):
        with pytest.raises(S3Error, match="Invalid Base64 or multiple checksums") as refused:
            check_list(begun, listed(1, **wrong))
        assert refused.value.code == "InvalidArgument"
        assert refused.value.facts["ArgumentValue"].startswith(f"CRC32:{wrong['CRC32']};")


def test_a_list_without_checksums_completes_what_is_not_composed_of_them() -> None:
    assert check_list(upload(LEAST), listed(1, CRC32C=crc(5)))
    with pytest.raises(S3Error) as refused:
        check_list(upload(LEAST, kind=COMPOSITE), listed(1))
    assert (refused.value.code, refused.value.message) == (
        "InvalidRequest",
        "The upload was created using a crc32 checksum. The complete request must include the checksum for "
        "each part. It was missing for part 1 in the request.",
    )
    with pytest.raises(S3Error, match="The crc32c you specified for part 1 did not match") as refused:
        check_list(upload(LEAST, kind=COMPOSITE), listed(1, CRC32C=crc(1)))
    assert refused.value.code == "BadDigest"


def test_an_upload_without_checksums_takes_none_in_its_list() -> None:
    begun = upload(LEAST, algorithm=None, kind=None)
    assert check_list(begun, listed(1))
    assert code_of(check_list, begun, listed(1, CRC32=crc(1))) == "InvalidPart"


@pytest.mark.parametrize(
    ("kind", "headers", "said"),
    [
        (COMPOSITE, {"x-amz-checksum-type": "FULL_OBJECT"}, "created using the COMPOSITE checksum mode"),
        (None, {"x-amz-checksum-type": "COMPOSITE"}, "created using the null checksum mode"),
        (COMPOSITE, {"x-amz-mp-object-size": "6"}, "value 6 does not match what was computed: 7"),
        (COMPOSITE, {"x-amz-mp-object-size": "seven"}, "value seven does not match"),
    ],
)
def test_the_whole_has_the_size_and_kind_that_are_asked_for(
    kind: str | None, headers: dict[str, str], said: str
) -> None:
    with pytest.raises(S3Error, match=said) as refused:
        check_whole(upload(7, kind=kind), [part(1, size=7)], headers)
    assert refused.value.code == "InvalidRequest"
    right = {"x-amz-mp-object-size": "7"} | ({"x-amz-checksum-type": kind} if kind else {})
    check_whole(upload(7, kind=kind), [part(1, size=7)], right)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (crc(1), None),
        (f"{crc(1)}-2", None),
        (crc(2), "BadDigest"),
        (f"{crc(1)}-3", "BadDigest"),
        (f"{crc(1)}-a", "InvalidRequest"),
        (f"{crc(1)}-", "InvalidRequest"),
        ("AAAA", "InvalidRequest"),
    ],
)
def test_the_checksum_of_the_whole_may_be_followed_by_the_number_of_parts(
    given: str, code: str | None
) -> None:
    expected: dict[str, Any] = {"made": crc(1), "algorithm": "CRC32", "count": 2}
    if code is None:
        check_given(given, **expected)
        return
    with pytest.raises(S3Error) as refused:
        check_given(given, **expected)
    assert refused.value.code == code


def test_the_part_that_is_too_small_is_named() -> None:
    with pytest.raises(S3Error, match="smaller than the minimum allowed size") as refused:
        check_list(upload(LEAST, 7, 1), listed(1, 2, 3))
    facts = refused.value.facts
    assert (facts["ProposedSize"], facts["MinSizeAllowed"], facts["PartNumber"]) == ("7", "5242880", "2")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", [FULL_OBJECT, COMPOSITE])
@pytest.mark.parametrize("sent", [None, *ALGORITHMS])
def test_a_part_has_the_algorithm_of_its_upload(algorithm: str, kind: str, sent: str | None) -> None:
    begun: Any = SimpleNamespace(algorithm=algorithm, checksum_kind=kind)
    if sent == algorithm or (sent is None and kind == FULL_OBJECT):
        check_algorithm(begun, sent)
        return
    said = f"expected checksum Type: {algorithm.lower()}, actual checksum Type: {(sent or 'null').lower()}"
    with pytest.raises(S3Error, match=said):
        check_algorithm(begun, sent)


@pytest.mark.parametrize("sent", [None, *ALGORITHMS])
def test_an_upload_that_names_no_algorithm_takes_any(sent: str | None) -> None:
    begun: Any = SimpleNamespace(algorithm=None, checksum_kind=None)
    assert objection(check_algorithm, begun, sent) is None


def digest(algorithm: str, data: bytes) -> bytes:
    """Return a checksum."""
    hasher = make_hasher(algorithm)
    hasher.update(data)
    return hasher.digest()


@pytest.mark.parametrize("sizes", [(1,), (3, 5), (1, 0, 1000, 7)])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksums_of_joined_parts(algorithm: str, sizes: tuple[int, ...]) -> None:
    pieces = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    digests = [digest(algorithm, piece) for piece in pieces]
    parts = [
        PartChecksum(value=base64.b64encode(made).decode(), size=len(piece))
        for made, piece in zip(digests, pieces, strict=True)
    ]
    if algorithm != "CRC64NVME":
        joined = join_checksums(parts, algorithm=algorithm, kind=COMPOSITE)
        assert base64.b64decode(joined) == digest(algorithm, b"".join(digests))
    if algorithm in POLYNOMIALS:
        joined = join_checksums(parts, algorithm=algorithm, kind=FULL_OBJECT)
        assert base64.b64decode(joined) == digest(algorithm, b"".join(pieces))


@pytest.mark.parametrize(
    ("algorithm", "asked", "kind"),
    [
        ("CRC32", None, COMPOSITE),
        ("CRC32C", "FULL_OBJECT", FULL_OBJECT),
        ("CRC32", "composite", COMPOSITE),
        ("CRC64NVME", None, FULL_OBJECT),
        ("SHA1", None, COMPOSITE),
    ],
)
def test_kinds_of_checksums_that_there_are(algorithm: str, asked: str | None, kind: str) -> None:
    assert checksum_kind(algorithm, asked) == kind


@pytest.mark.parametrize(
    ("algorithm", "kind"), [("SHA1", FULL_OBJECT), ("SHA256", FULL_OBJECT), ("CRC64NVME", COMPOSITE)]
)
def test_kinds_of_checksums_that_there_are_not(algorithm: str, kind: str) -> None:
    said = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
    with pytest.raises(S3Error, match=said):
        checksum_kind(algorithm, kind)


@pytest.mark.parametrize("id_", [None, "null", UUID, "L4kqtJlcpXroDTDmpUMLUo_.abcdefg1"[:32]])
def test_ids_that_a_version_can_have(id_: str | None) -> None:
    assert objection(check_version_id, id_) is None


@pytest.mark.parametrize(
    ("id_", "message"),
    [
        ("", "Version id cannot be the empty string"),
        ("Null", "Invalid version id specified"),
        ("null ", "Invalid version id specified"),
        ("0" * 31, "Invalid version id specified"),
        ("0" * 31 + "-", "Invalid version id specified"),
        (UUID.upper() + "0", "Invalid version id specified"),
        ("9" * 5000, "Invalid version id specified"),
    ],
)
def test_ids_that_no_version_can_have(id_: str, message: str) -> None:
    with pytest.raises(S3Error) as refused:
        check_version_id(id_)
    assert (refused.value.code, refused.value.message) == ("InvalidArgument", message)
    assert refused.value.facts == {"ArgumentName": "versionId", "ArgumentValue": id_[:100]}


OBJECT = b"<Object><Key>k</Key></Object>"


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete>" + OBJECT + b"</Delete>",
        b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>'
        + OBJECT
        + b"</Delete>",
        b"<Delete>" + OBJECT * 1000 + b"</Delete>",
        b"<Delete><Object><Key> </Key><VersionId>x</VersionId></Object></Delete>",
    ],
)
def test_keys_to_delete(body: bytes) -> None:
    assert objection(check_deletion, body) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<Delete>",
        b"<Delete/>",
        b"<Delete><Quiet>true</Quiet></Delete>",
        b"<Delete><Object><Key/></Object></Delete>",
        b"<Delete>" + OBJECT + b"<Object><VersionId>x</VersionId></Object></Delete>",
        b"<Remove>" + OBJECT + b"</Remove>",
        b"<Delete>" + OBJECT * 1001 + b"</Delete>",
        b"\xff\xfe",
    ],
)
def test_what_is_no_list_of_keys_to_delete(body: bytes) -> None:
    assert code_of(check_deletion, body) == "MalformedXML"


@pytest.mark.parametrize(
    "document",
    [
        b"<a><Part><PartNumber>1</PartNumber></Part></a>",
        b"<a><Part><ETag>x</ETag></Part></a>",
        b"<a><Part><PartNumber>one</PartNumber><ETag>x</ETag></Part></a>",
        b"<a><Part><PartNumber/><ETag>x</ETag></Part></a>",
        b"<a><Parts/></a>",
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&f;</a>',
    ],
)
def test_what_is_no_list_of_parts(document: bytes) -> None:
    assert code_of(read_list, document) == "MalformedXML"


@pytest.mark.parametrize("text", ["a&b<c>", "\x00", "\x1b[0m", "\ud800", "\ufffe", "ü\U0001f4a9\t"])
def test_an_error_can_be_read_whatever_was_sent(text: str) -> None:
    error = S3Error("InvalidArgument", text, facts={"ArgumentValue": text})
    answer = answer_error(error, method="GET", path="/b/k")
    root = ET.fromstring(answer.body)  # noqa: S314 - our own
    found = root.findtext("ArgumentValue")
    assert found == root.findtext("Message")
    assert found in (text, text.replace("\x1b", "\ufffd"), "\ufffd")
