"""Which XML documents are handed on."""

import pytest

from localaws.wire.documents import MALFORMED, MAX_DEPTH, MAX_ELEMENTS, check_document, is_document
from localaws.wire.readers import UnreadableError
from tests.objections import objection

BOMB = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
FILE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.mark.parametrize(
    "body",
    [
        b"<a/>",
        b"<?xml version='1.0' encoding='UTF-8'?>\n<a b='c'>&amp;&#65;<![CDATA[<]]></a>",
        b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH,
        b"<a>" + b"<b/>" * (MAX_ELEMENTS - 1) + b"</a>",
    ],
    ids=["empty", "declared", "deep", "long"],
)
def test_documents_of_any_usual_size_are_taken(body: bytes) -> None:
    assert objection(check_document, body) is None


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        FILE,
        b"<!DOCTYPE a><a/>",
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>",
        b"<a>",
        b"<a></b>",
        b"<a>\xff</a>",
        b"<?xml version='1.0' encoding='none'?><a/>",
        b"<?xml version='1.0' encoding='punycode'?><a/>",
    ],
)
def test_entities_depth_and_what_is_no_xml_are_refused(body: bytes) -> None:
    with pytest.raises(UnreadableError, match=MALFORMED):
        check_document(body)


@pytest.mark.parametrize(
    ("body", "service", "expected"),
    [
        (b" \n<a/>", "s3", True),
        (b"\xef\xbb\xbf<a/>", "", True),
        (b"{}", "s3", False),
        (b"<a/>", "lambda", False),
        (b"", "s3", False),
    ],
)
def test_documents_are_known_by_service_and_first_letter(body: bytes, service: str, expected: bool) -> None:
    assert is_document(body, service=service) is expected
