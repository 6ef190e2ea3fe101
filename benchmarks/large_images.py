"""Large image files of each format and depth that a client may send, made for a benchmark."""

import functools
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Write = Callable[[Path, int], None]
"""Writes an image of so many pixels on each side."""

BLOCK = 16
"""Pixels of one colour on each side: the photos are smooth, as photos are."""
PALETTE = bytes(range(256)) * 3
PAETH = b"\x04"
"""The dearest of PNG's filters."""
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, and steps of the seven passes of an interlaced PNG."""
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of a PNG's colour types: grey, RGB, palette, grey and alpha, RGBA."""


@functools.lru_cache(maxsize=1)
def smooth_image(side: int) -> Image.Image:
    """Return a smooth random image; the last one is kept, because making it takes longer than packing it."""
    few = np.random.default_rng(0).integers(0, 256, (max(1, side // BLOCK),) * 2 + (3,), dtype=np.uint8)
    return Image.fromarray(few).resize((side, side), Image.Resampling.BILINEAR)


def write_with_pillow(path: Path, side: int, *, kind: str, mode: str = "RGB", **options: Any) -> None:
    """Write a smooth image with Pillow."""
    smooth_image(side).convert(mode).save(path, kind, **options)


def write_animation(path: Path, side: int) -> None:
    """Write a WebP of two frames."""
    smooth_image(side).save(
        path, "WEBP", save_all=True, append_images=[Image.new("RGB", (side, side))], method=0, quality=30
    )


def write_png(path: Path, side: int, *, depth: int, colour: int, interlaced: bool = False) -> None:
    """Write a PNG of any depth and colour type, each row filtered by PAETH."""
    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, int(interlaced))
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header))
        if colour == 3:
            file.write(_chunk(b"PLTE", PALETTE[: 3 * min(256, 2**depth)]))
        packer = zlib.compressobj(1)
        for columns, rows in _passes(side, interlaced=interlaced):
            size = (columns * CHANNELS[colour] * depth + 7) // 8
            row = PAETH + (bytes(range(256)) * (size // 256 + 1))[:size]
            for _ in range(rows):
                if packed := packer.compress(row):
                    file.write(_chunk(b"IDAT", packed))
        file.write(_chunk(b"IDAT", packer.flush()) + _chunk(b"IEND", b""))


def _passes(side: int, *, interlaced: bool) -> Iterator[tuple[int, int]]:
    if not interlaced:
        yield side, side
        return
    for left, top, across, down in ADAM7:
        yield -(-(side - left) // across), -(-(side - top) // down)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


JPEGS: dict[str, Write] = {
    "JPEG 4:2:0": partial(write_with_pillow, kind="JPEG"),
    "JPEG 4:4:4": partial(write_with_pillow, kind="JPEG", subsampling=0),
    "JPEG grey": partial(write_with_pillow, kind="JPEG", mode="L"),
    "JPEG CMYK": partial(write_with_pillow, kind="JPEG", mode="CMYK"),
}
PROGRESSIVE_JPEGS: dict[str, Write] = {
    "JPEG progressive 4:2:0": partial(write_with_pillow, kind="JPEG", progressive=True),
    "JPEG progressive 4:4:4": partial(write_with_pillow, kind="JPEG", progressive=True, subsampling=0),
    "JPEG progressive CMYK": partial(write_with_pillow, kind="JPEG", progressive=True, mode="CMYK"),
}
PNGS: dict[str, Write] = {
    "PNG 1-bit grey": partial(write_png, depth=1, colour=0),
    "PNG 8-bit grey": partial(write_png, depth=8, colour=0),
    "PNG 16-bit grey": partial(write_png, depth=16, colour=0),
    "PNG 1-bit palette": partial(write_png, depth=1, colour=3),
    "PNG 8-bit palette": partial(write_png, depth=8, colour=3),
    "PNG 16-bit grey, alpha": partial(write_png, depth=16, colour=4),
    "PNG 8-bit RGB": partial(write_png, depth=8, colour=2),
    "PNG 16-bit RGB": partial(write_png, depth=16, colour=2),
    "PNG 8-bit RGBA": partial(write_png, depth=8, colour=6),
    "PNG 16-bit RGBA": partial(write_png, depth=16, colour=6),
    "PNG 8-bit RGBA interlaced": partial(write_png, depth=8, colour=6, interlaced=True),
    "PNG 16-bit RGBA interlaced": partial(write_png, depth=16, colour=6, interlaced=True),
}
WEBPS: dict[str, Write] = {
    "WebP lossy": partial(write_with_pillow, kind="WEBP", method=0),
    "WebP lossy, alpha": partial(write_with_pillow, kind="WEBP", mode="RGBA", method=0),
    "WebP lossless": partial(write_with_pillow, kind="WEBP", lossless=True, quality=0, method=0),
    "WebP animated": write_animation,
}
OTHERS: dict[str, Write] = {
    "GIF": partial(write_with_pillow, kind="GIF", mode="P"),
    "BMP": partial(write_with_pillow, kind="BMP"),
    "TIFF": partial(write_with_pillow, kind="TIFF"),
}
