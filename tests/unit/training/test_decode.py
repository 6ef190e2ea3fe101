"""Untrusted bytes become upright RGB images or a refusal."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from imgclf import decode
from imgclf.decode import decode_image
from imgclf.errors import ImageError


def to_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def bomb_png(side: int) -> bytes:
    """Return a tiny PNG whose header claims side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_each_served_format_is_decoded(make_image: Callable[..., bytes], kind: str) -> None:
    image = decode_image(make_image(kind=kind), shorter_side=16)
    assert (image.mode, image.size) == ("RGB", (20, 16))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(make_image: Callable[..., bytes], kind: str) -> None:
    with pytest.raises(ImageError, match="not an image") as raised:
        decode_image(make_image(kind=kind), shorter_side=16)
    assert raised.value.status == 400


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_image_is_refused(make_image: Callable[..., bytes], kind: str) -> None:
    data = make_image(size=(64, 64), kind=kind)
    with pytest.raises(ImageError, match="image"):
        decode_image(data[: len(data) // 2], shorter_side=16)


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8\xff"])
def test_bytes_that_are_no_image_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match="send a whole"):
        decode_image(data, shorter_side=16)


@pytest.mark.parametrize("side", [7_100, 10_000, 30_000])
def test_a_decompression_bomb_is_refused_by_its_header(side: int) -> None:
    """Our own limit, Pillow's warning and Pillow's error all end as the same refusal."""
    with pytest.raises(ImageError, match="pixels"):
        decode_image(bomb_png(side), shorter_side=16)


def test_exif_orientation_is_applied() -> None:
    image = Image.new("RGB", (8, 4), "black")
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    assert decode_image(buffer.getvalue(), shorter_side=4).size == (4, 8)


def test_grey_becomes_rgb() -> None:
    assert decode_image(to_png(Image.new("L", (4, 4), 77)), shorter_side=4).getpixel((0, 0)) == (77, 77, 77)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    image = Image.fromarray(np.full((4, 4), 0x8000, dtype=np.uint16))
    assert decode_image(to_png(image), shorter_side=4).getpixel((0, 0)) == (128, 128, 128)


def test_transparency_is_laid_on_white() -> None:
    assert (
        decode_image(to_png(Image.new("RGBA", (4, 4), (0, 0, 0, 0))), shorter_side=4).getpixel((0, 0))
        == (255,) * 3
    )


def test_the_limit_bounds_memory() -> None:
    assert decode.MAX_PIXELS * 3 <= 150_000_000
