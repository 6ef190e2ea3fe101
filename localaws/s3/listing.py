"""A page of ListObjects and ListObjectsV2: keys and common prefixes in one order. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from moto.s3.exceptions import InvalidContinuationToken

from localaws.s3 import wording

MAX_KEYS = 1000
"""Entries of a page, whatever max-keys asks for."""
MAX_INTEGER = 2**31 - 1
TOKEN_PREFIX = b"1:"
"""What tells a continuation token of ours from other base64."""


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """What of a bucket is asked for."""

    prefix: str = ""
    delimiter: str = ""
    behind: str = ""
    """Where the page before ended, or what it is to begin behind."""
    max_keys: int = MAX_KEYS


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """Keys and common prefixes of a page, and the last of them where more follow."""

    keys: Sequence[Any]
    prefixes: Sequence[str]
    last: str | None = None

    @property
    def size(self) -> int:
        """How many entries it has."""
        return len(self.keys) + len(self.prefixes)


def find_page(objects: Iterable[tuple[str, Any]], query: ListQuery) -> ListPage:
    """Return the page behind a name; behind a common prefix, none of what begins with it."""
    entries: dict[str, Any] = {}
    for name, key in objects:
        if name.startswith(query.prefix):
            shared = common_prefix(name, prefix=query.prefix, delimiter=query.delimiter)
            entries[shared or name] = None if shared else key
    behind = sorted(name for name in entries if name > query.behind)
    page = behind[: query.max_keys]
    return ListPage(
        keys=[entries[name] for name in page if entries[name] is not None],
        prefixes=[name for name in page if entries[name] is None],
        last=page[-1] if page and len(page) < len(behind) else None,
    )


def uploads_behind(uploads: Sequence[Any], *, key: str, upload_id: str) -> list[Any]:
    """Return the uploads, in order, behind a marker: of the marker's key only those behind its upload.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
    """
    if not key:
        return list(uploads)
    same = [upload for upload in uploads if upload.key_name == key]
    ids = [upload.id for upload in same]
    rest = same[ids.index(upload_id) + 1 :] if upload_id in ids else []
    is_folder = key.endswith("/") and not same
    return rest + [
        upload
        for upload in uploads
        if upload.key_name > key and not (is_folder and upload.key_name.startswith(key))
    ]


def common_prefix(name: str, *, prefix: str, delimiter: str | None) -> str | None:
    """Return what a key stands for in a list: all to the delimiter behind the prefix; None for itself."""
    if not delimiter:
        return None
    head, found, _ = name[len(prefix) :].partition(delimiter)
    return f"{prefix}{head}{found}" if found else None


def read_list_query(query: Mapping[str, str], *, behind: str) -> ListQuery:
    """Return what a request asks for; raises S3Error for numbers and encodings that cannot be."""
    encoding = query.get("encoding-type", "url")
    if encoding != "url":
        message = "Invalid Encoding Method specified in Request"
        raise wording.invalid_argument(message, name="encoding-type", value=encoding)
    return ListQuery(
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        behind=behind,
        max_keys=read_max_keys(query.get("max-keys") or str(MAX_KEYS)),
    )


def read_max_keys(text: str) -> int:
    """Return how many entries a page may have; raises S3Error for what is no such number."""
    if re.fullmatch(r"-?[0-9]{1,10}", text) is None or int(text) > MAX_INTEGER:
        message = "Provided max-keys not an integer or within integer range"
        raise wording.invalid_argument(message, name="max-keys", value=text[:50])
    if int(text) < 0:
        message = f"Argument maxKeys must be an integer between 0 and {MAX_INTEGER}"
        raise wording.invalid_argument(message, name="maxKeys", value=text)
    return min(int(text), MAX_KEYS)


def write_token(name: str) -> str:
    """Return the continuation token of the page that begins behind a name."""
    return base64.urlsafe_b64encode(TOKEN_PREFIX + name.encode()).decode()


def read_token(token: str) -> str:
    """Return the name that a continuation token stands for; raises moto's error for one that is none."""
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True)
        if not text.startswith(TOKEN_PREFIX):
            raise InvalidContinuationToken
        return text.removeprefix(TOKEN_PREFIX).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidContinuationToken from error


def encode(text: str, encoding: str | None) -> str:
    """Return a name as the answer holds it: as it is, or as a part of a URL."""
    return quote(text) if encoding == "url" else text
