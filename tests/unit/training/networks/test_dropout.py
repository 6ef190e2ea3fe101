"""A dropout's masks belong to images: whatever else is computed beside them, and wherever."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from imgclf.errors import ConfigError
from imgclf.networks import models
from imgclf.networks.architecture import Architecture
from imgclf.networks.architectures.small_cnn import small_preset
from imgclf.networks.dropout import ImageDropout, draw_by_image, image_keys, uniform
from imgclf.networks.models import build_model
from imgclf.networks.registry import ARCHITECTURES

IMAGES = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(1)) + 0.5


def network(p: float = 0.25) -> nn.Module:
    """Return a network that passes on its images' values, thinned out twice."""
    return draw_by_image(nn.Sequential(nn.Dropout(p), nn.Flatten(), nn.Dropout(p)))


def test_an_image_is_thinned_out_the_same_in_every_batch_and_order() -> None:
    model, order = network(), torch.randperm(64)
    whole = model(IMAGES)
    assert torch.equal(torch.cat([model(IMAGES[:5]), model(IMAGES[5:])]), whole)
    assert torch.equal(model(IMAGES[order]), whole[order])
    assert torch.equal(model(IMAGES.contiguous(memory_format=torch.channels_last)), whole)
    assert torch.equal(copy.deepcopy(model)(IMAGES), whole)


def test_torchs_own_random_numbers_play_no_part() -> None:
    state = torch.get_rng_state()
    network()(IMAGES)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_asked_share_is_dropped_and_the_rest_scaled_up() -> None:
    found = network(0.25)(IMAGES)
    assert float((found == 0).float().mean()) == pytest.approx(1 - 0.75**2, abs=0.02)
    assert float(found.mean()) == pytest.approx(float(IMAGES.mean()), rel=0.03)
    kept = found[found != 0] / IMAGES.flatten(1)[found != 0]
    assert torch.allclose(kept, torch.tensor(1 / 0.75**2))


def test_layers_images_and_pixels_draw_different_numbers() -> None:
    keys = image_keys(IMAGES)
    assert len(set(keys.tolist())) == len(IMAGES)
    first, second = (uniform(keys, count=500, stream=stream) for stream in (0, 1))
    for a, b in ((first, second), (first[:-1], first[1:]), (first[:, :-1], first[:, 1:])):
        correlation = torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]
        assert abs(float(correlation)) < 0.02
    assert float(first.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(first.std()) == pytest.approx(12**-0.5, abs=0.01)
    assert 0 <= first.min() <= first.max() < 1


def test_one_other_pixel_makes_other_masks() -> None:
    changed = IMAGES[:1].clone()
    changed[0, 0, 0, 0] += 1e-3
    assert not torch.equal(network()(changed) == 0, network()(IMAGES[:1]) == 0)


def test_a_residual_branch_is_dropped_as_a_whole() -> None:
    layer = ImageDropout(0.5, drops_whole_image=True)
    layer.keys = image_keys(IMAGES)
    found = layer(IMAGES)
    dropped = (found == 0).flatten(1).all(1)
    assert 16 < int(dropped.sum()) < 48
    assert torch.equal(found[~dropped], IMAGES[~dropped] * 2)


def test_nothing_is_dropped_while_a_model_is_evaluated() -> None:
    assert torch.equal(network().eval()(IMAGES), IMAGES.flatten(1))


def test_gradients_pass_where_values_do() -> None:
    images = IMAGES.clone().requires_grad_()
    found = network()(images)
    found.sum().backward()
    assert images.grad is not None
    assert torch.equal(images.grad.flatten(1) == 0, found == 0)


def test_a_dropout_outside_a_built_network_says_so() -> None:
    with pytest.raises(RuntimeError, match="draw by image: use them in a network that build_model built"):
        ImageDropout(0.5)(IMAGES)


def test_a_dropout_in_a_head_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def head(features: int, classes: int, *, freeze_backbone: bool) -> nn.Module:
        return nn.Sequential(nn.Dropout(0.1), nn.Linear(features, classes))

    flat = Architecture(
        name="flat",
        features=192,
        build=lambda image_size: nn.Flatten(),
        preset=small_preset,
        normalisation="none",
        head=head,
    )
    monkeypatch.setattr(models, "find_architecture", lambda name: flat)
    with pytest.raises(ConfigError, match="the head of flat has a dropout, whose masks would differ by host"):
        build_model(architecture="flat", classes=2, freeze_backbone=False, image_size=8)


@pytest.mark.parametrize(
    ("architecture", "values", "branches"),
    [("mobilenet_v3_large", 1, 0), ("efficientnet_b0", 1, 16), ("convnext_tiny", 0, 18)],
)
def test_all_of_torchvisions_dropouts_draw_by_image(architecture: str, values: int, branches: int) -> None:
    model = build_model(architecture=architecture, classes=2, freeze_backbone=False, image_size=32)
    found = [layer for layer in model.modules() if isinstance(layer, ImageDropout)]
    assert sum(layer.drops_whole_image for layer in found) == branches
    assert sum(not layer.drops_whole_image for layer in found) == values
    assert [layer.number for layer in found] == list(range(len(found)))
    names = {type(layer).__name__ for layer in model.modules()}
    assert not names & {"Dropout", "Dropout2d", "StochasticDepth"}


def test_half_a_batch_trains_as_its_part_of_the_whole() -> None:
    """convnext_tiny drops branches and normalises each image alone: two hosts compute what one does."""
    torch.manual_seed(1)
    backbone = ARCHITECTURES["convnext_tiny"].build(32)
    for name, weight in backbone.named_parameters():
        if "layer_scale" in name:
            nn.init.normal_(weight)
    draw_by_image(backbone).train()
    images = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole, halves = backbone(images), torch.cat([backbone(images[:3]), backbone(images[3:])])
        assert not torch.allclose(whole, backbone.eval()(images), atol=0.1)
    assert torch.allclose(whole, halves, atol=1e-5 * float(whole.abs().max()))
