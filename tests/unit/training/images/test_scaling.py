"""A server without torch sees the pixels that the model was trained on."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from imgclf.images.scaling import scale_by_pillow, scale_by_torch
from imgclf.networks.models import preset_for
from imgclf.networks.registry import ARCHITECTURES


def photo(width: int, height: int, *, kind: str = "JPEG", orientation: int = 1) -> bytes:
    """Return an image file with smooth waves, stripes and noise."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / 31 + shift) * np.cos(columns / 23) for shift in range(3)]
    pixels = np.stack(waves, 2) * 80 + 128 + (np.sin(columns / 2) * 20)[..., None]
    pixels += np.random.default_rng(1).normal(0, 8, pixels.shape)
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, kind, exif=exif)
    return buffer.getvalue()


FILES = {
    "landscape": photo(500, 375),
    "portrait": photo(333, 500),
    "large": photo(1600, 1200),
    "enlarged": photo(90, 60, kind="PNG"),
    "webp": photo(400, 300, kind="WEBP"),
    "strip": photo(2, 300, kind="PNG"),
    **{f"turned {number}": photo(300, 240, orientation=number) for number in range(2, 9)},
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", FILES)
def test_pillow_and_torch_differ_by_the_rounding_of_few_values(architecture: str, name: str) -> None:
    preset = preset_for(architecture=architecture, image_size=64 if architecture == "small_cnn" else 224)
    served = preset.to_pixels(FILES[name], scale=scale_by_pillow).astype(int)
    trained = preset.to_pixels(FILES[name], scale=scale_by_torch).astype(int)
    assert served.shape == trained.shape
    gap = np.abs(served - trained)
    assert gap.max() <= (2 if preset.interpolation == "bicubic" else 1)
    assert (gap > 0).mean() < 0.01


@pytest.mark.parametrize("scale", [scale_by_pillow, scale_by_torch])
def test_an_image_of_the_right_size_is_left_alone(scale: Callable[..., np.ndarray]) -> None:
    pixels = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    assert scale(pixels, (4, 5), "bilinear") is pixels
    assert scale(pixels, (8, 10), "bicubic").shape == (3, 8, 10)
