"""Each network of torchvision's trains, embeds, tunes, learns on its features, and serves: on tiny images."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import embed
import pytest
import search
import train

from imgclf.networks.registry import ARCHITECTURES
from imgclf.serving import model_functions

SIDE = 32
RANGES = '{"learning_rate": {"type": "continuous", "min": 0.001, "max": 0.1, "scale": "log"}}'

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(params=[name for name, record in ARCHITECTURES.items() if record.has_published_weights])
def options(request: pytest.FixtureRequest, image_folder: Path) -> dict[str, object]:
    """Return the options that every job of a network has."""
    return {
        "architecture": request.param,
        "image_size": SIDE,
        "init": "random",
        "data": image_folder,
        "batch_size": 6,
        "epochs": 1,
        "learning_rate": 0.001,
    }


def start(main: Callable[..., int], options: dict[str, object], **changes: object) -> None:
    """Run a script to its good end."""
    words = [text for name, value in {**options, **changes}.items() for text in (f"--{name}", str(value))]
    assert main(words, {}) == 0


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def answer(model_dir: Path, image: Path) -> list[float]:
    """Return the logits with which a model folder answers an image file."""
    model = model_functions.model_fn(str(model_dir))
    pixels = model_functions.input_fn(image.read_bytes(), "image/png")
    body = model_functions.output_fn(model_functions.predict_fn(pixels, model), "application/json")
    [logits] = json.loads(body)
    return [float(value) for value in logits]


def test_a_network_learns_as_a_whole_and_serves(options: dict[str, object], tmp_path: Path) -> None:
    start(train.main, options, model_dir=tmp_path / "model", output_dir=tmp_path / "output")
    history = read(tmp_path / "output/history.json")
    assert all(math.isfinite(loss) for loss in history["epochs"][0]["step_losses"])
    assert len(history["epochs"][0]["step_losses"]) == 2
    logits = answer(tmp_path / "model", tmp_path / "data/test/001.cat/0.png")
    assert len(logits) == 2
    assert all(math.isfinite(value) for value in logits)


def test_a_networks_features_are_searched_and_learned_on(options: dict[str, object], tmp_path: Path) -> None:
    start(embed.main, options, model_dir=tmp_path / "features")
    manifest = read(tmp_path / "features/features.json")
    assert manifest["dim"] == ARCHITECTURES[str(options["architecture"])].features
    given = {**options, "features": tmp_path / "features"}
    start(search.main, given, ranges=RANGES, trials=2, output_dir=tmp_path / "trials")
    best = read(tmp_path / "trials/trials.json")["best"]
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output"}
    start(train.main, given, freeze_backbone="true", **{**best["hyperparameters"], **folders})
    [epoch] = read(tmp_path / "output/history.json")["epochs"]
    assert epoch["valid_loss"] == pytest.approx(best["objective"], rel=1e-4)
    assert len(answer(tmp_path / "model", tmp_path / "data/test/002.dog/1.png")) == 2
