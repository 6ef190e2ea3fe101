"""Weights are converted once, without running what a pickle holds, and checked at each use."""

from __future__ import annotations

import json
from pathlib import Path

import convert_weights
import pytest
import torch
from safetensors.torch import load_file, save_file

from imgclf.errors import ConfigError
from imgclf.networks.models import Classifier, build_model
from imgclf.networks.weights import Origin, load_backbone

SOURCE = "https://example.com/resnet18.pth"


def resnet18(classes: int = 7) -> Classifier:
    return build_model(architecture="resnet18", classes=classes, freeze_backbone=True)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Write a file as torchvision publishes them: a pickled state dict with a classification layer."""
    from torchvision.models import resnet18 as published_resnet18

    path = tmp_path / "resnet18-f37072fd.pth"
    torch.save(published_resnet18(weights=None).state_dict(), path)
    return path


def convert(file: Path, folder: Path, architecture: str = "resnet18") -> int:
    words = [str(file), "--architecture", architecture, "--source", SOURCE, "--output", str(folder)]
    return convert_weights.main(words)


def load(model: Classifier, folder: Path, architecture: str = "resnet18") -> Origin:
    return load_backbone(model, folder, architecture=architecture, image_size=224)


def test_a_published_file_becomes_a_channel(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(published, tmp_path / "channel") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["file"] == str(tmp_path / "channel/resnet18.safetensors")
    model = resnet18()
    origin = load(model, tmp_path / "channel")
    assert origin == Origin(init="pretrained", sha256=printed["sha256"], source=SOURCE)
    expected = torch.load(published, weights_only=True)["layer1.0.conv1.weight"]
    assert torch.equal(model.backbone.state_dict()["layer1.0.conv1.weight"], expected)


def test_a_channel_of_another_architecture_is_refused(published: Path, tmp_path: Path) -> None:
    assert convert(published, tmp_path / "channel") == 0
    other = build_model(architecture="resnet34", classes=7, freeze_backbone=True)
    with pytest.raises(ConfigError, match="holds weights of resnet18, the job trains resnet34"):
        load(other, tmp_path / "channel", "resnet34")


def test_a_channel_that_was_changed_is_refused(published: Path, tmp_path: Path) -> None:
    assert convert(published, tmp_path / "channel") == 0
    path = tmp_path / "channel/resnet18.safetensors"
    tensors = load_file(path)
    tensors["conv1.weight"][0, 0, 0, 0] += 1
    save_file(tensors, path, metadata={"format": "pt", "architecture": "resnet18", "sha256": "ab" * 32})
    with pytest.raises(ConfigError, match=r"is not what its metadata say \(SHA-256 [0-9a-f]{64}, not abab"):
        load(resnet18(), tmp_path / "channel")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"weight": torch.nn.Linear(2, 2)}, "is no state-dict file of plain tensors"),
        ([torch.zeros(2)], "holds no state dict, but list"),
        ({"conv1.weight": torch.zeros(1)}, "does not fit the architecture"),
        (b"no pickle", "is no state-dict file of plain tensors"),
        (b"hello", "is no state-dict file of plain tensors"),
        ({0: torch.zeros(1)}, "holds no state dict, but dict"),
        ({"conv1.weight": torch.tensor([torch.nan])}, "holds numbers that are not finite in conv1.weight"),
        (None, "is missing: download the state-dict file first"),
    ],
)
def test_a_file_that_cannot_be_converted_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: object, reason: str
) -> None:
    path = tmp_path / "file.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    assert convert(path, tmp_path / "channel") == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path} ")
    assert reason in error
    assert not (tmp_path / "channel").exists()


def test_a_pickles_code_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    torch.save({"conv1.weight": Trap()}, tmp_path / "file.pth")
    assert convert(tmp_path / "file.pth", tmp_path / "channel") == 1
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("prefix", ["", "backbone.", "module."])
def test_files_without_metadata_are_taken_where_they_fit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, prefix: str
) -> None:
    donor = resnet18(5)
    state = {f"{prefix}{name}": value for name, value in donor.backbone.state_dict().items()}
    save_file({**state, "fc.weight": torch.zeros(1000, 512)}, tmp_path / "resnet18.safetensors")
    model = resnet18()
    assert load(model, tmp_path).source == "resnet18.safetensors"
    assert torch.equal(model.backbone.conv1.weight, donor.backbone.conv1.weight)
    assert "names neither architecture nor SHA-256" in caplog.text


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    donor = build_model(architecture="small_cnn", classes=5, freeze_backbone=False)
    save_file(dict(donor.backbone.state_dict()), tmp_path / "weights.safetensors")
    with pytest.raises(ConfigError, match="does not fit the architecture"):
        load(resnet18(), tmp_path)


def test_a_pickle_is_no_weights_file(tmp_path: Path) -> None:
    torch.save(resnet18().state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(ConfigError, match="pickled weights are refused"):
        load(resnet18(), tmp_path)


def test_a_weights_channel_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds 0 \.safetensors files"):
        load(resnet18(), tmp_path)
