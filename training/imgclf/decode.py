"""Decode untrusted image bytes into RGB: the same way in training and in serving."""

from __future__ import annotations

import io
import os
import threading
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from imgclf.errors import ImageError

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 50_000_000
"""Pixels of one image, about 150 MB once decoded; a 20 kB PNG can claim far more."""
MAX_PARALLEL_DECODES = max(2, os.cpu_count() or 2)
"""Images decoded at once in this process: together with MAX_PIXELS it bounds the memory."""

# Pillow only warns for a decompression bomb; the module makes it an error for the whole process,
# because warnings.catch_warnings is not safe in threads.
warnings.simplefilter("error", Image.DecompressionBombWarning)
_decoding = threading.BoundedSemaphore(MAX_PARALLEL_DECODES)


def decode_image(data: bytes, *, shorter_side: int) -> Image.Image:
    """Return the image as RGB, upright, not smaller than `shorter_side` pixels unless it was.

    Raises ImageError when `data` is no JPEG, PNG or WebP, is truncated, or has over MAX_PIXELS pixels.
    """
    with _decoding:
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check_size(image)
                image.draft("RGB", (shorter_side, shorter_side))
                image.load()
                return _to_rgb(_upright(image))
        except ImageError:
            raise
        except UnidentifiedImageError:
            raise ImageError(
                f"not an image: the {len(data)} bytes are no {', '.join(FORMATS)}; send a whole image file"
            ) from None
        except Exception as error:
            raise ImageError(f"unreadable image: {error}; send a whole, undamaged file") from error


def _check_size(image: Image.Image) -> None:
    """Refuse an image by its header, before memory is spent on its pixels."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"image of {width} x {height} pixels: more than {MAX_PIXELS} in all; send a smaller one"
        )


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; damaged EXIF data counts as none."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - the pixels are sound; only their metadata is not
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB: 16-bit grey is scaled, transparency is laid on white."""
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64) >> 8
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
