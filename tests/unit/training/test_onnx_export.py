"""model.onnx classifies pixels as torch does, and a model without one is whole all the same."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from imgclf import onnx_export
from imgclf.networks.models import Classifier, build_model, preset_for
from imgclf.onnx_export import TOLERANCE, PixelClassifier, export_model, make_probes

onnxruntime = pytest.importorskip("onnxruntime")
SMALL = preset_for(architecture="small_cnn", image_size=16)


def small() -> Classifier:
    torch.manual_seed(1)
    return build_model(architecture="small_cnn", classes=7, freeze_backbone=False)


def run(path: Path, pixels: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["logits"], {"pixels": pixels})[0])


@pytest.mark.parametrize(
    ("architecture", "side"), [("small_cnn", 16), ("resnet18", 64), ("mobilenet_v3_large", 64)]
)
@pytest.mark.parametrize("images", [1, 5])
def test_the_graph_gives_torchs_logits_for_a_batch_of_any_size(
    tmp_path: Path, architecture: str, side: int, images: int
) -> None:
    torch.manual_seed(1)
    model = build_model(architecture=architecture, classes=7, freeze_backbone=True).eval()
    preset = preset_for(architecture=architecture, image_size=side)
    facts = export_model(tmp_path, classifier=model, preset=preset)
    assert 0 <= facts["difference"] <= facts["tolerance"] == TOLERANCE
    pixels = np.random.default_rng(0).integers(0, 256, (images, 3, side, side), dtype=np.uint8)
    with torch.inference_mode():
        truth = PixelClassifier(model, preset)(torch.from_numpy(pixels)).numpy()
    assert np.allclose(run(tmp_path / "model.onnx", pixels), truth, atol=1e-4 * np.abs(truth).max())


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["resnet50", "efficientnet_b0", "convnext_tiny", "vit_b_16"])
def test_every_other_network_can_be_exported(tmp_path: Path, architecture: str) -> None:
    model = build_model(architecture=architecture, classes=7, freeze_backbone=True, image_size=64)
    preset = preset_for(architecture=architecture, image_size=64)
    assert export_model(tmp_path, classifier=model, preset=preset)["difference"] <= TOLERANCE


def test_the_card_gets_the_files_hash_and_how_it_was_checked(tmp_path: Path) -> None:
    facts = export_model(tmp_path, classifier=small(), preset=SMALL)
    content = (tmp_path / "model.onnx").read_bytes()
    assert facts["sha256"] == hashlib.sha256(content).hexdigest()
    assert (facts["file"], facts["opset"], facts["probes"]) == ("model.onnx", 17, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_the_model_itself_is_left_as_it_is(tmp_path: Path) -> None:
    model = small().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    export_model(tmp_path, classifier=model, preset=SMALL)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


class Unexportable(nn.Module):
    """Compute what no graph holds."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.linalg.lstsq(images.flatten(1), images.flatten(1)).solution


def test_a_failed_export_says_why_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"of another model")
    facts = export_model(tmp_path, classifier=Unexportable(), preset=SMALL)
    assert set(facts) == {"failed"}
    assert "lstsq" in facts["failed"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_without_its_packages_a_job_exports_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    facts = export_model(tmp_path, classifier=small(), preset=SMALL)
    assert package in facts["failed"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [1e-3, float("nan")])
def test_a_graph_that_computes_something_else_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: float
) -> None:
    exact = onnx_export.to_onnx

    class Off(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(pixels)
            return logits * (1 + error)

    def wrong(network: nn.Module, example: torch.Tensor, *, names: tuple[str, str]) -> bytes:
        return exact(Off(network), example, names=names)

    monkeypatch.setattr(onnx_export, "to_onnx", wrong)
    facts = export_model(tmp_path, classifier=small(), preset=SMALL)
    assert "differs from torch" in facts["failed"]
    assert list(tmp_path.iterdir()) == []


def test_the_probes_are_the_same_each_time_and_not_all_alike() -> None:
    probes = make_probes(SMALL)
    assert probes.shape == (4, 3, 16, 16)
    assert np.array_equal(probes, make_probes(SMALL))
    assert len({image.tobytes() for image in probes}) == 4
