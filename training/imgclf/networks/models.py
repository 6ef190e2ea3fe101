"""Build the classifiers: a backbone that turns an image into features, and a head that scores classes."""

from __future__ import annotations

import torch
from torch import nn

from imgclf.errors import ConfigError
from imgclf.networks.dropout import draw_by_image
from imgclf.networks.registry import find_architecture
from imgclf.presets import Preset

USUAL_IMAGE_SIZE = 224
"""Height and width in pixels of the images that most published weights were made from."""


class Classifier(nn.Module):
    """A backbone (B, 3, H, W) -> (B, F) and a head (B, F) -> (B, classes) logits."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        """Join the two parts, so that either can be used alone."""
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits (B, classes) of normalised images (B, 3, H, W)."""
        logits: torch.Tensor = self.head(self.backbone(images))
        return logits


def build_model(
    *, architecture: str, classes: int, freeze_backbone: bool, image_size: int = USUAL_IMAGE_SIZE
) -> Classifier:
    """Build an untrained classifier; raise ConfigError for an unknown architecture or a size it cannot take.

    `image_size` counts for those networks only whose weights change with it.
    """
    record = find_architecture(architecture)
    record.check_image_size(image_size)
    backbone = draw_by_image(record.build(image_size))
    head = record.head(record.features, classes, freeze_backbone=freeze_backbone)
    if any(isinstance(layer, nn.Dropout) for layer in head.modules()):
        raise ConfigError(
            f"the head of {architecture} has a dropout, whose masks would differ by host: "
            "put it at the end of the backbone"
        )
    if freeze_backbone:
        backbone.requires_grad_(False).eval()
    return Classifier(backbone, head)


def preset_for(*, architecture: str, image_size: int) -> Preset:
    """Return how an architecture's images are prepared; raise ConfigError as build_model does."""
    record = find_architecture(architecture)
    record.check_image_size(image_size)
    return record.preset(image_size)


def count_parameters(model: nn.Module) -> int:
    """Return the number of weights, frozen ones included."""
    return sum(parameter.numel() for parameter in model.parameters())
