"""Decode untrusted image bytes into upright RGB pixels: the same way in training and in serving.

Pillow reads every header, so that size, format and orientation are judged before memory is spent. A plain
colour JPEG is then decoded by simplejpeg (libjpeg-turbo, without the interpreter's lock): on 500 px photos
0.50 ms against Pillow's 0.79 ms, with the same values. (torchvision's decoder takes 0.55 ms, but it is
deprecated, cannot reduce, and takes seconds to import.) A JPEG far larger than needed is decoded at 1/2, 1/4
or 1/8 of its size, as Pillow's draft mode does. Whatever simplejpeg objects to is left to Pillow to judge.

What an image will take is known from its header: it is refused above MAX_BYTES_OF_AN_IMAGE, and all those
that are decoded at once share MAX_BYTES_AT_ONCE. `python -m benchmarks.decode_memory` holds that to account.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from imgclf.errors import ImageError
from imgclf.images.budget import MemoryBudget
from imgclf.images.limits import (
    FORMATS,
    MAX_BYTES_AT_ONCE,
    MAX_BYTES_OF_AN_IMAGE,
    MAX_EXIF_BYTES,
    MAX_PIXELS,
    MAX_SAMPLES,
    MAX_SIDE,
    MAX_TEXT_BYTES,
    PNG_BYTES,
    RGB_BYTES,
    SAMPLE_BYTES,
    WEBP_BYTES,
    WEBP_COPIES,
)
from imgclf.images.structure import check_chunks, count_scans, find_late_exif, find_webp_size
from imgclf.memory import give_back_freed_memory

Pixels = npt.NDArray[np.uint8]

REDUCTIONS = (8, 4, 2)
REDUCED_MARGIN = 4
"""A reduced image keeps this many times the wanted pixels on each side. Measured at 224 px, the values then
differ by 1 of 255 at most, as rounding does; with 1.5 by up to 10. A photo of 12 million pixels takes 20 ms
so, 39 ms at full size."""
TRANSPOSED = 5
"""From this EXIF orientation on, rows and columns are exchanged."""

GIVEN_BACK_BYTES = 32_000_000
"""From this size on malloc keeps no block for later, and an image is worth the milliseconds of asking it."""
TILE_SIDE = 1024
"""Pixels; what is no plain colour JPEG becomes RGB tile by tile, so that nothing but the result is large."""

# Pillow only warns for a decompression bomb; the module makes it an error for the whole process,
# because warnings.catch_warnings is not safe in threads.
Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS.values())
warnings.simplefilter("error", Image.DecompressionBombWarning)
# What Pillow says about odd metadata means nothing for the pixels, and Python keeps each new text for ever.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
PngImagePlugin.MAX_TEXT_MEMORY = MAX_TEXT_BYTES
_budget = MemoryBudget(MAX_BYTES_AT_ONCE)
"""Of all images that are decoded in this process."""


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """An image file whose header is sound; its pixels are not decoded yet."""

    data: bytes
    header: Image.Image
    orientation: int
    """EXIF orientation, 1 to 8; 1 is upright."""
    scans: int
    """Of a JPEG: each is a pass over the whole image; 0 for other formats."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels once it is upright."""
        width, height = self.header.size
        return (height, width) if self.orientation >= TRANSPOSED else (width, height)

    def decode(self, *, side: float, wanted: int) -> Pixels:
        """Return upright RGB pixels (3, H, W) uint8, of a JPEG perhaps 1/2, 1/4 or 1/8 of its size.

        `side` pixels of the whole image will be scaled to `wanted` ones: the decoder leaves a margin above
        that, unless the image would not fit into MAX_BYTES_OF_AN_IMAGE so. Decodes once. Raises ImageError
        when the bytes are truncated or damaged.
        """
        reduction = next((r for r in REDUCTIONS if side >= r * REDUCED_MARGIN * wanted), 1)
        while reduction < REDUCTIONS[0] and self.decoding_bytes(reduction) > MAX_BYTES_OF_AN_IMAGE:
            reduction *= 2
        with _memory(self.decoding_bytes(reduction)), _refusals(self.data):
            pixels = self._decode_jpeg(reduction)
            if pixels is None:
                pixels = self._decode_any(reduction)
            return _upright(pixels, self.orientation).transpose(2, 0, 1)

    def decoding_bytes(self, reduction: int) -> int:
        """Return the bytes of memory that decoding takes at its peak, turning the result upright included."""
        pixels = self.header.width * self.header.height
        kind = _format(self.header)
        if kind == "WEBP":
            return WEBP_BYTES * pixels + WEBP_COPIES * len(self.data)
        if kind == "PNG":
            return (PNG_BYTES + RGB_BYTES) * pixels
        kept = SAMPLE_BYTES * _count_samples(self.header) if self.scans > 1 else 0
        return kept + (PNG_BYTES + RGB_BYTES) * pixels // reduction**2

    def _decode_jpeg(self, reduction: int) -> Pixels | None:
        """Return (H, W, 3), or None for what is no plain colour JPEG without any flaw."""
        if self.header.mode != "RGB" or not isinstance(self.header, JpegImageFile):
            return None
        width, height = (math.ceil(side / reduction) for side in self.header.size)
        target = np.empty((height, width, 3), np.uint8)  # refuses a file larger than its header said
        try:
            found: Pixels = simplejpeg.decode_jpeg(
                self.data, "RGB", min_height=height, min_width=width, buffer=target
            )
        except ValueError:
            return None
        return found

    def _decode_any(self, reduction: int) -> Pixels:
        """Return (H, W, 3) of any format and mode; only JPEGs can be reduced."""
        if reduction > 1:
            width, height = (max(1, side // reduction) for side in self.header.size)
            self.header.draft("RGB", (width, height))
        self.header.load()
        pixels = _to_rgb(self.header)
        self.header.close()  # frees its pixels before ours are turned
        return pixels


def open_image(data: bytes) -> EncodedImage:
    """Read an image's header; damaged EXIF data counts as none.

    Raises ImageError when `data` is no JPEG, PNG or WebP, or is larger or put together otherwise than
    imgclf.images.limits allows.
    """
    with _refusals(data):
        scans = count_scans(data)
        check_chunks(data)
        _check_pixels("WEBP", find_webp_size(data))  # Pillow copies the file before it says
        header = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_pixels(_format(header), header.size)
        image = EncodedImage(data=data, header=header, orientation=_orientation(data, header), scans=scans)
        _check_memory(image)
        return image


def check_image(data: bytes) -> None:
    """Raise ImageError for bytes that cannot be decoded to their end; faster than decoding at full size."""
    image = open_image(data)
    image.decode(side=math.inf, wanted=1)


@contextmanager
def _memory(count: int) -> Generator[None]:
    """Hold a share of the memory for decoding; what an image of many pixels leaves goes to the system."""
    with _budget.spend(count):
        try:
            yield
        finally:
            if count >= GIVEN_BACK_BYTES:
                give_back_freed_memory()


@contextmanager
def _refusals(data: bytes) -> Generator[None]:
    """Turn whatever the decoders raise into ImageError."""
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(
            f"not an image: the {len(data)} bytes are no {', '.join(FORMATS)}; send a whole image file"
        ) from None
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ImageError(f"unreadable image: {reason}; send a whole, undamaged file") from error


def _format(image: Image.Image) -> str:
    """Return the name of the format; Pillow calls a phone's JPEG of several pictures an MPO."""
    return "JPEG" if isinstance(image, JpegImageFile) else str(image.format)


def _check_pixels(kind: str, size: tuple[int, int]) -> None:
    """Refuse an image by its header, before memory is spent on its pixels."""
    width, height = size
    if max(size) > MAX_SIDE:
        raise ImageError(
            f"image of {width} x {height} pixels: more than {MAX_SIDE} on a side; send a smaller one"
        )
    if width * height > MAX_PIXELS[kind]:
        advice = "send a smaller one" if kind == "JPEG" else "send a smaller one, or a JPEG"
        raise ImageError(
            f"{kind} image of {width} x {height} pixels: more than {MAX_PIXELS[kind]} in all; {advice}"
        )


def _check_memory(image: EncodedImage) -> None:
    """Refuse an image of too few pixels to be refused for them, and yet too large to decode."""
    width, height = image.header.size
    if image.scans > 1 and _count_samples(image.header) > MAX_SAMPLES:
        raise ImageError(
            f"progressive JPEG image of {width} x {height} pixels: more than {MAX_SAMPLES} samples in all; "
            "send a smaller one, or a baseline JPEG"
        )
    if image.decoding_bytes(REDUCTIONS[0]) > MAX_BYTES_OF_AN_IMAGE:
        raise ImageError(
            f"{_format(image.header)} image of {width} x {height} pixels and {len(image.data)} bytes: more "
            f"than {MAX_BYTES_OF_AN_IMAGE} bytes of memory; send a smaller one, or a JPEG"
        )


def _count_samples(image: Image.Image) -> int:
    """Return the values that a JPEG stores: 1.5 per pixel at 4:2:0, 3 at 4:4:4."""
    factors = [(across, down) for _, across, down, _ in getattr(image, "layer", [])]
    across, down = (max([1, *values]) for values in zip(*factors, strict=True)) if factors else (1, 1)
    return int(image.width * image.height * sum(a * d for a, d in factors) // (across * down))


def _orientation(data: bytes, image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none or it is damaged."""
    try:
        if image.format == "PNG" and "exif" not in image.info and (late := find_late_exif(data)):
            image.info["exif"] = late
        if len(image.info.get("exif", b"")) > MAX_EXIF_BYTES:
            return 1  # Pillow would parse millions of values in Python
        # A PNG's own getexif decodes all of its pixels to look behind them.
        value = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - the pixels are sound; only their metadata is not
        return 1
    return value if value in range(1, 9) else 1


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn and mirror (H, W, 3) as the EXIF orientation asks."""
    if orientation >= TRANSPOSED:
        pixels = pixels.swapaxes(0, 1)
    mirrored = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}.get(orientation)
    return np.ascontiguousarray(np.flip(pixels, mirrored) if mirrored else pixels)


def _to_rgb(image: Image.Image) -> Pixels:
    """Return (H, W, 3) of any mode, converted tile by tile."""
    width, height = image.size
    pixels = np.empty((height, width, RGB_BYTES), np.uint8)
    for top in range(0, height, TILE_SIDE):
        for left in range(0, width, TILE_SIDE):
            right, bottom = min(left + TILE_SIDE, width), min(top + TILE_SIDE, height)
            pixels[top:bottom, left:right] = np.asarray(_tile_to_rgb(image.crop((left, top, right, bottom))))
    return pixels


def _tile_to_rgb(tile: Image.Image) -> Image.Image:
    """Convert any mode to RGB: 16-bit grey is scaled, transparency is laid on white."""
    if tile.mode.startswith("I"):
        grey = np.asarray(tile).clip(0, 0xFFFF) >> 8
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if tile.has_transparency_data:
        layer = tile.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return tile.convert("RGB")
