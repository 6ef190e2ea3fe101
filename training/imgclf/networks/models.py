"""Build the classifiers: a backbone that turns an image into features, and a head that scores classes."""

from __future__ import annotations

import torch
from torch import nn

from imgclf.errors import ConfigError

ARCHITECTURES = ("small_cnn", "resnet18", "resnet34", "resnet50")
RESNET_FEATURES = {"resnet18": 512, "resnet34": 512, "resnet50": 2048}
SMALL_CNN_WIDTHS = (32, 64, 128)
POOLED = 2
"""Height and width of the last feature map, before it becomes a vector."""
HIDDEN_FEATURES = 128
"""Width of the head's hidden layer when the backbone is frozen."""
MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 8, 1024


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


def build_model(*, architecture: str, classes: int, freeze_backbone: bool) -> Classifier:
    """Build an untrained classifier; raise ConfigError for an unknown architecture."""
    if architecture == "small_cnn":
        backbone, features = _small_cnn(), SMALL_CNN_WIDTHS[-1] * POOLED**2
    elif architecture in RESNET_FEATURES:
        backbone, features = _resnet(architecture), RESNET_FEATURES[architecture]
    else:
        raise ConfigError(
            f"architecture {architecture!r} is unknown: choose one of {', '.join(ARCHITECTURES)}"
        )
    if not freeze_backbone:
        return Classifier(backbone, nn.Linear(features, classes))
    backbone.requires_grad_(False).eval()
    head = nn.Sequential(nn.Linear(features, HIDDEN_FEATURES), nn.ReLU(), nn.Linear(HIDDEN_FEATURES, classes))
    return Classifier(backbone, head)


def _small_cnn() -> nn.Module:
    """Build a network for images of 8 to 64 pixels.

    It normalises each image alone (GroupNorm), so that a batch split over hosts trains as an undivided one.
    Its activation and pooling are smooth: with ReLU and maximum pooling the rounding error of a split sum
    flips decisions, and the loss curves of one and two hosts drift apart by the third decimal.
    """
    stem, middle, last = SMALL_CNN_WIDTHS
    return nn.Sequential(
        *_block(3, stem),
        nn.AvgPool2d(2),
        *_block(stem, middle),
        nn.AvgPool2d(2),
        *_block(middle, last),
        nn.AdaptiveAvgPool2d(POOLED),
        nn.Flatten(),
    )


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    """Return convolution, normalisation and activation."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.GroupNorm(8, outputs), nn.SiLU()]


def _resnet(architecture: str) -> nn.Module:
    """Build torchvision's ResNet without its classification layer and without a download."""
    from torchvision.models import get_model  # takes 0.4 s: only where a ResNet is wanted

    network: nn.Module = get_model(architecture, weights=None)
    network.fc = nn.Identity()
    return network


def count_parameters(model: nn.Module) -> int:
    """Return the number of weights, frozen ones included."""
    return sum(parameter.numel() for parameter in model.parameters())
