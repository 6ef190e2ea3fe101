"""Open every image whole before anything is uploaded, and hash it in the same read."""

import hashlib
import io
import logging
import struct
import warnings
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from musher.datasets.layout import Photo, first_few
from musher.datasets.manifest import ImageRecord
from musher.errors import UnreadableImageError

logger = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP")
"""What the endpoint reads too, so that a model is never trained on what it cannot be asked about."""

MAX_IMAGE_BYTES = 64 * 1024 * 1024
THREADS = 8
DRAFT_SIDE = 32
"""Pixels; a JPEG is decoded at an eighth of its size at best, which still reads all of its data."""

MEDIA_TYPES = {b"\x89PNG": "image/png", b"RIFF": "image/webp", b"\xff\xd8\xff": "image/jpeg"}
"""By the first bytes of the accepted formats."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a scan found: the good images by path, and the reasons why others were left out."""

    records: tuple[ImageRecord, ...]
    skipped: tuple[str, ...]


def scan_photos(*, photos: Sequence[Photo], max_unreadable: int = 0) -> Scan:
    """Verify and hash all photos in threads.

    Raises UnreadableImageError, naming the first few, where more than `max_unreadable` are not whole images.
    """
    from PIL import Image

    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS, thread_name_prefix="scan") as threads:
        warnings.simplefilter("ignore", UserWarning)  # odd EXIF data say nothing about the pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        outcomes = list(threads.map(_examine, photos))
    records = tuple(outcome for outcome in outcomes if isinstance(outcome, ImageRecord))
    skipped = tuple(outcome for outcome in outcomes if isinstance(outcome, str))
    if len(skipped) > max_unreadable:
        raise UnreadableImageError(
            f"{len(skipped)} of {len(photos)} images cannot be read, and {max_unreadable} may be left out: "
            f"{first_few(list(skipped))}. Replace or delete these files, or allow more to be left out."
        )
    for reason in skipped:
        logger.warning("left out %s", reason)
    return Scan(records=tuple(sorted(records, key=lambda record: record.path)), skipped=skipped)


def verify_image(data: bytes) -> None:
    """Decode an image; raise UnreadableImageError with the reason where it is not whole.

    Under `scan_photos` Pillow's warning about a decompression bomb (over 89 million pixels) is an error.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            image.draft(None, (DRAFT_SIDE, DRAFT_SIDE))
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


def _examine(photo: Photo) -> ImageRecord | str:
    """Return the photo's record, or its path and why it cannot be used."""
    if photo.size > MAX_IMAGE_BYTES:
        return f"{photo.path}: {photo.size} bytes, and {MAX_IMAGE_BYTES} is the limit"
    try:
        data = photo.read()
        verify_image(data)
    except (UnreadableImageError, OSError) as error:
        return f"{photo.path}: {error}"
    return ImageRecord(path=photo.path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
