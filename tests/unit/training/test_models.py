"""Each architecture scores any number of classes, and takes weights from safetensors only."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from imgclf.errors import ConfigError
from imgclf.models import ARCHITECTURES, build_model, count_parameters, load_backbone


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


@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_pre_trained_weights_fill_the_backbone(tmp_path: Path, prefix: str) -> None:
    donor = build_model(architecture="resnet18", classes=5, freeze_backbone=False)
    state = {f"{prefix}{name}": value for name, value in donor.backbone.state_dict().items()}
    save_file({**state, "fc.weight": torch.zeros(1000, 512)}, tmp_path / "resnet18.safetensors")
    model = build_model(architecture="resnet18", classes=7, freeze_backbone=True)
    load_backbone(model, tmp_path)
    assert torch.equal(model.backbone.conv1.weight, donor.backbone.conv1.weight)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    donor = build_model(architecture="small_cnn", classes=5, freeze_backbone=False)
    save_file(dict(donor.backbone.state_dict()), tmp_path / "weights.safetensors")
    with pytest.raises(ConfigError, match="does not fit the architecture"):
        load_backbone(build_model(architecture="resnet18", classes=5, freeze_backbone=False), tmp_path)


def test_a_pickle_is_no_weights_file(tmp_path: Path) -> None:
    model = build_model(architecture="small_cnn", classes=5, freeze_backbone=False)
    torch.save(model.state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(ConfigError, match="pickled weights are refused"):
        load_backbone(model, tmp_path)


def test_a_weights_channel_without_weights_is_refused(tmp_path: Path) -> None:
    model = build_model(architecture="small_cnn", classes=5, freeze_backbone=False)
    with pytest.raises(ConfigError, match=r"holds 0 \.safetensors files"):
        load_backbone(model, tmp_path)
