"""Bodies as the SDKs send them: plain, or cut into signed or unsigned chunks with trailers (aws-chunked).

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
The signatures of chunks are not checked.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from localaws.s3 import wording

STREAMING = "STREAMING-"
MAX_LINE_BYTES = 8192


class Decoder(Protocol):
    """What turns the bytes of a request into those of an object."""

    def feed(self, data: bytes) -> Iterator[bytes | memoryview]:
        """Take what came over the network; give the object's bytes in it."""
        ...

    def finish(self) -> Mapping[str, str]:
        """Return the trailers, their names in lower case; raises S3Error where the body is not whole."""
        ...


class Plain:
    """A body as it is."""

    def __init__(self, *, declared: int | None) -> None:
        self._missing = declared

    def feed(self, data: bytes) -> Iterator[bytes | memoryview]:
        """Give the bytes as they are."""
        if self._missing is not None:
            self._missing -= len(data)
        if data:
            yield data

    def finish(self) -> Mapping[str, str]:
        """Have no trailers."""
        if self._missing:
            raise wording.incomplete_body()
        return {}


class AwsChunked:
    """A body in chunks: a line with the size in hexadecimal digits, the bytes, an empty line."""

    def __init__(self, *, declared: int | None) -> None:
        self._declared = declared
        self._received = 0
        self._left = 0
        self._line = bytearray()
        self._is_after_chunk = False
        self._has_ended = False
        self._trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> Iterator[bytes | memoryview]:
        """Give the bytes of chunks, and read the lines between them."""
        view = memoryview(data)
        while view:
            if self._left:
                piece, view = view[: self._left], view[self._left :]
                self._left -= len(piece)
                self._received += len(piece)
                self._is_after_chunk = self._left == 0
                yield piece
            else:
                view = self._feed_line(view)

    def _feed_line(self, view: memoryview) -> memoryview:
        """Take bytes up to the end of a line; return those after it."""
        end = bytes(view[:MAX_LINE_BYTES]).find(b"\n") + 1
        self._line += view[: end or len(view)]
        if len(self._line) > MAX_LINE_BYTES:
            raise wording.incomplete_body()
        if not end:
            return view[len(view) :]
        line, self._line = self._line.decode("latin-1").strip(), bytearray()
        self._read_line(line)
        return view[end:]

    def _read_line(self, line: str) -> None:
        if self._has_ended:
            name, colon, value = line.partition(":")
            if colon:
                self._trailers[name.strip().lower()] = value.strip()
        elif self._is_after_chunk and not line:
            self._is_after_chunk = False
        else:
            self._left = _read_size(line)
            self._has_ended = self._left == 0

    def finish(self) -> Mapping[str, str]:
        """Return the trailers."""
        if self._line:
            self._read_line(self._line.decode("latin-1").strip())
        if not self._has_ended or self._declared not in (None, self._received):
            raise wording.incomplete_body()
        return self._trailers


def _read_size(line: str) -> int:
    digits = line.partition(";")[0].strip()
    if not digits or len(digits) > 16 or set(digits.lower()) - set("0123456789abcdef"):
        raise wording.incomplete_body()
    return int(digits, 16)


def read_length(text: str | None) -> int | None:
    """Return a length that a header gives; raises S3Error for nonsense."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise wording.invalid_argument("The length is no number", name="Content-Length", value=text[:50])
    return int(text)


def make_decoder(headers: Mapping[str, str]) -> tuple[Decoder, int | None]:
    """Return what reads the body of a request, and how many bytes the object will have, if that is known."""
    is_chunked = headers.get("x-amz-content-sha256", "").startswith(STREAMING)
    is_chunked = is_chunked or "aws-chunked" in headers.get("content-encoding", "")
    if is_chunked:
        declared = read_length(headers.get("x-amz-decoded-content-length"))
        return AwsChunked(declared=declared), declared
    declared = read_length(headers.get("content-length"))
    return Plain(declared=declared), declared
