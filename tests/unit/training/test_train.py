"""train.py run in this process on one host: what it writes, and how it fails."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import train
from safetensors import safe_open

from imgclf.learning.recipe import Recipe
from imgclf.learning.steps import Stepper

Run = Callable[..., int]


@pytest.fixture
def run(image_folder: Path, tmp_path: Path) -> Run:
    """Return a short training: run(epochs=1, ...) -> exit code; other options as given."""
    (tmp_path / "output").mkdir()

    def start(**options: object) -> int:
        defaults = {
            "data": image_folder,
            "model_dir": tmp_path / "model",
            "output_dir": tmp_path / "output" / "data",
        }
        small = {"architecture": "small_cnn", "image_size": 8, "epochs": 1, "batch_size": 5}
        words = [
            word
            for name, value in {**defaults, **small, **options}.items()
            for word in (f"--{name}", str(value))
        ]
        return train.main(words, {"SM_OUTPUT_DIR": str(tmp_path / "output")})

    return start


def read(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.parametrize("freeze_backbone", [False, True])
def test_a_job_writes_model_and_output(run: Run, tmp_path: Path, freeze_backbone: bool) -> None:
    assert run(epochs=2, freeze_backbone=freeze_backbone) == 0
    evaluation = read(tmp_path / "output/data/evaluation.json")
    assert (evaluation["split"], evaluation["images"], evaluation["classes"]) == (
        "test",
        6,
        ["001.cat", "002.dog"],
    )
    assert [sum(row) for row in evaluation["confusion_matrix"]] == [3, 3]
    assert set(evaluation) >= {"loss", "accuracy", "top5_accuracy", "per_class_recall"}
    history = read(tmp_path / "output/data/history.json")
    assert [epoch["epoch"] for epoch in history["epochs"]] == [1, 2]
    assert [len(epoch["step_losses"]) for epoch in history["epochs"]] == [3, 3]
    assert [(host["host"], host["rank"], host["images"]) for host in history["hosts"]] == [
        ("localhost", 0, 12)
    ]
    assert history["best_epoch"] in (1, 2)


def test_the_model_card_says_what_the_model_is(run: Run, tmp_path: Path) -> None:
    assert run(seed=5) == 0
    card = read(tmp_path / "model/model_card.json")
    assert (card["format"], card["architecture"], card["image_size"], card["classes"]) == (
        1,
        "small_cnn",
        8,
        2,
    )
    assert card["hyperparameters"] == {
        "learning_rate": 0.01,
        "batch_size": 5,
        "epochs": 1,
        "seed": 5,
        "weight_decay": 1e-4,
        "schedule": "cosine",
        "warmup_share": 0.1,
        "label_smoothing": 0.0,
        "class_weights": "none",
        "micro_batch_size": 32,
        "patience": 0,
        "precision": "fp32",
        "architecture": "small_cnn",
        "image_size": 8,
        "freeze_backbone": False,
        "init": "random",
        "finetune_epochs": 0,
        "finetune_learning_rate": 8e-5,
        "max_bad_images": 0,
        "int8": False,
    }
    assert len(card["data_hash"]) == len(card["code_hash"]) == 64
    assert set(card["metrics"]) >= {"test_accuracy", "test_loss", "valid_accuracy", "valid_loss"}
    assert card["temperature"] > 0
    assert (card["backbone"]["init"], len(card["backbone"]["sha256"])) == ("random", 64)
    assert card["world_size"] == 1
    assert card["parameters"] > 10_000
    assert "torch" in card["framework"]
    assert read(tmp_path / "model/labels.json") == {"classes": ["001.cat", "002.dog"]}
    graph = (tmp_path / "model/model.onnx").read_bytes()
    assert card["onnx"]["sha256"] == hashlib.sha256(graph).hexdigest()
    assert card["preset"]["image_size"] == 8


def test_a_failed_export_costs_no_model(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert run() == 0
    assert "onnx" in read(tmp_path / "model/model_card.json")["onnx"]["failed"]
    assert (tmp_path / "model/model.safetensors").is_file()
    assert not (tmp_path / "model/model.onnx").exists()
    assert "no model.onnx, torch will serve" in caplog.text


def test_the_same_seed_gives_the_same_weights(run: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run(model_dir=tmp_path / name, seed=3) == 0
    assert run(model_dir=tmp_path / "three", seed=4) == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two", "three")]
    assert weights[0] == weights[1] != weights[2]


def test_shards_train_as_folders_do(run: Run, staged: Path, tmp_path: Path) -> None:
    assert run(data=staged) == 0
    assert read(tmp_path / "model/model_card.json")["data_hash"] == "ab" * 32


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"learning_rate": 0}, "'0' must be a number above 0"),
        ({"batch_size": 64}, "batch_size 64 is larger than the 12 training images: lower it"),
        ({"architecture": "vgg16"}, "vgg16"),
        ({"architecture": "resnet18"}, "channel 'weights' is missing: stage resnet18 weights"),
        ({"init": "random", "weights": "/nowhere"}, "init 'random' contradicts channel 'weights'"),
        ({"finetune_epochs": 2}, "add --freeze_backbone true"),
        ({"precision": "fp16"}, "precision 'fp16' needs a GPU"),
        ({"weights": "/nowhere"}, "holds 0 .safetensors files"),
        ({"data": "/nowhere"}, "there is no folder /nowhere/train"),
    ],
)
def test_what_cannot_work_is_said_on_stderr_and_in_the_failure_file(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, object],
    reason: str,
) -> None:
    assert run(**options) == 1
    error = capsys.readouterr().err
    assert reason in error
    assert error == f"error: {(tmp_path / 'output' / 'failure').read_text()}\n"
    assert not (tmp_path / "model").exists()


def test_an_unreadable_image_is_named(
    run: Run, image_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (image_folder / "valid/001.cat/0.png").write_bytes(b"broken")
    assert run() == 1
    assert "valid/001.cat/0.png: not an image" in capsys.readouterr().err


def test_an_unexpected_error_is_reported_with_its_kind(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "make_job", lambda *_: {}["missing"])
    assert run() == 1
    assert "KeyError: 'missing'" in capsys.readouterr().err


def test_without_a_container_no_failure_file_is_invented(tmp_path: Path) -> None:
    assert train.main(["--epochs", "0"], {"SAGEMAKER_BASE_DIR": str(tmp_path / "none")}) == 1
    assert not (tmp_path / "none").exists()


def test_a_loss_that_is_no_number_ends_the_job_at_its_step(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the epoch before left as a checkpoint stays."""
    rate = Recipe.rate
    monkeypatch.setattr(Recipe, "rate", lambda self, step, **k: 1e30 if step > 3 else rate(self, step, **k))
    assert run(epochs=3, checkpoint_dir=tmp_path / "checkpoints") == 1
    error = capsys.readouterr().err
    assert re.search(r"the loss is (nan|inf) at step [123] of epoch [23]: lower learning_rate 0.01", error)
    with safe_open(tmp_path / "checkpoints/model.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["state"])["epoch"] == 2


def test_best_values_are_printed_once_for_the_tuner(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert run(epochs=3, save_model=False) == 0
    history = read(tmp_path / "output/data/history.json")
    best = min(entry["valid_loss"] for entry in history["epochs"])
    assert re.findall(r"best:valid_loss=(\S+)", caplog.text) == [f"{best:.6f}"]
    assert history["epochs"][history["best_epoch"] - 1]["valid_loss"] == best


def test_a_trial_leaves_out_the_test_split_and_the_model(run: Run, tmp_path: Path) -> None:
    assert run(save_model=False) == 0
    assert [path.name for path in (tmp_path / "output/data").iterdir()] == ["history.json"]
    assert not (tmp_path / "model").exists()


def test_the_head_is_trained_first_and_then_the_whole_model(run: Run, tmp_path: Path) -> None:
    options = {"freeze_backbone": True, "finetune_epochs": 2, "finetune_learning_rate": 0.01, "epochs": 3}
    assert run(**options) == 0
    history = read(tmp_path / "output/data/history.json")
    assert [entry["phase"] for entry in history["epochs"]] == ["head"] * 3 + ["finetune"] * 2
    losses = {
        phase: min(entry["valid_loss"] for entry in history["epochs"] if entry["phase"] == phase)
        for phase in ("head", "finetune")
    }
    assert history["best_phase"] == min(losses, key=lambda phase: losses[phase])
    assert read(tmp_path / "model/model_card.json")["metrics"]["valid_loss"] == min(losses.values())


def test_the_history_tells_of_fine_tuning_that_was_dropped(run: Run, tmp_path: Path) -> None:
    options = {"freeze_backbone": True, "finetune_epochs": 1, "finetune_learning_rate": 1.0, "epochs": 2}
    assert run(**options) == 0
    history = read(tmp_path / "output/data/history.json")
    assert [(entry["phase"], entry["epoch"]) for entry in history["epochs"]] == [
        ("head", 1),
        ("head", 2),
        ("finetune", 1),
    ]
    assert history["best_phase"] == "head"
    best = min(entry["valid_loss"] for entry in history["epochs"])
    assert read(tmp_path / "model/model_card.json")["metrics"]["valid_loss"] == best


@pytest.mark.parametrize(
    ("batch_size", "micro_batch_size"), [(11, 32), (4, 1), (12, 1)], ids=["last batch", "parts", "more parts"]
)
def test_a_single_image_that_cannot_be_normalised_is_refused_before_training(
    run: Run, capsys: pytest.CaptureFixture[str], batch_size: int, micro_batch_size: int
) -> None:
    options = {"architecture": "resnet18", "init": "random", "image_size": 32}
    assert run(**options, batch_size=batch_size, micro_batch_size=micro_batch_size) == 1
    error = capsys.readouterr().err
    assert (
        f"batch_size {batch_size} of 12 training images, in parts of micro_batch_size {micro_batch_size}"
        in error
    )
    assert "choose others, or an image_size above 32" in error


def test_a_job_continues_from_its_checkpoint_to_the_same_model(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two phases, ended by SIGTERM in the middle of an epoch of each of them."""
    options = {"freeze_backbone": True, "finetune_epochs": 2, "epochs": 3}
    assert run(**options, model_dir=tmp_path / "whole") == 0
    count, step = itertools.count(1), Stepper.take_step

    def terminated(stepper: Any, *words: Any, **named: Any) -> Any:
        if next(count) in (5, 11):
            os.kill(os.getpid(), signal.SIGTERM)
        return step(stepper, *words, **named)

    monkeypatch.setattr(Stepper, "take_step", terminated)
    options["checkpoint_dir"] = tmp_path / "checkpoints"
    assert [run(**options), run(**options), run(**options)] == [143, 143, 0]
    error = capsys.readouterr().err
    assert "stopped: SIGTERM ended the training in epoch 2 after step 2; start the job again" in error
    assert not (tmp_path / "output/failure").exists()
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "model")]
    assert weights[0] == weights[1]


def test_a_checkpoint_of_other_data_is_refused_and_stays(
    run: Run, tmp_path: Path, image_folder: Path, make_image: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"checkpoint_dir": tmp_path / "checkpoints"}
    assert run(**options) == 0
    before = (tmp_path / "checkpoints/model.safetensors").read_bytes()
    (image_folder / "train/001.cat/0.png").write_bytes(make_image(999))
    assert run(**options) == 1
    assert "belongs to another job (data_hash" in capsys.readouterr().err
    assert run(**options, image_size=16) == 1
    assert "image_size 8 there, 16 here" in capsys.readouterr().err
    assert (tmp_path / "checkpoints/model.safetensors").read_bytes() == before


def test_bad_images_are_left_out_up_to_a_limit(run: Run, tmp_path: Path, image_folder: Path) -> None:
    (image_folder / "train/001.cat/0.png").write_bytes(b"broken")
    assert run(max_bad_images=1, save_model=False) == 0
    history = read(tmp_path / "output/data/history.json")
    assert history["hosts"][0]["images"] == 11
    [reason] = history["bad_images"]
    assert reason.startswith("train/001.cat/0.png: ")
    assert run(max_bad_images=0, save_model=False) == 1
