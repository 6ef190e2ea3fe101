"""Staging, training and serving refuse the same files by how they are put together."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from imgclf.errors import ImageError
from imgclf.images.decode import open_image
from musher.datasets.images import verify_image
from musher.errors import UnreadableImageError


def encoded(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


JPEG = encoded("JPEG")
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
        ],
    )
    def test_a_file_is_refused(
        self, judge: Callable[[bytes], object], error: type[Exception], data: bytes, reason: str
    ) -> None:
        with pytest.raises(error, match=reason):
            judge(data)

    @pytest.mark.parametrize("data", [JPEG, with_scans(0), JPEG + JPEG, JPEG + b"\xff\xd9"])
    def test_a_file_is_taken(
        self, judge: Callable[[bytes], object], error: type[Exception], data: bytes
    ) -> None:
        judge(data)
