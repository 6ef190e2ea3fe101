"""Conditional requests: each header, and which of two decides (RFC 9110, section 13.2.2)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.s3.conditions import COPY_SOURCE, PLAIN, check_write, has_etag, is_modified, read_range
from localaws.s3.errors import S3Error

MODIFIED = datetime(2026, 11, 28, 12, 0, 30, 999_999)
KEY: Any = SimpleNamespace(etag='"abc"', last_modified=MODIFIED)


def date(**later: float) -> str:
    """Return the moment at which KEY was changed, or another, as a header has it."""
    return format_datetime(MODIFIED.replace(tzinfo=UTC) + timedelta(**later), usegmt=True)


BEFORE, SAME, AFTER = date(seconds=-1), date(), date(seconds=1)
READS, UNCHANGED = "reads", "unchanged"


def outcome(headers: dict[str, str], *, prefix: str) -> str:
    """Return what a reader gets: the object, "unchanged" (304), or the condition that failed (412)."""
    sent = {prefix + name: text for name, text in headers.items()}
    try:
        return READS if is_modified(KEY, sent, prefix=prefix) else UNCHANGED
    except S3Error as error:
        return f"{error.code}: {error.facts['Condition'].removeprefix(prefix)}"


@pytest.mark.parametrize("prefix", [PLAIN, COPY_SOURCE], ids=["read", "copy"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, READS),
        ({"if-match": '"abc"'}, READS),
        ({"if-match": "abc"}, READS),
        ({"if-match": "*"}, READS),
        ({"if-match": '"other", W/"abc"'}, READS),
        ({"if-match": '"other"'}, "PreconditionFailed: If-Match"),
        ({"if-none-match": '"abc"'}, UNCHANGED),
        ({"if-none-match": "*"}, UNCHANGED),
        ({"if-none-match": '"other", "abc"'}, UNCHANGED),
        ({"if-none-match": '"other"'}, READS),
        ({"if-modified-since": BEFORE}, READS),
        ({"if-modified-since": SAME}, UNCHANGED),
        ({"if-modified-since": AFTER}, UNCHANGED),
        ({"if-unmodified-since": BEFORE}, "PreconditionFailed: If-Unmodified-Since"),
        ({"if-unmodified-since": SAME}, READS),
        ({"if-unmodified-since": AFTER}, READS),
    ],
)
def test_one_condition(headers: dict[str, str], expected: str, prefix: str) -> None:
    """Dates have whole seconds; the object's fraction of one does not make it newer."""
    assert outcome(headers, prefix=prefix) == expected


@pytest.mark.parametrize("prefix", [PLAIN, COPY_SOURCE], ids=["read", "copy"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"if-match": '"abc"', "if-unmodified-since": BEFORE}, READS),
        ({"if-match": '"other"', "if-unmodified-since": AFTER}, "PreconditionFailed: If-Match"),
        ({"if-none-match": '"abc"', "if-modified-since": BEFORE}, UNCHANGED),
        ({"if-none-match": '"other"', "if-modified-since": AFTER}, READS),
        ({"if-match": '"abc"', "if-none-match": '"abc"'}, UNCHANGED),
        ({"if-match": '"other"', "if-none-match": '"other"'}, "PreconditionFailed: If-Match"),
        (
            {"if-unmodified-since": BEFORE, "if-none-match": '"other"'},
            "PreconditionFailed: If-Unmodified-Since",
        ),
        ({"if-unmodified-since": AFTER, "if-modified-since": AFTER}, UNCHANGED),
        ({"if-match": '"abc"', "if-modified-since": SAME}, UNCHANGED),
    ],
)
def test_of_a_pair_the_etag_decides_and_what_guards_comes_first(
    headers: dict[str, str], expected: str, prefix: str
) -> None:
    assert outcome(headers, prefix=prefix) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-11-28", "Mon, 99 Jan 2001 00:00:00 GMT"])
@pytest.mark.parametrize("name", ["if-modified-since", "if-unmodified-since"])
def test_a_date_that_is_none_is_passed_over(name: str, text: str) -> None:
    assert outcome({name: text}, prefix=PLAIN) == READS


def test_what_fails_is_told_in_awss_sentence() -> None:
    with pytest.raises(S3Error, match="At least one of the pre-conditions you specified did not hold"):
        is_modified(KEY, {"if-match": '"other"'})


def test_conditions_of_a_copy_s_source_are_not_those_of_a_reader() -> None:
    assert is_modified(KEY, {"x-amz-copy-source-if-match": '"other"'})
    assert is_modified(KEY, {"if-match": '"other"'}, prefix=COPY_SOURCE)


@pytest.mark.parametrize(
    ("is_there", "headers", "code"),
    [
        (True, {}, None),
        (False, {}, None),
        (True, {"if-match": '"abc"'}, None),
        (True, {"if-match": "*"}, None),
        (True, {"if-match": '"other"'}, "PreconditionFailed"),
        (False, {"if-match": '"abc"'}, "NoSuchKey"),
        (False, {"if-none-match": "*"}, None),
        (False, {"if-none-match": " * "}, None),
        (True, {"if-none-match": "*"}, "PreconditionFailed"),
        (True, {"if-none-match": '"abc"'}, "NotImplemented"),
        (False, {"if-none-match": ""}, "NotImplemented"),
        (True, {"if-match": '"abc"', "if-none-match": "*"}, "PreconditionFailed"),
        (True, {"if-modified-since": AFTER, "if-unmodified-since": BEFORE}, None),
    ],
)
def test_a_write_is_held_against_the_object_that_is_there(
    is_there: bool, headers: dict[str, str], code: str | None
) -> None:
    if code is None:
        check_write(KEY if is_there else None, headers, key="k")
        return
    with pytest.raises(S3Error) as refused:
        check_write(KEY if is_there else None, headers, key="k")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("listed", "expected"),
    [('"abc"', True), ("abc", True), ('W/"abc"', True), ('"x","abc"', True), ('"ABC"', False), ("", False)],
)
def test_etags_with_and_without_quotes(listed: str, expected: bool) -> None:
    assert has_etag(listed, KEY) == expected


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("bytes=0-99", (0, 100)),
        ("bytes= 0 - 4 ", (0, 5)),
        ("bytes=99-99", (99, 1)),
        ("bytes=99-9999999999999999999", (99, 1)),
        ("bytes=-100", (0, 100)),
        ("bytes=-101", (0, 100)),
        ("bytes=00-04", (0, 5)),
    ],
)
def test_the_ends_of_a_range_are_inclusive_and_cut_to_the_object(text: str, span: tuple[int, int]) -> None:
    found = read_range(text, size=100)
    assert found is not None
    assert (found.start, found.size) == span
    assert found.content_range(100) == f"bytes {span[0]}-{span[0] + span[1] - 1}/100"


@pytest.mark.parametrize(
    "text", ["", "bytes", "bytes=", "bytes=a-b", "Bytes 0-1", "bytes=0", "bytes=--1", "bytes=1-0"]
)
def test_a_range_that_is_none_is_passed_over(text: str) -> None:
    assert read_range(text, size=100) is None


def test_a_range_behind_the_end_says_how_large_the_object_is() -> None:
    with pytest.raises(S3Error, match="The requested range is not satisfiable") as refused:
        read_range("bytes=100-", size=100)
    assert refused.value.facts == {"RangeRequested": "bytes=100-", "ActualObjectSize": "100"}
