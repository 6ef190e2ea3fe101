"""train.py run in this process on one host: what it writes, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import train

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
        "learning_rate": 0.001,
        "batch_size": 5,
        "epochs": 1,
        "architecture": "small_cnn",
        "image_size": 8,
        "freeze_backbone": False,
        "seed": 5,
    }
    assert len(card["data_hash"]) == len(card["code_hash"]) == 64
    assert set(card["metrics"]) == {"test_accuracy", "test_loss", "valid_accuracy", "valid_loss"}
    assert card["world_size"] == 1
    assert card["parameters"] > 10_000
    assert "torch" in card["framework"]
    assert read(tmp_path / "model/labels.json") == {"classes": ["001.cat", "002.dog"]}


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
        ({"learning_rate": 10, "epochs": 60}, "the loss is not finite"),
        ({"weights": "/nowhere"}, "holds 0 .safetensors files"),
        ({"data": "/nowhere"}, "there is no folder /nowhere/train"),
    ],
)
def test_what_cannot_work_is_said_on_stderr_and_in_the_failure_file(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, object],
    reason: str,
) -> None:
    if reason == "the loss is not finite":
        monkeypatch.setattr(
            train, "summed_loss", lambda network, *_: sum(p.sum() for p in network.parameters()) / 0
        )
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
