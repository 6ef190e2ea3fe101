"""Make requests of an object's records, and one object of their answers. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html (SplitType),
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html (AssembleWith)
"""

from collections.abc import Iterator, Sequence

TOO_LARGE = "Too much data for max payload size"


class PayloadTooLargeError(Exception):
    """A record does not fit into a request."""


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
