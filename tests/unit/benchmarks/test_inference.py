"""The inference benchmark: fair turns, a ratio of pairs, and a network that tells photos apart."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.inference import (
    CHANNELS_LAST,
    FLOATS,
    INT8,
    TORCH,
    Loss,
    fit_to_photos,
    median_ratio,
    name_classes,
    read_photos,
    summarise,
    table_rows,
    time_rounds,
)
from imgclf.networks.models import build_model, preset_for

PRESET = preset_for(architecture="resnet18", image_size=16)


def test_each_round_asks_every_engine_once_and_another_one_first() -> None:
    asked: list[str] = []
    engines = {name: lambda batch, name=name: asked.append(name) for name in "abc"}
    seconds = time_rounds(engines, None, rounds=3)
    assert asked == [*"abc", *"bca", *"cab", *"abc"]
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_ratio_is_that_of_a_round() -> None:
    """A machine that is busy in one round slows both of its sides."""
    assert median_ratio([2.0, 20.0, 2.2], [1.0, 10.0, 1.0]) == 2.0


def test_a_loss_is_in_points() -> None:
    loss = Loss(images=200, fp32_accuracy=0.95, int8_accuracy=0.945, is_refused=False)
    assert loss.points == pytest.approx(0.5)


def test_of_the_batch_sizes_the_lowest_ratio_counts() -> None:
    one = {TORCH: [4.0], CHANNELS_LAST: [2.0], FLOATS: [2.0], INT8: [1.0]}
    timed = {1: one, 8: {**one, FLOATS: [1.0], INT8: [2.0]}}
    loss = Loss(images=200, fp32_accuracy=0.95, int8_accuracy=0.945, is_refused=False)
    found = summarise(timed, loss, 0.9995)
    assert (found["ratio"], found["ratio_int8"], found["ratio_channels_last"]) == (2.0, 2.0, 2.0)
    assert (found["argmax_agreement"], found["int8_top1_loss"]) == (0.9995, 0.5)
    assert list(table_rows(timed))[3] == ["1", INT8, "1000.0", "4.00"]


def test_random_weights_find_all_classes_equally_likely_once_they_know_the_photos() -> None:
    torch.manual_seed(0)
    model = build_model(architecture="resnet18", classes=10, freeze_backbone=False).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 3, 16, 16), dtype=np.uint8)
    fit_to_photos(model, PRESET, pixels)
    assert not model.training
    with torch.inference_mode():
        logits = model(PRESET.normalise(torch.from_numpy(pixels)))
    assert torch.allclose(logits.mean(dim=0), torch.zeros(10), atol=1e-4)
    assert torch.allclose(logits.std(dim=0), torch.ones(10), atol=1e-4)
    assert name_classes(lambda batch: logits[: len(batch)].numpy(), pixels).shape == (16,)


def test_photos_come_from_all_classes_and_too_few_are_said(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number // 2}").mkdir(exist_ok=True)
        Image.new("RGB", (40, 40), (40 * number, 0, 0)).save(tmp_path / f"{number // 2}" / f"{number}.jpg")
    pixels = read_photos(tmp_path, PRESET, 3)
    assert pixels.shape == (3, 3, 16, 16)
    assert np.allclose(pixels[:, 0].mean(axis=(1, 2)), [0, 80, 200], atol=3)
    with pytest.raises(SystemExit, match=r"has 6 photos, fewer than 7: ask for fewer \(--photos\)"):
        read_photos(tmp_path, PRESET, 7)
