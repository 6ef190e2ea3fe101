"""A page of ListObjectVersions: by key, the newest version first, what shares a prefix as one entry. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from localaws.s3 import wording
from localaws.s3.listing import MAX_KEYS, common_prefix

NULL = "null"
"""VersionId of what was stored while the bucket kept no versions."""

VERSION_ID = re.compile(r"null|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-Za-z._]{32}")
"""What is an id: of no version, of one that moto made, or of one in AWS's form."""


@dataclass(frozen=True, kw_only=True)
class VersionQuery:
    """What of a bucket is asked for."""

    prefix: str = ""
    delimiter: str | None = None
    key_marker: str | None = None
    version_id_marker: str | None = None
    max_keys: int | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One version or delete marker of a key; without one, all keys that begin with the same prefix."""

    name: str
    version: Any = None


@dataclass(frozen=True, kw_only=True)
class VersionPage:
    """The entries of a page, and the last of them where more follow."""

    entries: Sequence[Entry]
    last: Entry | None

    @property
    def versions(self) -> list[Any]:
        """Versions and delete markers, in order."""
        return [entry.version for entry in self.entries if entry.version is not None]

    @property
    def prefixes(self) -> list[str]:
        """CommonPrefixes."""
        return [entry.name for entry in self.entries if entry.version is None]

    @property
    def next_version_id(self) -> str | None:
        """NextVersionIdMarker; None behind a common prefix, which has no versions."""
        return None if self.last is None or self.last.version is None else version_id(self.last.version)


def find_page(
    names: Iterable[str], versions_of: Callable[[str], Sequence[Any]], query: VersionQuery
) -> VersionPage:
    """Return the page behind the markers; `versions_of` gives a key's versions, the oldest first."""
    limit = MAX_KEYS if query.max_keys is None else min(query.max_keys, MAX_KEYS)
    found = list(islice(_entries(names, versions_of, query), limit + 1))
    page = found[:limit]
    return VersionPage(entries=page, last=page[-1] if page and len(found) > limit else None)


def version_id(version: Any) -> str:
    """Return the VersionId of a version or delete marker."""
    return str(version.version_id or NULL)


def check_version_id(text: str | None) -> None:
    """Raise S3Error for an id that no version can have."""
    if text == "":
        raise wording.invalid_argument("Version id cannot be the empty string", name="versionId", value="")
    if text is not None and not VERSION_ID.fullmatch(text):
        raise wording.invalid_argument("Invalid version id specified", name="versionId", value=text[:100])


def _entries(
    names: Iterable[str], versions_of: Callable[[str], Sequence[Any]], query: VersionQuery
) -> Iterator[Entry]:
    marker, shared = query.key_marker or "", query.key_marker
    for name in sorted(name for name in names if name.startswith(query.prefix) and name >= marker):
        prefix = common_prefix(name, prefix=query.prefix, delimiter=query.delimiter)
        if prefix is None:
            newest_first = reversed(versions_of(name))
            yield from (Entry(name=name, version=item) for item in _behind_marker(name, newest_first, query))
        elif prefix != shared and name != query.key_marker:
            shared = prefix
            yield Entry(name=prefix)


def _behind_marker(name: str, newest_first: Iterator[Any], query: VersionQuery) -> Iterator[Any]:
    """Give a key's versions; of the key in the marker those behind the version there, or none."""
    if name == query.key_marker:
        for version in newest_first:
            if version_id(version) == query.version_id_marker:
                break
    yield from newest_first
