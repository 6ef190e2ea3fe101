"""evaluate.py: the score of a model on a data set is the one that its training wrote."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import evaluate
import pytest
import train


def read(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.fixture
def champion(image_folder: Path, tmp_path: Path) -> Path:
    """The folder of a trained model's archive, beside what its training wrote."""
    options = {
        "data": image_folder,
        "model_dir": tmp_path / "model",
        "output_dir": tmp_path / "trained",
        "architecture": "small_cnn",
        "image_size": 8,
        "epochs": 1,
        "batch_size": 5,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    assert train.main(words, {}) == 0
    folder = tmp_path / "champion"
    folder.mkdir()
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        for path in sorted((tmp_path / "model").iterdir()):
            tar.add(path, arcname=path.name)
    return folder


def score(data: Path, champion: Path, output: Path) -> int:
    """Run the script as a job does."""
    environ = {"SM_CHANNEL_CHAMPION": str(champion)}
    return evaluate.main(["--data", str(data), "--output_dir", str(output)], environ)


def test_a_model_scores_as_when_it_was_trained(champion: Path, image_folder: Path, tmp_path: Path) -> None:
    assert score(image_folder, champion, tmp_path / "scored") == 0
    before, after = (read(tmp_path / name / "evaluation.json") for name in ("trained", "scored"))
    assert after.keys() == before.keys()
    for name in ("accuracy", "loss", "ece", "temperature", "images"):
        assert after[name] == pytest.approx(before[name], rel=1e-5), name
    assert after["confusion_matrix"] == before["confusion_matrix"]


def test_a_data_set_with_other_classes_is_refused(
    champion: Path, image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(image_folder, other)
    for split in ("train", "valid", "test"):
        (other / split / "002.dog").rename(other / split / "002.wolf")
    assert score(other, champion, tmp_path / "scored") == 1
    assert "they cannot be compared" in capsys.readouterr().err
    assert not (tmp_path / "scored").exists()


def test_a_missing_archive_is_named(
    image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(image_folder, tmp_path, tmp_path / "scored") == 1
    assert f"{tmp_path}/model.tar.gz is missing" in capsys.readouterr().err
    assert evaluate.main(["--data", str(image_folder)], {}) == 1
    assert "channel 'champion' is missing" in capsys.readouterr().err
