"""Conditional requests and ranges: RFC 9110, as far as S3 follows it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from localaws.s3 import wording
from localaws.s3.backend import FileKey

RANGE = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII)
PLAIN, COPY_SOURCE = "", "x-amz-copy-source-"


@dataclass(frozen=True, kw_only=True)
class Span:
    """Consecutive bytes of an object."""

    start: int
    size: int

    def content_range(self, total: int) -> str:
        """Return the header of an answer with these bytes only."""
        return f"bytes {self.start}-{self.start + self.size - 1}/{total}"


def read_range(text: str | None, *, size: int) -> Span | None:
    """Return the asked bytes; None where all are, or where S3 does not understand the range.

    Raises S3Error (416) for a range that begins behind the end.
    """
    match = RANGE.fullmatch(text) if text else None
    if text is None or match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size - 1
        if int(match[2]) == 0 or size == 0:
            raise wording.range_not_satisfiable(asked=text, size=size)
    else:
        start, end = int(match[1]), min(int(match[2] or size - 1), size - 1)
        if match[2] and int(match[2]) < start:
            return None
    if start >= size:
        raise wording.range_not_satisfiable(asked=text, size=size)
    return Span(start=start, size=end - start + 1)


def has_etag(listed: str, key: FileKey) -> bool:
    """Tell whether a header lists an object's ETag; the quotes are optional."""
    names = [name.strip().removeprefix("W/").strip('"') for name in listed.split(",")]
    return "*" in names or key.etag.strip('"') in names


def _read_date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None


def is_modified(key: FileKey, headers: Mapping[str, str], *, prefix: str = PLAIN) -> bool:
    """Tell whether a reader needs the object; raises S3Error (412) where it must not have it."""
    modified = key.last_modified.replace(microsecond=0, tzinfo=UTC)
    if match := headers.get(f"{prefix}if-match"):
        if not has_etag(match, key):
            raise wording.precondition_failed(f"{prefix}If-Match")
    elif (moment := _read_date(headers.get(f"{prefix}if-unmodified-since"))) and modified > moment:
        raise wording.precondition_failed(f"{prefix}If-Unmodified-Since")
    if match := headers.get(f"{prefix}if-none-match"):
        return not has_etag(match, key)
    moment = _read_date(headers.get(f"{prefix}if-modified-since"))
    return moment is None or modified > moment


def check_write(current: FileKey | None, headers: Mapping[str, str], *, key: str) -> None:
    """Raise S3Error where a conditional write does not fit the object that is there."""
    if match := headers.get("if-match"):
        if current is None:
            raise wording.no_such_key(key)
        if not has_etag(match, current):
            raise wording.precondition_failed("If-Match")
    if (match := headers.get("if-none-match")) is not None:
        if match.strip() != "*":
            raise wording.header_not_implemented("If-None-Match")
        if current is not None:
            raise wording.precondition_failed("If-None-Match")
