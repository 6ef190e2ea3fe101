"""Bodies in chunks, however the network cuts them."""

import pytest

from localaws.s3.chunked import AwsChunked, Plain, make_decoder, read_length
from localaws.s3.errors import S3Error

SIGNED = b"5;chunk-signature=0a\r\nhello\r\n6;chunk-signature=0b\r\n world\r\n0;chunk-signature=0c\r\n\r\n"
TRAILED = b"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Amz-Checksum-Crc32: abcd==\r\n\r\n"


def decode(body: bytes, *, step: int, declared: int | None = 11) -> tuple[bytes, dict[str, str]]:
    """Feed a body in steps; return the object's bytes and the trailers."""
    decoder = AwsChunked(declared=declared)
    pieces = [
        bytes(piece)
        for start in range(0, len(body), step)
        for piece in decoder.feed(body[start : start + step])
    ]
    return b"".join(pieces), dict(decoder.finish())


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_chunks_and_trailers(step: int) -> None:
    assert decode(SIGNED, step=step) == (b"hello world", {})
    assert decode(TRAILED, step=step) == (b"hello world", {"x-amz-checksum-crc32": "abcd=="})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"5\r\nhel",
        b"5\r\nhello\r\n",
        b"x\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"f" * 20_000,
    ],
)
@pytest.mark.parametrize("step", [1, 5000])
def test_bodies_that_are_not_whole(body: bytes, step: int) -> None:
    with pytest.raises(S3Error, match="IncompleteBody"):
        decode(body, step=step)


def test_a_plain_body_is_held_against_its_length() -> None:
    decoder = Plain(declared=5)
    assert list(decoder.feed(b"hel")) == [b"hel"]
    with pytest.raises(S3Error, match="IncompleteBody"):
        decoder.finish()
    list(decoder.feed(b"lo"))
    assert decoder.finish() == {}


def test_what_says_that_a_body_is_chunked() -> None:
    for headers in (
        {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
        {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
        {"content-encoding": "gzip,aws-chunked"},
    ):
        decoder, size = make_decoder(headers | {"x-amz-decoded-content-length": "7", "content-length": "99"})
        assert (type(decoder), size) == (AwsChunked, 7)
    decoder, size = make_decoder({"content-length": "99"})
    assert (type(decoder), size) == (Plain, 99)
    with pytest.raises(S3Error, match="InvalidArgument"):
        read_length("-1")
