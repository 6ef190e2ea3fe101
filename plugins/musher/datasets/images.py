"""Open every image whole before anything is uploaded, and hash it in the same read."""

import hashlib
import io
import logging
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate

from musher.datasets.layout import Photo, first_few
from musher.datasets.manifest import ImageRecord
from musher.errors import DatasetSourceError, UnreadableImageError

logger = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP")
"""What the endpoint reads too, so that a model is never trained on what it cannot be asked about."""

MAX_IMAGE_BYTES = 64 * 1024 * 1024
THREADS = 8
BATCHES = 64
"""Into which the photos are dealt: handing over each alone would cost a tenth of its check."""
KEPT_BYTES = 128 * 1024 * 1024
"""Of images that stay in memory for packing, so that a small data set is read once."""
DRAFT_SIDE = 32
"""Pixels; a JPEG is decoded to grey at an eighth of its size at best, which still reads all of its data."""

MEDIA_TYPES = {b"\x89PNG": "image/png", b"RIFF": "image/webp", b"\xff\xd8\xff": "image/jpeg"}
"""By the first bytes of the accepted formats."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a scan found: the good images by path, and the reasons why others were left out."""

    records: tuple[ImageRecord, ...]
    skipped: tuple[str, ...]
    load: Callable[[ImageRecord], bytes]
    """Gives a good image's bytes again; raises DatasetSourceError where they are others now."""


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """A photo's record, or its path and why it cannot be used."""

    record: ImageRecord | None = None
    reason: str = ""
    data: bytes | None = None
    """Where they are kept."""


def scan_photos(*, photos: Sequence[Photo], max_unreadable: int = 0) -> Scan:
    """Verify and hash all photos in threads.

    Raises UnreadableImageError, naming the first few, where more than `max_unreadable` are not whole images.
    """
    outcomes = _examine_all(photos)
    skipped = sorted(outcome.reason for outcome in outcomes if outcome.record is None)
    if len(skipped) > max_unreadable:
        raise UnreadableImageError(
            f"{len(skipped)} of {len(photos)} images cannot be read, and {max_unreadable} may be left out: "
            f"{first_few(skipped)}. Replace or delete these files, or allow more to be left out."
        )
    for reason in skipped:
        logger.warning("left out %s", reason)
    records = sorted(
        (outcome.record for outcome in outcomes if outcome.record), key=lambda record: record.path
    )
    kept = {outcome.record.path: outcome.data for outcome in outcomes if outcome.record and outcome.data}
    read = {photo.path: photo.read for photo in photos}
    return Scan(
        records=tuple(records), skipped=tuple(skipped), load=lambda image: _load(image, kept=kept, read=read)
    )


def verify_image(data: bytes) -> None:
    """Decode an image; raise UnreadableImageError with the reason where it is not whole.

    Under `scan_photos` Pillow's warning about a decompression bomb (over 89 million pixels) is an error.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            image.draft("L", (DRAFT_SIDE, DRAFT_SIDE))
            image.load()
    except UnidentifiedImageError as error:
        raise UnreadableImageError(f"not a {', '.join(FORMATS)} image") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadableImageError(f"too many pixels ({error})") from error
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError) as error:
        raise UnreadableImageError(str(error)) from error
    except (struct.error, zlib.error, OverflowError) as error:
        raise UnreadableImageError(str(error)) from error


def content_type(data: bytes) -> str:
    """Return the media type of verified image bytes."""
    return next(kind for start, kind in MEDIA_TYPES.items() if data.startswith(start))


def _examine_all(photos: Sequence[Photo]) -> list[_Outcome]:
    from PIL import Image

    sizes = accumulate(photo.size for photo in photos)
    marked = [(photo, total <= KEPT_BYTES) for photo, total in zip(photos, sizes, strict=True)]
    batches = [marked[first::BATCHES] for first in range(min(BATCHES, len(marked)))]
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS, thread_name_prefix="scan") as threads:
        warnings.simplefilter("ignore", UserWarning)  # odd EXIF data say nothing about the pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return [outcome for outcomes in threads.map(_examine_batch, batches) for outcome in outcomes]


def _examine_batch(marked: Sequence[tuple[Photo, bool]]) -> list[_Outcome]:
    return [_examine(photo, is_kept=is_kept) for photo, is_kept in marked]


def _examine(photo: Photo, *, is_kept: bool) -> _Outcome:
    if photo.size > MAX_IMAGE_BYTES:
        return _Outcome(reason=f"{photo.path}: {photo.size} bytes, and {MAX_IMAGE_BYTES} is the limit")
    try:
        data = photo.read()
        verify_image(data)
    except ConnectionError:  # says nothing about the image: a retry may mend it
        raise
    except (UnreadableImageError, OSError) as error:
        return _Outcome(reason=f"{photo.path}: {error}")
    record = ImageRecord(path=photo.path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    return _Outcome(record=record, data=data if is_kept else None)


def _load(image: ImageRecord, *, kept: Mapping[str, bytes], read: Mapping[str, Callable[[], bytes]]) -> bytes:
    if image.path in kept:
        return kept[image.path]
    data = read[image.path]()
    if hashlib.sha256(data).hexdigest() != image.sha256:
        raise DatasetSourceError(
            f"{image.path} changed while it was being staged. Run the task again when nothing writes "
            "to the source."
        )
    return data
