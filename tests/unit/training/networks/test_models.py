"""Each architecture scores any number of classes, and its fast engines compute what eager torch does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from imgclf.errors import ConfigError
from imgclf.features.engines import BF16_ROUNDING, ROUNDING, build_engine, make_bf16
from imgclf.networks.architecture import Architecture
from imgclf.networks.models import Classifier, build_model, count_parameters
from imgclf.networks.registry import ARCHITECTURES

TRAINING = Path(__file__).resolve().parents[4] / "training"
SIDE = 32
"""The smallest size that all architectures take."""
IMAGES = torch.randn(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
BATCH_NORMS, LAYER_NORMS = (nn.BatchNorm2d,), (nn.LayerNorm, nn.GroupNorm)


SIBLINGS = ("resnet34", "resnet50")
"""Tested beside resnet18, which is built of the same layers, by `make test-all` only."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(n, marks=pytest.mark.slow) if n in SIBLINGS else n for n in ARCHITECTURES],
)
def record(request: pytest.FixtureRequest) -> Architecture:
    """Return each record in turn."""
    return ARCHITECTURES[request.param]


@pytest.fixture(scope="module")
def classifier(record: Architecture) -> Classifier:
    """Return a frozen classifier whose layers all take part, as those of a trained network do."""
    torch.manual_seed(1)
    model = build_model(architecture=record.name, classes=133, freeze_backbone=True, image_size=SIDE)
    for name, weight in model.backbone.named_parameters():
        if "layer_scale" in name:  # a millionth at first: its block would add nothing
            nn.init.normal_(weight)
        if name.endswith(("bn2.weight", "bn3.weight")):  # or a random ResNet magnifies every rounding
            nn.init.constant_(weight, 0.2)
    model.backbone.train()
    with torch.no_grad():
        for _ in range(2):  # statistics worth folding
            model.backbone(IMAGES)
    return model.eval()


@pytest.fixture(scope="module")
def features(classifier: Classifier) -> torch.Tensor:
    """Return what eager torch makes of the images."""
    with torch.inference_mode():
        found: torch.Tensor = classifier.backbone(IMAGES)
    return found


def test_features_are_as_wide_as_the_record_says(record: Architecture, features: torch.Tensor) -> None:
    assert features.shape == (len(IMAGES), record.features)
    assert features.std() > 0


def test_logits_have_one_column_for_each_class(classifier: Classifier, features: torch.Tensor) -> None:
    with torch.inference_mode():
        assert classifier(IMAGES).shape == (len(IMAGES), 133)
        assert torch.equal(classifier(IMAGES), classifier.head(features))


def test_the_record_says_what_the_layers_normalise(record: Architecture, classifier: Classifier) -> None:
    layers = list(classifier.modules())
    assert record.has_batch_norm == any(isinstance(layer, BATCH_NORMS) for layer in layers)
    if record.normalisation in ("layer", "group"):
        assert any(isinstance(layer, LAYER_NORMS) for layer in layers)


def test_the_folded_engine_computes_what_eager_does(classifier: Classifier, features: torch.Tensor) -> None:
    """Measured: 4e-7 of the largest feature; also for a batch of another size than it was built with."""
    choice = build_engine("channels_last", classifier.backbone, IMAGES)
    assert choice.measurements["channels_last"].difference < ROUNDING / 10
    with torch.inference_mode():
        difference = (choice.run(IMAGES[:3]) - features[:3]).abs().max()
    assert difference < ROUNDING / 10 * features.abs().max()


@pytest.mark.slow
def test_bfloat16_stays_within_its_tolerance(classifier: Classifier, features: torch.Tensor) -> None:
    """The GPU's engine, computed on a CPU; measured: 0.5 to 1.3 %."""
    with torch.inference_mode():
        found = make_bf16(classifier.backbone, IMAGES)(IMAGES)
    assert found.dtype == torch.float32
    assert float((found - features).abs().max() / features.abs().max()) < BF16_ROUNDING


@pytest.mark.slow
def test_onnx_runtime_computes_what_eager_does(classifier: Classifier, features: torch.Tensor) -> None:
    """Measured: 2e-6 of the largest feature at most."""
    choice = build_engine("onnxruntime", classifier.backbone, IMAGES)
    assert choice.measurements["onnxruntime"].difference < ROUNDING / 10
    with torch.inference_mode():
        difference = (choice.run(IMAGES[:3]) - features[:3]).abs().max()
    assert difference < ROUNDING / 10 * features.abs().max()


def test_a_network_takes_its_smallest_images(record: Architecture) -> None:
    side = record.min_image_size
    record.check_image_size(side)
    if record.name == "vit_b_16":
        return  # one patch: built for other sizes above, and too large to build for each
    backbone = record.build(side).eval()
    with torch.inference_mode():
        assert backbone(torch.zeros(1, 3, side, side)).shape == (1, record.features)


@pytest.mark.parametrize(
    ("architecture", "image_size", "reason"),
    [
        ("vit_b_16", 250, "takes multiples of 16 from 16 pixels: choose 256"),
        ("vit_b_16", 8, "takes multiples of 16 from 16 pixels: choose 16"),
        ("convnext_tiny", 31, "takes sizes from 32 pixels: choose 32"),
        ("small_cnn", 7, "takes sizes from 8 pixels: choose 8"),
    ],
)
def test_images_that_a_network_cannot_take_are_refused(
    architecture: str, image_size: int, reason: str
) -> None:
    with pytest.raises(
        ConfigError, match=f"image_size {image_size} does not suit {architecture}, .*{reason}"
    ):
        build_model(architecture=architecture, classes=2, freeze_backbone=False, image_size=image_size)


def test_the_frozen_head_is_the_reference_one() -> None:
    model = build_model(architecture="resnet50", classes=133, freeze_backbone=True)
    assert [str(layer) for layer in model.head] == [
        "Linear(in_features=2048, out_features=128, bias=True)",
        "ReLU()",
        "Linear(in_features=128, out_features=133, bias=True)",
    ]
    trainable = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert trainable == count_parameters(model.head) == 2048 * 128 + 128 + 128 * 133 + 133


def test_where_all_learns_the_head_is_one_layer() -> None:
    model = build_model(architecture="small_cnn", classes=133, freeze_backbone=False)
    assert str(model.head) == "Linear(in_features=512, out_features=133, bias=True)"
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("side", [8, 28, 64])
def test_the_small_network_takes_small_images(side: int) -> None:
    model = build_model(architecture="small_cnn", classes=3, freeze_backbone=False, image_size=side)
    assert model(torch.zeros(1, 3, side, side)).shape == (1, 3)


def test_the_small_network_keeps_no_statistics_of_a_batch() -> None:
    assert not list(build_model(architecture="small_cnn", classes=3, freeze_backbone=False).buffers())


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(ConfigError, match="'alexnet' is unknown: choose one of small_cnn"):
        build_model(architecture="alexnet", classes=3, freeze_backbone=False)


def test_torchvision_is_imported_where_one_of_its_networks_is_built_only() -> None:
    """It takes two seconds of a job's start."""
    script = """
import sys
import embed, search, serve, train
from imgclf.arguments import parse_arguments
from imgclf.networks.models import build_model, preset_for
parse_arguments(["--architecture", "vit_b_16", "--image_size", "32"], {})
preset_for(architecture="resnet50", image_size=224)
build_model(architecture="small_cnn", classes=2, freeze_backbone=False)
assert "torchvision" not in sys.modules, "too early"
build_model(architecture="resnet18", classes=2, freeze_backbone=False)
assert "torchvision" in sys.modules
"""
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=TRAINING, capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 0, result.stderr
