"""What the rest of the code knows of a network: one record for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from imgclf.errors import ConfigError
from imgclf.presets import Preset

MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 8, 1024
HIDDEN_FEATURES = 128
"""Width of the head's hidden layer when the backbone is frozen."""

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class SizedState:
    """How the weights of a network change with the size of its images."""

    size_of: Callable[[Tensors], int]
    """Return the image size in pixels that a state dict is for; raise KeyError or ValueError for a misfit."""
    resize: Callable[[Tensors, int], Tensors]
    """Return a state dict for images of another size."""


def reference_head(features: int, classes: int, *, freeze_backbone: bool) -> nn.Module:
    """Return one linear layer, or two with a ReLU between them where nothing else of the network learns."""
    if not freeze_backbone:
        return nn.Linear(features, classes)
    return nn.Sequential(nn.Linear(features, HIDDEN_FEATURES), nn.ReLU(), nn.Linear(HIDDEN_FEATURES, classes))


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One network: its backbone, what its images look like, and which published weights fit it."""

    name: str
    features: int
    """Width F of what the backbone makes of an image."""
    build: Callable[[int], nn.Module]
    """Return the untrained backbone (B, 3, S, S) -> (B, F) for images of S pixels, without a download."""
    preset: Callable[[int], Preset]
    """Return how an image becomes an input of S pixels."""
    normalisation: Literal["batch", "layer", "group", "none"]
    """What its layers are normalised over: "batch" is over several images."""
    head: Callable[..., nn.Module] = reference_head
    """Return head(features, classes, freeze_backbone=...): (B, F) -> (B, classes)."""
    weights: str | None = None
    """torchvision's name of the weights that the preset is made for; None where nobody publishes any."""
    last_layer: str | None = None
    """Path of the layer in published weights that scores classes: each job trains its own instead."""
    sized_state: SizedState | None = None
    """None where the same weights do for images of every size."""
    min_image_size: int = MIN_IMAGE_SIZE
    image_size_step: int = 1
    """An image's size must be a multiple of this."""
    last_stride: int = 32
    """Pixels of the image for one value of the last feature map, in each direction."""

    @property
    def has_batch_norm(self) -> bool:
        """Return whether the images of a batch depend on each other while training."""
        return self.normalisation == "batch"

    @property
    def has_published_weights(self) -> bool:
        """Return whether there are weights to start from."""
        return self.weights is not None

    def check_image_size(self, image_size: int) -> None:
        """Raise ConfigError for images that the network cannot take."""
        step, least = self.image_size_step, self.min_image_size
        if image_size < least or image_size % step:
            wanted = f"multiples of {step} from {least}" if step > 1 else f"sizes from {least}"
            nearest = max(least, round(image_size / step) * step)
            raise ConfigError(
                f"image_size {image_size} does not suit {self.name}, which takes {wanted} pixels: "
                f"choose {nearest}"
            )
