"""Weights are converted once, without running what a pickle holds, and checked at each use."""

from __future__ import annotations

import json
from pathlib import Path

import convert_weights
import pytest
import torch
from safetensors.torch import load_file, save_file

from imgclf.errors import ConfigError
from imgclf.networks.architectures.torchvision_networks import resize_vit, vit_size
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


PUBLISHED = {
    "mobilenet_v3_large": "classifier.3",
    "efficientnet_b0": "classifier.1",
    "convnext_tiny": "classifier.2",
}
"""Networks whose weights fit images of every size, and torchvision's name of their last layer."""


@pytest.mark.parametrize("architecture", PUBLISHED)
def test_a_published_network_computes_what_it_did_before_its_conversion(
    tmp_path: Path, architecture: str
) -> None:
    """A state dict of torchvision's own layout; the layer that scores ImageNet's classes stays behind."""
    from torchvision.models import get_model

    network = get_model(architecture, weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "published.pth")
    assert convert(tmp_path / "published.pth", tmp_path / "channel", architecture) == 0
    model = build_model(architecture=architecture, classes=7, freeze_backbone=True, image_size=32)
    load(model, tmp_path / "channel", architecture)
    network.set_submodule(PUBLISHED[architecture], torch.nn.Identity())
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(model.backbone(images), network(images))


def vit_state(image_size: int) -> dict[str, torch.Tensor]:
    """Return the positions of a vision transformer as torchvision publishes them, and one other weight."""
    positions = 1 + (image_size // 16) ** 2
    generator = torch.Generator().manual_seed(1)
    return {
        "encoder.pos_embedding": torch.randn(1, positions, 768, generator=generator),
        "class_token": torch.ones(1, 1, 768),
    }


@pytest.mark.parametrize("image_size", [224, 384])
def test_positions_tell_which_image_size_they_are_for(image_size: int) -> None:
    assert vit_size(vit_state(image_size)) == image_size


def test_positions_are_interpolated_to_another_image_size() -> None:
    """The class keeps its own; a grid that grows keeps what its patches had at their corners."""
    state = vit_state(64)
    found = resize_vit(state, 128)
    assert found["encoder.pos_embedding"].shape == (1, 1 + 8 * 8, 768)
    assert torch.equal(found["encoder.pos_embedding"][:, 0], state["encoder.pos_embedding"][:, 0])
    assert torch.equal(found["class_token"], state["class_token"])
    before, after = (
        values["encoder.pos_embedding"][0, 1:].unflatten(0, (side, side))
        for values, side in ((state, 4), (found, 8))
    )
    assert torch.allclose(after[0, 0], before[0, 0], atol=1e-5)
    assert torch.allclose(after[-1, -1], before[-1, -1], atol=1e-5)


@pytest.mark.slow
def test_a_published_vision_transformer_serves_images_of_other_sizes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The published file is of an older layout, whose names torchvision itself maps to today's."""
    from torchvision.models import vit_b_16
    from torchvision.models.vision_transformer import interpolate_embeddings

    network = vit_b_16(weights=None, image_size=64).eval()
    old = {
        name.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): value
        for name, value in network.state_dict().items()
    }
    torch.save(old, tmp_path / "published.pth")
    assert convert(tmp_path / "published.pth", tmp_path / "channel", "vit_b_16") == 0
    network.heads.head = torch.nn.Identity()
    caplog.set_level("INFO")
    for image_size in (64, 32):
        model = build_model(architecture="vit_b_16", classes=7, freeze_backbone=True, image_size=image_size)
        origin = load_backbone(model, tmp_path / "channel", architecture="vit_b_16", image_size=image_size)
        assert origin.init == "pretrained"
        state = interpolate_embeddings(image_size, 16, network.state_dict())
        expected = vit_b_16(weights=None, image_size=image_size).eval()
        expected.heads.head = torch.nn.Identity()
        expected.load_state_dict(state)
        images = torch.randn(2, 3, image_size, image_size)
        with torch.inference_mode():
            assert torch.equal(model.backbone(images), expected(images))
    assert "is for images of 64 pixels: fitted to 32" in caplog.text


def test_a_file_without_positions_is_no_vision_transformer(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(published, tmp_path / "channel", "vit_b_16") == 1
    error = capsys.readouterr().err
    assert f"{published} does not fit the architecture vit_b_16: 'encoder.pos_embedding' is" in error
