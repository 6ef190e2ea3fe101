"""Batches arrive in order, decoded once, varied by position and seed only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from imgclf.distributed import World
from imgclf.errors import DataError
from imgclf.images import inputs as inputs_module
from imgclf.images.data import Channels, index_images
from imgclf.images.inputs import PixelInputs, Variation
from imgclf.images.scaling import scale_by_torch
from imgclf.networks.models import preset_for
from imgclf.presets import Preset

CPU = torch.device("cpu")
PRESET = preset_for(architecture="small_cnn", image_size=8)
RESNET = preset_for(architecture="resnet18", image_size=8)


def make_inputs(root: Path, preset: Preset = PRESET) -> PixelInputs:
    channels = Channels(
        train=root / "train", valid=root / "valid", test=root / "test", manifest=None, weights=None
    )
    split = index_images(channels, World(rank=0, size=1, local_rank=0, host="localhost", device=CPU)).splits[
        "train"
    ]
    return PixelInputs(split, preset, device=CPU, threads=2)


@pytest.mark.parametrize("cache_bytes", [0, 2**20])
def test_batches_hold_the_asked_images_in_order(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch, cache_bytes: int
) -> None:
    monkeypatch.setattr(inputs_module, "CACHE_BYTES", cache_bytes)
    inputs = make_inputs(image_folder)
    steps = [np.array([3, 1]), np.array([], dtype=np.int64), np.array([0, 11, 3, 2])]
    for _ in range(2):
        batches = list(inputs.batches(steps))
        assert [len(batch) for batch in batches] == [2, 0, 4]
        for step, batch in zip(steps, batches, strict=True):
            for index, image in zip(step, batch, strict=True):
                data = inputs.split.members[index].read()
                pixels = torch.from_numpy(PRESET.to_pixels(data, scale=scale_by_torch))
                assert torch.equal(image, PRESET.normalise(pixels[None])[0])
    inputs.close()


def test_pixels_are_those_of_the_batches_before_they_are_normalised(image_folder: Path) -> None:
    inputs = make_inputs(image_folder)
    steps = [np.array([3, 1]), np.array([0])]
    for pixels, images in zip(inputs.pixels(steps), inputs.batches(steps), strict=True):
        assert pixels.dtype == np.uint8
        assert torch.equal(PRESET.normalise(torch.from_numpy(pixels)), images)
    inputs.close()


def test_a_small_split_is_decoded_once(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = make_inputs(image_folder)
    first = next(inputs.batches([np.arange(12)]))
    for path in (image_folder / "train").glob("*/*"):
        path.unlink()
    assert torch.equal(next(inputs.batches([np.arange(12)])), first)
    inputs.close()


def test_an_unreadable_image_is_named(image_folder: Path) -> None:
    path = image_folder / "train" / "002.dog" / "3.png"
    path.write_bytes(path.read_bytes()[:200])
    inputs = make_inputs(image_folder)
    with pytest.raises(DataError, match=r"train/002\.dog/3\.png: .*replace or remove it"):
        list(inputs.batches([np.arange(12)]))
    inputs.close()


def test_shifts_depend_on_position_seed_and_epoch_only() -> None:
    images = torch.randn(6, 3, 8, 8)
    positions = np.array([5, 0, 9, 3, 7, 1])
    variation = Variation(PRESET, total=10, seed=1, epoch=2)
    whole = variation.shift(images, positions)
    assert torch.equal(variation.shift(images[2:4], positions[2:4]), whole[2:4])
    assert torch.equal(Variation(PRESET, total=10, seed=1, epoch=2).shift(images, positions), whole)
    for seed, epoch in ((1, 3), (2, 2)):
        other = Variation(PRESET, total=10, seed=seed, epoch=epoch)
        assert not torch.equal(other.shift(images, positions), whole)


def test_a_resnets_images_are_cropped_while_they_are_decoded(image_folder: Path) -> None:
    """In any batches and order: an image's crop is that of its position. What is cached stays unvaried."""
    inputs = make_inputs(image_folder, RESNET)
    plain = next(inputs.batches([np.arange(12)]))
    variation = Variation(RESNET, total=12, seed=1, epoch=1)
    whole = torch.cat(list(inputs.batches([np.arange(7), np.arange(7, 12)], variation=variation)))
    some = next(inputs.batches([np.array([9, 2])], variation=variation))
    assert torch.equal(some, whole[[9, 2]])
    for index, image in enumerate(whole):
        data = inputs.split.members[index].read()
        pixels = torch.from_numpy(RESNET.to_varied_pixels(data, variation.draw(index)))
        assert torch.equal(image, RESNET.normalise(pixels[None])[0])
    assert torch.equal(next(inputs.batches([np.arange(12)])), plain)
    next_epoch = Variation(RESNET, total=12, seed=1, epoch=2)
    assert not torch.equal(next(inputs.batches([np.arange(12)], variation=next_epoch)), whole)
    inputs.close()


def test_half_of_the_crops_are_mirrored() -> None:
    variation = Variation(RESNET, total=1000, seed=1, epoch=1)
    assert 400 < sum(variation.draw(position).flip for position in range(1000)) < 600


def test_a_loop_that_stops_early_leaves_no_decoding_behind(image_folder: Path) -> None:
    inputs = make_inputs(image_folder)
    batches = inputs.batches([np.array([index]) for index in range(12)])
    next(batches)
    batches.close()
    inputs.close()
    with pytest.raises(RuntimeError, match="shutdown"):
        next(inputs.batches([np.arange(2)]))


def test_decoding_stays_few_batches_ahead(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by AHEAD, not by the epoch."""
    inputs = make_inputs(image_folder)
    begun: list[int] = []
    start = inputs._start
    monkeypatch.setattr(inputs, "_start", lambda *asked: (begun.append(1), start(*asked))[1])
    next(inputs.batches([np.array([index]) for index in range(12)]))
    assert len(begun) == inputs_module.AHEAD + 1
    inputs.close()


def test_variation_shifts_within_bounds_and_never_mirrors_a_digit() -> None:
    """A column ramp tells the shift from each image's values, and a falling one would be a mirror."""
    ramp = torch.arange(8.0).expand(64, 3, 8, 8)
    varied = Variation(PRESET, total=64, seed=1, epoch=1).shift(ramp, np.arange(64))
    middle = varied[:, 0, 4, 4]
    assert {int(value) for value in middle} <= {3, 4, 5}
    assert len({int(value) for value in middle}) == 3
    assert bool((varied.diff(dim=3) >= 0).all())
