"""A pass computes each image's features once; heads trained on them train as the per-epoch loop does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import embed
import numpy as np
import pytest
import search
import torch
import train
from torch import nn

from imgclf.distributed import World
from imgclf.features.embedding import Pass, compute_inputs
from imgclf.features.store import read_features
from imgclf.images.data import Channels, Dataset, index_images
from imgclf.images.inputs import PixelInputs
from imgclf.learning.fit import run_fit
from imgclf.learning.recipe import Recipe
from imgclf.learning.state import Fit
from imgclf.networks.models import Classifier, build_model, preset_for

CPU = torch.device("cpu")
ALONE = World(rank=0, size=1, local_rank=0, host="localhost", device=CPU)
SMALL = {"architecture": "small_cnn", "image_size": 8, "batch_size": 5, "epochs": 2}
LOSS_TOLERANCE = 1e-5
"""Largest difference between the losses of the two loops: rounding of another batch (measured: 2e-7)."""
RATES = json.dumps({"learning_rate": {"type": "continuous", "min": 1e-3, "max": 1e-1, "scale": "log"}})

Job = Callable[..., int]


def load(root: Path) -> Dataset:
    return index_images(
        Channels(train=root / "train", valid=root / "valid", test=root / "test", manifest=None, weights=None),
        ALONE,
    )


def resnet(seed: int) -> Classifier:
    """Return a ResNet-18 with a frozen backbone."""
    torch.manual_seed(seed)
    return build_model(architecture="resnet18", classes=2, freeze_backbone=True)


class PerEpochLoop(nn.Module):
    """The usual frozen model: each image goes through the backbone in each epoch."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def train(self, mode: bool = True) -> PerEpochLoop:
        """Train the head; batch normalisation of a frozen backbone keeps its statistics."""
        super().train(mode)
        self.model.backbone.eval()
        return self

    def forward(self, images: torch.Tensor) -> Any:
        """Return the logits."""
        return self.model(images)


def test_a_head_on_features_has_the_loss_curve_of_the_per_epoch_loop(image_folder: Path) -> None:
    preset = preset_for(architecture="resnet18", image_size=64)
    data, recipe = load(image_folder), Recipe(learning_rate=0.01, batch_size=5, epochs=3, seed=1)

    def pixels() -> dict[str, PixelInputs]:
        return {name: PixelInputs(data.splits[name], preset, device=CPU, threads=2) for name in data.splits}

    loop = run_fit(Fit(model=PerEpochLoop(resnet(1)), inputs=pixels(), recipe=recipe, world=ALONE, classes=2))
    model = resnet(1)
    features, _ = compute_inputs(
        Pass(backbone=model.backbone, preset=preset, pixels=pixels(), world=ALONE, engine="eager")
    )
    head = run_fit(Fit(model=model.head, inputs=features, recipe=recipe, world=ALONE, classes=2))
    curves = [
        [loss for epoch in result.history for loss in [*epoch["step_losses"], epoch["valid_loss"]]]
        for result in (loop, head)
    ]
    assert len(curves[0]) == 12
    assert max(abs(a - b) for a, b in zip(*curves, strict=True)) < LOSS_TOLERANCE
    assert curves[0][0] != pytest.approx(curves[0][-2], abs=1e-3)  # it did learn


@pytest.fixture
def job(image_folder: Path, tmp_path: Path) -> Job:
    """Return a runner: job(train.main, architecture="small_cnn", ...) -> exit code."""
    (tmp_path / "output").mkdir()

    def run(main: Callable[..., int], **options: object) -> int:
        if "features" not in options:
            options = {"data": image_folder, **options}
        folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output" / "data"}
        given = {**folders, **SMALL, **options}
        words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        return main(words, {"SM_OUTPUT_DIR": str(tmp_path / "output")})

    return run


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_embed_writes_every_image_once_and_says_how(job: Job, tmp_path: Path) -> None:
    assert job(embed.main, views=3) == 0
    found = read_features(tmp_path / "model", ALONE)
    assert {name: part.features.shape for name, part in found.inputs.items()} == {
        "train": (12, 3, 512),
        "valid": (6, 1, 512),
        "test": (6, 1, 512),
    }
    assert found.inputs["train"].split.positions.tolist() == list(range(12))
    assert found.inputs["train"].split.labels.tolist() == [0] * 6 + [1] * 6
    engine = found.manifest["engine"]
    assert engine["name"] == "eager"
    assert engine["img_per_s"] > 0
    assert set(engine["measured"]) == {"eager"}


def test_view_0_is_the_plain_image_and_the_others_are_fixed(job: Job, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "plain")]
    for folder, views in zip(folders, (3, 3, 1), strict=True):
        assert job(embed.main, views=views, model_dir=folder) == 0
    one, two, plain = (read_features(folder, ALONE).inputs["train"].features for folder in folders)
    assert torch.equal(one, two)
    assert torch.equal(one[:, :1], plain)
    assert not torch.equal(one[:, 1], one[:, 0])
    assert not torch.equal(one[:, 1], one[:, 2])


def test_training_on_the_channel_makes_the_model_that_training_on_images_makes(
    job: Job, tmp_path: Path
) -> None:
    features = tmp_path / "features"
    assert job(embed.main, model_dir=features) == 0
    assert job(train.main, freeze_backbone="true", model_dir=tmp_path / "images") == 0
    losses = read(tmp_path / "output/data/history.json")["epochs"]
    assert job(train.main, freeze_backbone="true", features=features) == 0
    again = read(tmp_path / "output/data/history.json")["epochs"]
    assert [epoch["step_losses"] for epoch in again] == [epoch["step_losses"] for epoch in losses]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("images", "model")]
    assert weights[0] == weights[1]
    card = read(tmp_path / "model/model_card.json")
    assert card["backbone"]["features"]["name"] == "eager"


def test_features_of_another_backbone_end_the_job_with_the_reason(
    job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = tmp_path / "features"
    assert job(embed.main, model_dir=features, seed=1) == 0
    written = {path.name: path.read_bytes() for path in features.iterdir()}
    for main, options in ((train.main, {"freeze_backbone": "true"}), (search.main, {"ranges": RATES})):
        assert job(main, features=features, seed=2, **options) == 1
        assert "these feature shards are from another backbone" in capsys.readouterr().err
    assert "another backbone" in (tmp_path / "output/failure").read_text()
    assert {path.name: path.read_bytes() for path in features.iterdir()} == written


def test_search_on_the_channel_finds_what_search_on_images_finds(job: Job, tmp_path: Path) -> None:
    features = tmp_path / "features"
    assert job(embed.main, model_dir=features) == 0
    records = []
    for options in ({}, {"features": features}):
        assert job(search.main, ranges=RATES, trials=3, **options) == 0
        records.append(read(tmp_path / "output/data/trials.json"))
    for record in records:
        assert record["features"]["engine"]["name"] == "eager"
        for trial in record["trials"]:
            del trial["seconds"]
    assert records[0]["trials"] == records[1]["trials"]
    assert records[0]["best"] == records[1]["best"]


def test_trials_json_names_the_trial_with_the_lowest_validation_loss(job: Job, tmp_path: Path) -> None:
    assert job(search.main, ranges=RATES, trials=4) == 0
    record = read(tmp_path / "output/data/trials.json")
    assert record["objective"] == "best:valid_loss"
    assert [trial["trial"] for trial in record["trials"]] == [1, 2, 3, 4]
    best = min(record["trials"], key=lambda trial: float(trial["objective"]))
    assert record["best"] == {
        name: best[name] for name in ("hyperparameters", "objective", "valid_accuracy", "trial")
    }
    assert best["objective"] == min(epoch["valid_loss"] for epoch in best["epochs"])
    assert set(record["seconds"]) == {"features", "trials"}


def test_the_best_trial_is_what_train_makes_of_its_values(job: Job, tmp_path: Path) -> None:
    assert job(search.main, ranges=RATES, trials=2) == 0
    best = read(tmp_path / "output/data/trials.json")["best"]
    assert job(train.main, freeze_backbone="true", **best["hyperparameters"]) == 0
    epochs = read(tmp_path / "output/data/history.json")["epochs"]
    assert min(epoch["valid_loss"] for epoch in epochs) == best["objective"]


def test_a_trial_that_diverges_fails_alone(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = Recipe.rate

    def too_high(recipe: Recipe, step: int, **sizes: int) -> float:
        return float("nan") if recipe.batch_size == 6 and step > 1 else rate(recipe, step, **sizes)

    monkeypatch.setattr(Recipe, "rate", too_high)
    ranges = {"batch_size": {"type": "categorical", "values": [4, 6]}}
    assert job(search.main, ranges=json.dumps(ranges), trials=2, strategy="grid") == 0
    first, second = read(tmp_path / "output/data/trials.json")["trials"]
    assert (first["status"], second["status"]) == ("Completed", "Failed")
    assert "the loss is nan" in second["reason"]
    ranges = {"batch_size": {"type": "categorical", "values": [6]}}
    assert job(search.main, ranges=json.dumps(ranges), trials=1) == 1
    assert "all 1 trials failed, the last one: the loss is nan" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ranges": "{}"}, "at least one hyper-parameter"),
        ({"ranges": RATES, "trials": 0}, "'0' must be a whole number from 1 to 1000"),
        ({"ranges": '{"batch_size": {"type": "categorical", "values": [64]}}'}, "from 1 to the 12 training"),
        ({"ranges": RATES, "finetune_epochs": 2}, "search.py trains heads only"),
        ({"ranges": RATES, "engine": "bf16"}, "engine 'bf16' cannot run on cpu here"),
        ({"ranges": RATES, "views": 0}, "must be a whole number from 1 to 16"),
        ({"ranges": RATES, "architecture": "resnet18"}, "channel 'weights' is missing"),
    ],
)
def test_a_search_that_cannot_work_says_why(
    job: Job, capsys: pytest.CaptureFixture[str], options: dict[str, object], reason: str
) -> None:
    assert job(search.main, **options) == 1
    assert reason in capsys.readouterr().err


def test_embed_refuses_the_channel_that_it_writes(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert job(embed.main, features="/somewhere") == 1
    assert "is what embed.py writes: leave it out" in capsys.readouterr().err


def test_a_bad_image_is_left_out_and_named(job: Job, image_folder: Path, tmp_path: Path) -> None:
    (image_folder / "train/001.cat/2.png").write_bytes(b"broken")
    assert job(embed.main) == 1
    assert job(embed.main, max_bad_images=1) == 0
    found = read_features(tmp_path / "model", ALONE)
    assert found.inputs["train"].split.positions.tolist() == list(range(11))
    assert np.bincount(found.inputs["train"].split.labels).tolist() == [5, 6]
    [bad] = found.data.bad_images
    assert "train/001.cat/2.png" in bad


def test_a_search_needs_data_for_its_own_batches_only(job: Job, tmp_path: Path) -> None:
    """Not for the batch size that no trial has."""
    sizes = json.dumps({"batch_size": {"type": "categorical", "values": [4, 6]}})
    assert job(embed.main) == 0
    options = {"features": tmp_path / "model", "batch_size": 64, "trials": 2}
    assert job(search.main, **options, ranges=sizes) == 0
    found = read(tmp_path / "output/data/trials.json")
    assert sorted(trial["hyperparameters"]["batch_size"] for trial in found["trials"]) == [4, 6]


def test_a_process_without_images_has_features_of_the_others_width(image_folder: Path) -> None:
    class Second(World):
        """One of two processes; the other one owns all images."""

        def gather(self, value: Any) -> list[Any]:
            return [512, value] if value == 0 else ["eager", value]

    data, preset = load(image_folder), preset_for(architecture="small_cnn", image_size=8)
    none = np.empty(0, dtype=np.int64)
    split = replace(data.splits["train"], positions=none, labels=none, members=[])
    pixels = {"train": PixelInputs(split, preset, device=CPU, threads=1)}
    model = build_model(architecture="small_cnn", classes=2, freeze_backbone=True)
    world = Second(rank=1, size=2, local_rank=0, host="localhost", device=CPU)
    found, _ = compute_inputs(
        Pass(backbone=model.backbone, preset=preset, pixels=pixels, world=world, engine="eager")
    )
    assert found["train"].features.shape == (0, 1, 512)


def test_a_checkpoint_on_other_views_is_refused(
    job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"freeze_backbone": True, "checkpoint_dir": tmp_path / "checkpoints"}
    for views, code in ((2, 0), (1, 1)):
        folder = tmp_path / f"features-{views}"
        assert job(embed.main, views=views, model_dir=folder) == 0
        assert job(train.main, **options, features=folder) == code
    assert "belongs to another job (views 2 there, 1 here)" in capsys.readouterr().err
