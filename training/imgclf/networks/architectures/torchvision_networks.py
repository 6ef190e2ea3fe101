"""torchvision's networks, without the layer that scores ImageNet's classes.

Presets are those of the weights named: https://docs.pytorch.org/vision/stable/models.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from torch import nn

from imgclf.networks.architecture import Architecture, SizedState, Tensors
from imgclf.networks.dropout import ImageDropout, replace_layers
from imgclf.presets import photo_preset

PATCH = 16
"""Height and width in pixels of what a vision transformer takes as one word."""
POSITIONS = "encoder.pos_embedding"  # (1, 1 + patches, 768): one for the class, one for each patch


def builder(name: str, *, last_layer: str, is_sized: bool = False) -> Callable[[int], nn.Module]:
    """Return a builder of the network that torchvision calls so, its last layer left out."""

    def build(image_size: int) -> nn.Module:
        from torchvision.models import get_model  # 2 s of a job's start: only where it is wanted
        from torchvision.ops import StochasticDepth

        network: nn.Module = get_model(name, weights=None, **({"image_size": image_size} if is_sized else {}))
        network.set_submodule(last_layer, nn.Identity())
        return replace_layers(
            network, StochasticDepth, lambda layer: ImageDropout(layer.p, drops_whole_image=True)
        )

    return build


def vit_size(state: Tensors) -> int:
    """Return the image size in pixels that a vision transformer's positions are for."""
    return math.isqrt(state[POSITIONS].shape[1] - 1) * PATCH


def resize_vit(state: Tensors, image_size: int) -> Tensors:
    """Return the state with its positions interpolated to another grid of patches."""
    from torchvision.models.vision_transformer import interpolate_embeddings

    resized: Tensors = interpolate_embeddings(image_size, PATCH, dict(state))
    return resized


def _resnet(name: str, *, features: int, weights: str, resize: int = 256) -> Architecture:
    """Return a ResNet's record."""
    return Architecture(
        name=name,
        features=features,
        build=builder(name, last_layer="fc"),
        preset=partial(photo_preset, resize=resize),
        normalisation="batch",
        weights=weights,
        last_layer="fc",
    )


ARCHITECTURES = (
    _resnet("resnet18", features=512, weights="ResNet18_Weights.IMAGENET1K_V1"),
    _resnet("resnet34", features=512, weights="ResNet34_Weights.IMAGENET1K_V1"),
    _resnet("resnet50", features=2048, weights="ResNet50_Weights.IMAGENET1K_V2", resize=232),
    Architecture(
        name="mobilenet_v3_large",
        features=1280,
        build=builder("mobilenet_v3_large", last_layer="classifier.3"),
        preset=partial(photo_preset, resize=232),
        normalisation="batch",
        weights="MobileNet_V3_Large_Weights.IMAGENET1K_V2",
        last_layer="classifier.3",
    ),
    Architecture(
        name="efficientnet_b0",
        features=1280,
        build=builder("efficientnet_b0", last_layer="classifier.1"),
        preset=partial(photo_preset, resize=256, interpolation="bicubic"),
        normalisation="batch",
        weights="EfficientNet_B0_Weights.IMAGENET1K_V1",
        last_layer="classifier.1",
    ),
    Architecture(
        name="convnext_tiny",
        features=768,
        build=builder("convnext_tiny", last_layer="classifier.2"),
        preset=partial(photo_preset, resize=236),
        normalisation="layer",
        weights="ConvNeXt_Tiny_Weights.IMAGENET1K_V1",
        last_layer="classifier.2",
        min_image_size=32,
    ),
    Architecture(
        name="vit_b_16",
        features=768,
        build=builder("vit_b_16", last_layer="heads.head", is_sized=True),
        preset=partial(photo_preset, resize=256),
        normalisation="layer",
        weights="ViT_B_16_Weights.IMAGENET1K_V1",
        last_layer="heads.head",
        sized_state=SizedState(size_of=vit_size, resize=resize_vit),
        min_image_size=PATCH,
        image_size_step=PATCH,
        last_stride=PATCH,
    ),
)
