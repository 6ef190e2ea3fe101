"""One preprocessing preset per architecture, shared by training and serving."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from imgclf.decode import decode_image
from imgclf.errors import ConfigError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preset:
    """How an image becomes the model's input, and how training varies it."""

    image_size: int
    """Height and width of the input in pixels."""
    resize_size: int
    """Length of the shorter side in pixels before the centre crop."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    flip: bool
    """Whether a mirrored image keeps its meaning (a dog does, a digit does not)."""
    max_shift: int
    """Largest random shift in pixels while training."""

    def to_pixels(self, data: bytes) -> npt.NDArray[np.uint8]:
        """Decode, resize and crop one image file -> (3, image_size, image_size) uint8 RGB.

        Raises ImageError when the bytes are no whole image.
        """
        image = _center_crop(
            _resize(decode_image(data, shorter_side=self.resize_size), self.resize_size), self.image_size
        )
        return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Scale (B, 3, H, W) uint8 to float32 of about zero mean and unit variance."""
        mean = torch.tensor(self.mean, device=pixels.device).view(1, 3, 1, 1) * 255
        std = torch.tensor(self.std, device=pixels.device).view(1, 3, 1, 1) * 255
        return (pixels.float() - mean) / std


def preset_for(*, architecture: str, image_size: int) -> Preset:
    """Return the preset of an architecture, or raise ConfigError for one without."""
    if architecture == "small_cnn":
        half = (0.5, 0.5, 0.5)
        return Preset(image_size, image_size, half, half, flip=False, max_shift=max(1, image_size // 16))
    if architecture.startswith("resnet"):
        resize_size = round(image_size * 256 / 224)
        return Preset(
            image_size, resize_size, IMAGENET_MEAN, IMAGENET_STD, flip=True, max_shift=image_size // 14
        )
    raise ConfigError(f"architecture {architecture!r} has no preprocessing preset; add one to presets.py")


def _resize(image: Image.Image, shorter_side: int) -> Image.Image:
    """Scale the image so that its shorter side has that many pixels."""
    width, height = image.size
    scale = shorter_side / min(width, height)
    size = (max(shorter_side, round(width * scale)), max(shorter_side, round(height * scale)))
    if max(size) > 50 * shorter_side:
        # A strip of 1 x 40,000 pixels would grow to gigabytes: cut it to what the crop can use.
        image = _center_crop(image, min(width, height))
        size = (shorter_side, shorter_side)
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)


def _center_crop(image: Image.Image, side: int) -> Image.Image:
    """Cut the central square of `side` pixels."""
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))
