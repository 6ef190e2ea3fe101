"""How an image file becomes an input: a preset for each architecture, shared by training and serving.

The centre path is torchvision's Resize + CenterCrop + Normalize; the varied path is its RandomResizedCrop +
RandomHorizontalFlip, with the randomness handed in. Both run on uint8 pixels. A server imports this module
without torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imgclf.images.decode import open_image
from imgclf.images.scaling import Pixels, Scale, scale_by_pillow, scale_by_torch

if TYPE_CHECKING:
    import torch

IMAGENET_SIDE = 224
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MAX_ASPECT = 50
"""A thinner strip is cut to its middle before it is scaled: 1 x 40,000 pixels would grow to gigabytes."""
CROP_AREA = (0.35, 1.0)
"""Share of the image that a random crop keeps; torchvision's 0.08 cuts the animal out of many photos."""
CROP_ASPECT = (3 / 4, 4 / 3)
"""Width over height of a random crop."""


@dataclass(frozen=True, kw_only=True)
class Draw:
    """The random numbers, each in [0, 1), that decide how one image is varied."""

    area: float
    aspect: float
    left: float
    top: float
    flip: bool


@dataclass(frozen=True, kw_only=True)
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
    """Largest random shift in pixels while training, where there is no random crop."""
    crop_area: tuple[float, float] | None
    """Share of the image that a random crop keeps while training; None for no random crop."""
    interpolation: str = "bilinear"
    """How an image is scaled: bilinear or bicubic."""

    def to_pixels(self, data: bytes, *, scale: Scale = scale_by_pillow) -> Pixels:
        """Decode, resize and crop one image file -> (3, image_size, image_size) uint8 RGB.

        A server scales by Pillow, a job by torch. Raises ImageError when the bytes are no whole image.
        """
        image = open_image(data)
        width, height = image.size
        shorter, longer = min(width, height), max(width, height)
        pixels = image.decode(side=shorter, wanted=self.resize_size)
        if longer > MAX_ASPECT * shorter:
            width = height = longer = shorter
            pixels = _center_crop(pixels, min(pixels.shape[1:]))
        length = self.resize_size * longer // shorter
        size = (self.resize_size, length) if width >= height else (length, self.resize_size)
        scaled = scale(pixels, size, self.interpolation)
        return np.ascontiguousarray(_center_crop(scaled, self.image_size))

    def to_varied_pixels(self, data: bytes, draw: Draw) -> Pixels:
        """Decode one image file, cut a random box, scale it and perhaps mirror it; shape as `to_pixels`."""
        image = open_image(data)
        *_, width, height = self.crop_box(image.size, draw)
        square = self.crop(image.decode(side=min(width, height), wanted=self.image_size), draw)
        return np.ascontiguousarray(square[:, :, ::-1] if draw.flip else square)

    def crop(self, pixels: Pixels, draw: Draw) -> Pixels:
        """Cut the random box out of (3, H, W) and scale it to (3, image_size, image_size); never mirrors."""
        left, top, width, height = self.crop_box((pixels.shape[2], pixels.shape[1]), draw)
        box = pixels[:, top : top + height, left : left + width]
        return scale_by_torch(box, (self.image_size, self.image_size), self.interpolation)

    def crop_box(self, size: tuple[int, int], draw: Draw) -> tuple[int, int, int, int]:
        """Return left, top, width and height in pixels of a random crop of an image of (width, height).

        Area and aspect are drawn as RandomResizedCrop does; a box wider or higher than the image is cut.
        """
        low, high = self.crop_area or (1.0, 1.0)
        area = size[0] * size[1] * (low + draw.area * (high - low))
        narrow, wide = (math.log(aspect) for aspect in CROP_ASPECT)
        aspect = math.exp(narrow + draw.aspect * (wide - narrow))
        width = min(size[0], max(1, round(math.sqrt(area * aspect))))
        height = min(size[1], max(1, round(math.sqrt(area / aspect))))
        left, top = int(draw.left * (size[0] - width + 1)), int(draw.top * (size[1] - height + 1))
        return left, top, width, height

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Scale (B, 3, H, W) uint8 to float32 of about zero mean and unit variance."""
        import torch  # a server's graph does this instead

        mean = torch.tensor(self.mean, device=pixels.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=pixels.device).view(1, 3, 1, 1)
        # In place: fresh memory for each step of the arithmetic costs more than the arithmetic.
        return pixels.to(torch.float32, copy=True).mul_(1 / (255 * std)).sub_(mean / std)


def photo_preset(image_size: int, *, resize: int, interpolation: str = "bilinear") -> Preset:
    """Return the preset of a network that knows ImageNet's photos of 224 pixels.

    `resize` is the length in pixels to which a photo's shorter side is brought before 224 of it are cut out.
    """
    return Preset(
        image_size=image_size,
        resize_size=round(image_size * resize / IMAGENET_SIDE),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        flip=True,
        max_shift=0,
        crop_area=CROP_AREA,
        interpolation=interpolation,
    )


def _center_crop(pixels: Pixels, side: int) -> Pixels:
    """Cut the central square of `side` pixels out of (3, H, W)."""
    top, left = round((pixels.shape[1] - side) / 2), round((pixels.shape[2] - side) / 2)
    return pixels[:, top : top + side, left : left + side]
