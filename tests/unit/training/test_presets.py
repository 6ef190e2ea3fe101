"""Training and serving prepare images in one and the same way."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from imgclf.errors import ConfigError
from imgclf.models import ARCHITECTURES
from imgclf.presets import preset_for


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [(300, 200), (20, 31), (1, 1), (9_000, 2)])
def test_every_image_becomes_the_input_size(
    make_image: Callable[..., bytes], architecture: str, size: tuple[int, int]
) -> None:
    pixels = preset_for(architecture=architecture, image_size=32).to_pixels(make_image(size=size))
    assert (pixels.shape, pixels.dtype) == ((3, 32, 32), np.uint8)


def test_the_centre_is_kept() -> None:
    image = Image.new("RGB", (60, 20), "black")
    image.paste("white", (20, 0, 40, 20))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert preset_for(architecture="small_cnn", image_size=20).to_pixels(buffer.getvalue()).min() == 255


def test_resnet_uses_the_imagenet_recipe() -> None:
    preset = preset_for(architecture="resnet50", image_size=224)
    assert (preset.resize_size, preset.image_size) == (256, 224)
    grey = torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)
    expected = [(1 - mean) / std for mean, std in zip(preset.mean, preset.std, strict=True)]
    assert preset.normalise(grey).flatten().tolist() == pytest.approx(expected, rel=1e-5)


def test_an_architecture_without_preset_is_named() -> None:
    with pytest.raises(ConfigError, match="'vgg'"):
        preset_for(architecture="vgg", image_size=32)
