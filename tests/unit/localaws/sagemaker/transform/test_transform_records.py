"""How objects become requests, and answers one object."""

import gzip

import pytest

from localaws.sagemaker.transform.records import (
    PayloadTooLargeError,
    UnzipError,
    assemble,
    batch_records,
    split_records,
    unzip,
)
from localaws.sagemaker.transform.spec import Limits

RECORDS = [b"aaa", b"bb", b"c"]


def batches(*, is_single: bool = False, max_bytes: int | None = None) -> list[list[bytes]]:
    """Return the batches of RECORDS."""
    return list(batch_records(RECORDS, is_single=is_single, max_bytes=max_bytes))


def test_lines_are_records_and_empty_ones_are_none() -> None:
    assert split_records(b"a\r\n\nb\nc", is_split=True) == [b"a", b"b", b"c"]
    assert split_records(b"a\nb\n", is_split=False) == [b"a\nb\n"]


def test_an_object_is_unzipped_up_to_a_limit() -> None:
    assert unzip(gzip.compress(bytes(100)), max_bytes=100) == bytes(100)
    with pytest.raises(UnzipError, match="more than 100 bytes when it is unzipped"):
        unzip(gzip.compress(bytes(101)), max_bytes=100)


@pytest.mark.parametrize(
    "content", [b"plain", gzip.compress(b"cut off", mtime=0)[:12], gzip.compress(b"x", mtime=0) + b"y"]
)
def test_what_is_no_gzip_is_refused(content: bytes) -> None:
    with pytest.raises(UnzipError, match="it is not a gzip file"):
        unzip(content)


def test_as_many_records_as_fit_go_out_together() -> None:
    assert batches() == [RECORDS]
    assert batches(max_bytes=6) == [[b"aaa", b"bb"], [b"c"]]
    assert batches(max_bytes=5) == [[b"aaa"], [b"bb", b"c"]]
    assert batches(is_single=True) == [[b"aaa"], [b"bb"], [b"c"]]


def test_a_record_that_never_fits_is_an_error() -> None:
    with pytest.raises(PayloadTooLargeError, match="Too much data for max payload size"):
        batches(max_bytes=2)


def test_answers_are_joined_as_they_are_or_line_by_line() -> None:
    assert assemble([b"1", b"2\n"], with_newlines=False) == b"12\n"
    assert assemble([b"1", b"2\n"], with_newlines=True) == b"1\n2\n"


def test_the_container_says_what_the_request_leaves_open() -> None:
    asked = {"MaxConcurrentTransforms": 8, "MaxPayloadInMB": 1, "BatchStrategy": "SINGLE_RECORD"}
    own = Limits(max_concurrent=None, max_payload_mb=None, batch_strategy=None)
    assert own.completed(asked) == Limits(max_concurrent=8, max_payload_mb=1, batch_strategy="SingleRecord")
    assert own.completed({}) == Limits(max_concurrent=1, max_payload_mb=6, batch_strategy="MultiRecord")
    given = Limits(max_concurrent=2, max_payload_mb=0, batch_strategy="MultiRecord")
    assert given.completed(asked) == given
    assert given.max_payload_bytes is None
