"""Staging, training and serving refuse the same files by how they are put together."""

import io
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from imgclf.errors import ImageError
from imgclf.images.decode import open_image
from musher.datasets.images import verify_image
from musher.errors import UnreadableImageError
from tests.objections import objection


def encoded(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


def with_chunks(*chunks: tuple[bytes, bytes], at_end: bool = False) -> bytes:
    """Return a PNG with these chunks before its pixels, or after them."""
    whole = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    place = len(PNG) - 12 if at_end else 33
    return PNG[:place] + whole + PNG[place:]


JPEG = encoded("JPEG")
PNG = encoded("PNG")
PACKED = zlib.compress(bytes(1024 * 1024), 9)
"""What Pillow unpacks of one chunk at most."""
EXIF = (0xE1, b"Exif\0\0" + bytes(65_525))
"""As much as one segment holds."""
COMMENT = (0xFE, b"")
PROFILE = (b"iCCP", b"name\0\0" + PACKED)
NAMELESS = (b"zTXt", b"\0\0" + PACKED)
"""Pillow counts no text without a keyword, none with a wrong checksum, and none in a damaged language."""
DAMAGED = (b"zTXt", b"key\0\0" + PACKED[:-4] + b"????")
FOREIGN = (b"iTXt", b"key\0\1\0\xff\0\0" + PACKED)
ENDED = JPEG[:2] + b"\xff\xd9"
"""The start of an image and its end: libjpeg takes them for tables, and goes on to an image after them."""


def with_scans(count: int) -> bytes:
    """Return a progressive JPEG whose last scan is there so many times more."""
    data = encoded("JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + data[-2:]


def with_hidden_scans(count: int) -> bytes:
    """Return a progressive JPEG with scans behind a reserved marker, which pretends to be a long segment.

    Where libjpeg waits for a restart, it passes over such a marker, and reads on right behind it.
    """
    data = encoded("JPEG", progressive=True, restart_marker_rows=1)
    start = data.rindex(b"\xff\xda")
    restart, header_end = data.index(b"\xff\xd0", start), start + 2 + data[start + 3]
    hidden = data[restart:-2] + (data[start:header_end] + bytes(2)) * count
    return data[:restart] + b"\xff\x02\xff\xff" + hidden + b"\xff\xd9" + bytes(65_536)


def with_segments(*segments: tuple[int, bytes], at_end: bool = False) -> bytes:
    """Return a JPEG with these markers and data right after its start, or after its scan."""
    whole = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments
    )
    place = len(JPEG) - 2 if at_end else 2
    return JPEG[:place] + whole + JPEG[place:]


def verify_in_training(data: bytes) -> None:
    open_image(data).decode(side=64, wanted=64)


@pytest.mark.parametrize(
    ("judge", "error"),
    [(verify_image, UnreadableImageError), (verify_in_training, ImageError)],
    ids=["staging", "training"],
)
class TestBoth:
    """One table of files for both sides."""

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (ENDED + JPEG, "JPEG that ends before its first scan; save it anew"),
            (ENDED + with_scans(60), "JPEG that ends before its first scan; save it anew"),
            (with_scans(60), "JPEG of more than 20 scans"),
            (with_hidden_scans(60), "JPEG of more than 20 scans"),
            (with_segments(*[EXIF] * 3), "JPEG with more than 128 KiB of EXIF; save it without them"),
            (with_segments(*[COMMENT] * 2000), "JPEG of more than 2000 segments"),
            (with_chunks(*[PROFILE] * 2), "PNG with more than one colour profile; save it anew"),
            (with_chunks(*[PROFILE] * 2, at_end=True), "PNG with more than one colour profile"),
            (with_chunks(*[NAMELESS] * 101), "PNG with more than 100 compressed or international texts"),
            (with_chunks(*[DAMAGED] * 101), "PNG with more than 100 compressed or international texts"),
            (with_chunks(*[FOREIGN] * 101), "PNG with more than 100 compressed or international texts"),
        ],
    )
    def test_a_file_is_refused(
        self, judge: Callable[[bytes], object], error: type[Exception], data: bytes, reason: str
    ) -> None:
        with pytest.raises(error, match=reason):
            judge(data)

    @pytest.mark.parametrize(
        "data",
        [
            *(JPEG, JPEG + JPEG, JPEG + b"\xff\xd9", with_scans(0), PNG, with_chunks(PROFILE)),
            *(with_segments(*[EXIF] * 2), with_segments(*[EXIF] * 3, at_end=True)),
            with_segments(*[COMMENT] * 2000, at_end=True),
        ],
    )
    def test_a_file_is_taken(
        self, judge: Callable[[bytes], object], error: type[Exception], data: bytes
    ) -> None:
        assert objection(judge, data) is None

    @pytest.mark.parametrize("chunk", [NAMELESS, DAMAGED, FOREIGN])
    def test_as_many_texts_as_are_let_through_take_no_second(
        self, judge: Callable[[bytes], object], error: type[Exception], chunk: tuple[bytes, bytes]
    ) -> None:
        started = time.process_time()
        judge(with_chunks(*[chunk] * 100))
        assert time.process_time() - started < 2
