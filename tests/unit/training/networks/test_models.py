"""Each architecture scores any number of classes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from imgclf.errors import ConfigError
from imgclf.networks.models import build_model, count_parameters
from imgclf.networks.registry import ARCHITECTURES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("freeze_backbone", [False, True])
def test_logits_have_one_column_for_each_class(architecture: str, freeze_backbone: bool) -> None:
    model = build_model(architecture=architecture, classes=133, freeze_backbone=freeze_backbone).eval()
    with torch.inference_mode():
        assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 133)


def test_the_frozen_head_is_the_reference_one() -> None:
    model = build_model(architecture="resnet50", classes=133, freeze_backbone=True)
    assert [str(layer) for layer in model.head] == [
        "Linear(in_features=2048, out_features=128, bias=True)",
        "ReLU()",
        "Linear(in_features=128, out_features=133, bias=True)",
    ]
    trainable = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert trainable == count_parameters(model.head) == 2048 * 128 + 128 + 128 * 133 + 133


@pytest.mark.parametrize("side", [8, 28, 64])
def test_the_small_network_takes_small_images(side: int) -> None:
    assert build_model(architecture="small_cnn", classes=3, freeze_backbone=False)(
        torch.zeros(1, 3, side, side)
    ).shape == (1, 3)


def test_the_small_network_keeps_no_statistics_of_a_batch() -> None:
    model = build_model(architecture="small_cnn", classes=3, freeze_backbone=False)
    assert not list(model.buffers())
    assert not any(isinstance(module, nn.BatchNorm2d | nn.Dropout) for module in model.modules())


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(ConfigError, match="'alexnet' is unknown: choose one of small_cnn"):
        build_model(architecture="alexnet", classes=3, freeze_backbone=False)
