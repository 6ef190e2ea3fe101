"""A small network of our own, for images of 8 to 64 pixels."""

from __future__ import annotations

from torch import nn

from imgclf.networks.architecture import Architecture
from imgclf.presets import Preset

WIDTHS = (32, 64, 128)
POOLED = 2
"""Height and width of the last feature map, before it becomes a vector."""


def build_small_cnn(image_size: int) -> nn.Module:
    """Build the backbone; images of every size fit it.

    It normalises each image alone (GroupNorm), so that a batch split over hosts trains as an undivided one.
    Its activation and pooling are smooth: with ReLU and maximum pooling the rounding error of a split sum
    flips decisions, and the loss curves of one and two hosts drift apart by the third decimal.
    """
    stem, middle, last = WIDTHS
    return nn.Sequential(
        *_block(3, stem),
        nn.AvgPool2d(2),
        *_block(stem, middle),
        nn.AvgPool2d(2),
        *_block(middle, last),
        nn.AdaptiveAvgPool2d(POOLED),
        nn.Flatten(),
    )


def small_preset(image_size: int) -> Preset:
    """Return the preset: no random crop and no mirroring, which would change a digit's meaning."""
    half = (0.5, 0.5, 0.5)
    return Preset(
        image_size=image_size,
        resize_size=image_size,
        mean=half,
        std=half,
        flip=False,
        max_shift=max(1, image_size // 16),
        crop_area=None,
    )


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    """Return convolution, normalisation and activation."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.GroupNorm(8, outputs), nn.SiLU()]


ARCHITECTURES = (
    Architecture(
        name="small_cnn",
        features=WIDTHS[-1] * POOLED**2,
        build=build_small_cnn,
        preset=small_preset,
        normalisation="group",
        last_stride=4,
    ),
)
