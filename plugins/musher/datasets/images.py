"""Open every image whole before anything is uploaded; hash it, and take its fingerprint, in the same read."""

import hashlib
import io
import logging
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from musher.datasets.file_names import first_few
from musher.datasets.file_structure import check_chunks, count_scans, find_webp_size
from musher.datasets.foreign_files import identify
from musher.datasets.layout import Photo
from musher.datasets.manifest import ImageRecord
from musher.errors import DatasetSourceError, UnreadableImageError

if TYPE_CHECKING:
    from PIL import Image

logger = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP")
"""What the endpoint reads too, so that a model is never trained on what it cannot be asked about."""

MAX_IMAGE_BYTES = 32 * 1024 * 1024
MAX_PIXELS = {"JPEG": 120_000_000, "PNG": 25_000_000, "WEBP": 12_000_000}
"""Width x height. A JPEG is decoded at a part of its size; the others cannot be, at BYTES_PER_PIXEL each."""
MAX_SIDE = 65_535
"""Pixels."""
MAX_SAMPLES = 75_000_000
"""Of a JPEG in several scans (a progressive one is): all its values stay in memory, 2 bytes each, until the
last scan. 50 million pixels at the usual 4:2:0, 25 million at 4:4:4."""
MAX_SCANS = 20
"""Of a JPEG: each costs a pass over all of its pixels. docs/limits.md: as in training and serving."""
MAX_BYTES_OF_AN_IMAGE = 200_000_000
"""Of memory to decode one. All these limits are those of training and serving: see docs/limits.md."""
MAX_TEXT_BYTES = 8 * 1024 * 1024
"""Of a PNG's texts once they are unpacked."""

BYTES_PER_PIXEL = {"PNG": 4, "WEBP": 16}
"""What Pillow needs to decode."""
WEBP_COPIES = 2
"""Of its file, which Pillow makes."""
BYTES_PER_SAMPLE = 2
DECODE_BYTES = 2 * MAX_BYTES_OF_AN_IMAGE
"""Memory that the threads share for decoding; one image may always be decoded."""
COUNTED_BYTES = 1_000_000
"""An image that needs less is not counted."""

REMOTE_THREADS = 8
"""Where photos come over a network. Photos on disk get a thread for each core: with more, the threads wait
for each other, and 2,000 small photos take 0.8 s instead of 0.5."""
BATCHES = 64
"""Into which the photos are dealt: handing over each alone would cost a tenth of its check."""
KEPT_BYTES = 128 * 1024 * 1024
"""Of images that stay in memory for packing, so that a small data set is read once."""
DRAFT_SIDE = 32
"""Pixels; a JPEG is decoded to grey at an eighth of its size at best, which still reads all of its data, and
leaves enough for a fingerprint."""

MIN_FINGERPRINT_SIDE = 32
"""Pixels; smaller images look alike too often: 8 pairs of the 8 x 8 digits have the same fingerprint."""
MIN_FINGERPRINT_BITS = 8
"""Of 64 that must be set, and as many unset: plain surfaces all look alike."""
REDUCED_SIDE = 64
"""Pixels to which a large image is averaged before its fingerprint is taken."""

MEDIA_TYPES = {b"\x89PNG": "image/png", b"RIFF": "image/webp", b"\xff\xd8\xff": "image/jpeg"}
"""By the first bytes of the accepted formats."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a scan found: the good images by path, and the reasons why others were left out."""

    records: tuple[ImageRecord, ...]
    skipped: tuple[str, ...]
    load: Callable[[ImageRecord], bytes]
    """Gives a good image's bytes again; raises DatasetSourceError where they are others now."""
    fingerprints: Mapping[str, int] = field(default_factory=dict)
    """By SHA-256, the difference hash of each image that has a telling one."""


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """A photo's record, or its path and why it cannot be used."""

    record: ImageRecord | None = None
    reason: str = ""
    remedy: str = ""
    data: bytes | None = None
    """Where they are kept."""
    fingerprint: int | None = None


class _Memory:
    """What is left of DECODE_BYTES: large images wait for each other, small ones for nothing."""

    def __init__(self) -> None:
        self._used = 0
        self._changed = threading.Condition()

    def take(self, size: int) -> AbstractContextManager[None]:
        """Wait until so many bytes are free, or nobody else has any; give them back at the end."""
        return _NOTHING if size < COUNTED_BYTES else self._take(size)

    @contextmanager
    def _take(self, size: int) -> Generator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + size <= DECODE_BYTES)
            self._used += size
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()


_NOTHING = nullcontext()
_memory = _Memory()


def scan_photos(*, photos: Sequence[Photo], max_unreadable: int = 0) -> Scan:
    """Verify and hash all photos in threads.

    Raises UnreadableImageError, naming the first few, where more than `max_unreadable` are not whole images.
    """
    outcomes = _examine_all(photos)
    skipped = sorted(outcome.reason for outcome in outcomes if outcome.record is None)
    if len(skipped) > max_unreadable:
        remedies = dict.fromkeys(outcome.remedy for outcome in outcomes if outcome.remedy)
        remedy = " ".join([*remedies, "Replace or delete these files, or raise max_unreadable."])
        raise UnreadableImageError(
            f"{len(skipped)} of {len(photos)} images cannot be read, and {max_unreadable} may be left out: "
            f"{first_few(skipped)}. {remedy}"
        )
    for reason in skipped:
        logger.warning("left out %s", reason)
    good = sorted(
        ((outcome.record, outcome) for outcome in outcomes if outcome.record), key=lambda pair: pair[0].path
    )
    kept = {record.sha256: outcome.data for record, outcome in good if outcome.data}
    by_path = {photo.path: photo for photo in photos}
    read = {record.sha256: by_path[record.path] for record, _ in good}
    return Scan(
        records=tuple(record for record, _ in good),
        skipped=tuple(skipped),
        load=lambda image: _load(image, kept=kept, photos=read),
        fingerprints={
            record.sha256: outcome.fingerprint for record, outcome in good if outcome.fingerprint is not None
        },
    )


def verify_image(data: bytes) -> int | None:
    """Decode an image; raise UnreadableImageError with the reason where it is not whole, or too large.

    Returns its fingerprint, imagehash's difference hash of 64 bits, or None where it has no telling one.
    Warnings, such as Pillow's about more than 89 million pixels, are the caller's to silence.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        scans = count_scans(data, max_scans=MAX_SCANS)
        check_chunks(data)
        webp_bytes = _webp_bytes(data)
        with (
            _memory.take(webp_bytes),
            Image.open(io.BytesIO(data), formats=FORMATS) as image,
            _memory.take(0 if webp_bytes else _decoding_bytes(image, scans=scans)),
        ):
            size = image.size
            image.draft("L", (DRAFT_SIDE, DRAFT_SIDE))
            image.load()
            return _fingerprint(image) if min(size) >= MIN_FINGERPRINT_SIDE else None
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImageError(f"not a {', '.join(FORMATS)} image") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"too many pixels ({error})") from error
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError) as error:
        raise UnreadableImageError(str(error)) from error
    except (struct.error, zlib.error, OverflowError) as error:
        raise UnreadableImageError(str(error)) from error


def content_type(data: bytes) -> str:
    """Return the media type of verified image bytes."""
    return next(kind for start, kind in MEDIA_TYPES.items() if data.startswith(start))


def _webp_bytes(data: bytes) -> int:
    """Return what memory a WebP takes from its opening on, 0 for other bytes; refuse one above limits."""
    size = find_webp_size(data)
    if size is None:
        return 0
    _check_size("WEBP", *size)
    needed = BYTES_PER_PIXEL["WEBP"] * size[0] * size[1] + WEBP_COPIES * len(data)
    if needed > MAX_BYTES_OF_AN_IMAGE:
        raise UnreadableImageError(
            f"a WebP of {size[0]} x {size[1]} pixels and {len(data)} bytes takes {needed} bytes of memory, "
            f"and {MAX_BYTES_OF_AN_IMAGE} are the limit; make it smaller, or a JPEG"
        )
    return needed


def _decoding_bytes(image: "Image.Image", *, scans: int) -> int:
    """Return how much memory a JPEG or PNG takes while it is checked; refuse one above the limits.

    Everything is read from headers, before memory is spent.
    """
    kind = "JPEG" if image.format in {"JPEG", "MPO"} else str(image.format)
    _check_size(kind, *image.size)
    if kind != "JPEG":
        return image.width * image.height * BYTES_PER_PIXEL[kind]
    return BYTES_PER_SAMPLE * _kept_samples(image) if scans > 1 else 0


def _check_size(kind: str, width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE:
        raise UnreadableImageError(
            f"{width} x {height} pixels, and {MAX_SIDE} are the limit on a side; make it smaller"
        )
    if width * height > MAX_PIXELS[kind]:
        advice = "make it smaller" if kind == "JPEG" else "make it smaller, or a JPEG"
        raise UnreadableImageError(
            f"{width} x {height} pixels, and {MAX_PIXELS[kind]} in all are the limit for {kind}; {advice}"
        )


def _kept_samples(image: "Image.Image") -> int:
    """Return the values of a JPEG in several scans: one for each pixel, and those of the colours."""
    width, height = image.size
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    most = max((h for _, h, _, _ in layers), default=1) * max((v for _, _, v, _ in layers), default=1)
    samples = width * height * sum(h * v for _, h, v, _ in layers) // max(most, 1)
    if samples > MAX_SAMPLES:
        raise UnreadableImageError(
            f"a progressive JPEG of {width} x {height} pixels, {samples} values, and {MAX_SAMPLES} are the "
            "limit; save it without `progressive`, or smaller"
        )
    return samples


def _fingerprint(image: "Image.Image") -> int | None:
    import imagehash
    import numpy as np

    grey = image if image.mode == "L" else image.convert("L")
    if min(grey.size) >= 2 * REDUCED_SIDE:
        grey = grey.reduce(min(grey.size) // REDUCED_SIDE)
    value = int.from_bytes(np.packbits(imagehash.dhash(grey).hash).tobytes())
    is_telling = MIN_FINGERPRINT_BITS <= value.bit_count() <= 64 - MIN_FINGERPRINT_BITS
    return value if is_telling else None


def _examine_all(photos: Sequence[Photo]) -> list[_Outcome]:
    from PIL import Image, PngImagePlugin

    PngImagePlugin.MAX_TEXT_MEMORY = MAX_TEXT_BYTES
    sizes = accumulate(photo.size for photo in photos)
    marked = [(photo, total <= KEPT_BYTES) for photo, total in zip(photos, sizes, strict=True)]
    batches = [marked[first::BATCHES] for first in range(min(BATCHES, len(marked)))]
    with (
        warnings.catch_warnings(),
        ThreadPoolExecutor(_threads(photos), thread_name_prefix="scan") as threads,
    ):
        warnings.simplefilter("ignore", UserWarning)  # odd EXIF data say nothing about the pixels
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS decides
        return [outcome for outcomes in threads.map(_examine_batch, batches) for outcome in outcomes]


def _threads(photos: Sequence[Photo]) -> int:
    """Return how many threads examine these photos."""
    cores = len(os.sched_getaffinity(0))
    return max(cores, REMOTE_THREADS) if any(photo.is_remote for photo in photos) else cores


def _examine_batch(marked: Sequence[tuple[Photo, bool]]) -> list[_Outcome]:
    return [_examine(photo, is_kept=is_kept) for photo, is_kept in marked]


def _examine(photo: Photo, *, is_kept: bool) -> _Outcome:
    data = b""
    try:
        _check_bytes(photo.size)
        data = photo.read()
        _check_bytes(len(data))  # it may have grown since it was listed
        fingerprint = verify_image(data)
    except ConnectionError:  # says nothing about the image: a retry may mend it
        raise
    except UnreadableImageError as error:
        foreign = identify(data) if data or not photo.size else None
        return _Outcome(
            reason=f"{photo.path}: {foreign.reason if foreign else error}",
            remedy=foreign.remedy if foreign else "",
        )
    except OSError as error:
        return _Outcome(reason=f"{photo.path}: {error}")
    record = ImageRecord(path=photo.path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    return _Outcome(record=record, data=data if is_kept else None, fingerprint=fingerprint)


def _check_bytes(count: int) -> None:
    if count > MAX_IMAGE_BYTES:
        raise UnreadableImageError(f"{count} bytes, and {MAX_IMAGE_BYTES} is the limit")


def _load(image: ImageRecord, *, kept: Mapping[str, bytes], photos: Mapping[str, Photo]) -> bytes:
    """Return the bytes by their hash: the image's path may be another since its split was cut."""
    if image.sha256 in kept:
        return kept[image.sha256]
    data = photos[image.sha256].read()
    if hashlib.sha256(data).hexdigest() != image.sha256:
        raise DatasetSourceError(
            f"{image.path} changed while it was being staged. Run the task again when nothing writes "
            "to the source."
        )
    return data
