"""Judge what counts as new below a prefix of S3: without a clock or a bucket."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PAGES_A_LOOK = 100
"""A longer listing, of over 100,000 objects, is made more rarely, so that what a source costs is bounded: by
14,400 requests a day, two dollars a month, at the default of a look in ten minutes.
https://aws.amazon.com/s3/pricing/"""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one listing has shown: a digest of all keys, sizes and ETags, and how many pages it took."""

    digest: str
    objects: int
    bytes: int
    pages: int


class Tally:
    """Add up the pages of one listing, which S3 gives in the order of the keys."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._objects = self._bytes = self._pages = 0

    def add(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Take a page's `Contents`; the markers of empty folders are no data.

        Times of change do not count: the same bytes, sent again, are the same.
        """
        self._pages += 1
        for item in objects:
            if item["Key"].endswith("/"):
                continue
            self._objects += 1
            self._bytes += item["Size"]
            self._digest.update(f"{item['Key']}\0{item['Size']}\0{item['ETag']}\n".encode())

    def look(self) -> Look:
        """Return what the pages so far have shown."""
        return Look(
            digest=self._digest.hexdigest(), objects=self._objects, bytes=self._bytes, pages=self._pages
        )


@dataclass(kw_only=True)
class Watch:
    """What is known from one look to the next."""

    announced: str = ""
    """The digest of what was announced last; empty: nothing yet, so that what lies there is new."""
    seen: str = ""
    """The digest of the last look."""

    def take(self, look: Look) -> bool:
        """Return whether to announce what a look has shown: objects that are there as they were at the last
        look, so that nobody is uploading, and that are not what was announced last.
        """
        is_news = look.objects > 0 and look.digest == self.seen and look.digest != self.announced
        self.seen = look.digest
        if is_news:
            self.announced = look.digest
        return is_news


def pause_s(pages: int, *, quiet_s: float) -> float:
    """Return the seconds until the next look, which grow with the number of pages that a look takes."""
    return quiet_s * max(1, math.ceil(pages / PAGES_A_LOOK))
