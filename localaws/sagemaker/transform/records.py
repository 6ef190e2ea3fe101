"""Make requests of an object's records, and one object of their answers. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html (SplitType),
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html (AssembleWith)
"""

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence

MAX_UNZIPPED_BYTES = 256 << 20
"""Bytes of an object without its gzip: it is kept in memory, and a small one may become any number."""
TOO_LARGE = "Too much data for max payload size"


class PayloadTooLargeError(Exception):
    """A record does not fit into a request."""


class UnzipError(Exception):
    """An object is no gzip, or too large without it."""


def unzip(content: bytes, *, max_bytes: int = MAX_UNZIPPED_BYTES) -> bytes:
    """Return what an object of CompressionType Gzip holds; raises UnzipError."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            plain = packed.read(max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnzipError(f"it is not a gzip file: {error}") from error
    if len(plain) > max_bytes:
        raise UnzipError(f"it has more than {max_bytes} bytes when it is unzipped")
    return plain


def split_records(content: bytes, *, is_split: bool) -> list[bytes]:
    """Return an object's records: its lines that are not empty, or the whole."""
    if not is_split:
        return [content]
    return [line for line in content.splitlines() if line]


def batch_records(
    records: Sequence[bytes], *, is_single: bool, max_bytes: int | None
) -> Iterator[list[bytes]]:
    """Give the records of one request after the other; raises PayloadTooLargeError for one too large."""
    batch: list[bytes] = []
    size = 0
    for record in records:
        if max_bytes is not None and len(record) > max_bytes:
            raise PayloadTooLargeError(TOO_LARGE)
        grown = size + len(record) + (1 if batch else 0)
        if batch and (is_single or (max_bytes is not None and grown > max_bytes)):
            yield batch
            batch, grown = [], len(record)
        batch.append(record)
        size = grown
    if batch:
        yield batch


def assemble(answers: Sequence[bytes], *, with_newlines: bool) -> bytes:
    """Return one object of the answers, in the order of the records."""
    if not with_newlines:
        return b"".join(answers)
    return b"".join(answer if answer.endswith(b"\n") else answer + b"\n" for answer in answers)
