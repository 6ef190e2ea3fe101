"""Dropout whose masks belong to images, not to the order in which a process computes them.

torch draws masks from one stream of random numbers for each process. A batch that is split over hosts, or
into parts, would then be thinned out differently than an undivided one. Here each image draws its own masks,
from its own pixels: those are varied anew in each epoch, by a rule that knows the seed, the epoch and the
image's position only. So one host and several train the same model, and so does a fit that was interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

SAMPLED_PIXELS = 32
"""Rows and columns of an image that its key is computed from."""
_GOLDEN, _FIRST, _SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
"""SplitMix64's constants as signed numbers: https://prng.di.unimi.it/splitmix64.c"""


class ImageDropout(nn.Module):
    """Drop a share of an image's values, or with this probability all that a residual branch adds to it."""

    def __init__(self, p: float, *, drops_whole_image: bool = False) -> None:
        """Take the probability `p`; what is left is scaled by 1 / (1 - p)."""
        super().__init__()
        self.p = p
        self.drops_whole_image = drops_whole_image
        self.number = 0
        """Its place among the dropouts of a network: each draws other numbers."""
        self.keys: torch.Tensor | None = None  # (B,) int64, set before each forward pass

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the values (B, ...), thinned out while training."""
        if not self.training or not self.p:
            return values
        if self.keys is None or len(self.keys) != len(values):
            raise RuntimeError("dropout layers draw by image: use them in a network that build_model built")
        shape = (len(values), *([1] * (values.ndim - 1))) if self.drops_whole_image else values.shape
        kept = uniform(self.keys, count=math.prod(shape[1:]), stream=self.number) >= self.p
        return values * kept.reshape(shape).to(values.dtype) / max(1 - self.p, 1e-12)

    def extra_repr(self) -> str:
        """Name the probability, and what is dropped."""
        return f"p={self.p}, drops_whole_image={self.drops_whole_image}"


def replace_layers(network: nn.Module, kind: type[Any], make: Callable[[Any], nn.Module]) -> nn.Module:
    """Put make(layer) in the place of each layer of a type, and return the network."""
    for name, layer in list(network.named_modules()):
        if type(layer) is kind:
            network.set_submodule(name, make(layer))
    return network


def draw_by_image(backbone: nn.Module) -> nn.Module:
    """Let all of a backbone's dropouts draw by image, and return it."""
    replace_layers(backbone, nn.Dropout, lambda layer: ImageDropout(layer.p))
    layers = [layer for layer in backbone.modules() if isinstance(layer, ImageDropout)]
    for number, layer in enumerate(layers):
        layer.number = number
    if layers:
        backbone.register_forward_pre_hook(_hand_out_keys)
    return backbone


def _hand_out_keys(backbone: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
    """Give each dropout the keys of the images that are about to be computed."""
    if backbone.training:
        keys = image_keys(arguments[0])
        for layer in backbone.modules():
            if isinstance(layer, ImageDropout):
                layer.keys = keys


@torch.no_grad()
def image_keys(images: torch.Tensor) -> torch.Tensor:
    """Return a number (B,) int64 for each image of (B, 3, S, S), which depends on its pixels only."""
    step = max(1, images.shape[-1] // SAMPLED_PIXELS)
    sampled = images[:, :, ::step, ::step].float().contiguous()
    bits = sampled.view(torch.int32).flatten(1).to(torch.int64)
    weights = _mix(torch.arange(1, bits.shape[1] + 1, device=bits.device) * _GOLDEN)
    return (bits * weights).sum(1)  # int64 wraps: the sum does not depend on its order


def uniform(keys: torch.Tensor, *, count: int, stream: int) -> torch.Tensor:
    """Return random numbers (B, count) in [0, 1) for keys (B,): the same for the same key and stream."""
    start = _mix(keys + (stream + 1) * 0x5851F42D4C957F2D % 2**62)
    counter = torch.arange(1, count + 1, device=keys.device) * _GOLDEN
    return ((_mix(start[:, None] + counter) >> 40) & 0xFFFFFF).float() * 2**-24


def _mix(values: torch.Tensor) -> torch.Tensor:
    """Return SplitMix64's hash of int64 values."""
    values = (values ^ _shifted(values, 30)) * _FIRST
    values = (values ^ _shifted(values, 27)) * _SECOND
    return values ^ _shifted(values, 31)


def _shifted(values: torch.Tensor, bits: int) -> torch.Tensor:
    """Shift right and fill with zeros, as an unsigned number."""
    return (values >> bits) & ((1 << (64 - bits)) - 1)
