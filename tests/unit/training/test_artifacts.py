"""A model folder holds everything to serve it, and a wrong one is refused with the reason."""

from __future__ import annotations

import errno
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from imgclf.artifacts import code_hash, load_model, save_model, write_json
from imgclf.errors import DataError, ModelError
from imgclf.model_card import ModelCard
from imgclf.networks.models import build_model, count_parameters, preset_for

CLASSES = ["a", "b", "c"]
PRESET = preset_for(architecture="small_cnn", image_size=16)


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """Write an untrained three-class model."""
    hyperparameters = {"architecture": "small_cnn", "image_size": 16, "freeze_backbone": False}
    model = build_model(architecture="small_cnn", classes=3, freeze_backbone=False)
    card = ModelCard(
        architecture="small_cnn",
        image_size=16,
        classes=3,
        parameters=count_parameters(model),
        hyperparameters=hyperparameters,
        data_hash="ab" * 32,
        code_hash=code_hash(),
        metrics={"test_accuracy": 0.5},
        world_size=1,
        framework={"torch": torch.__version__},
        preset=PRESET,
    )
    save_model(tmp_path / "model", model=model, classes=CLASSES, card=card)
    return tmp_path / "model"


def test_what_was_saved_is_loaded(model_dir: Path) -> None:
    model = load_model(model_dir)
    assert (model.folder.classes, model.folder.preset, model.folder.card["format"]) == (CLASSES, PRESET, 1)
    assert not model.classifier.training


def test_the_folder_holds_the_serving_code_and_no_pickle(model_dir: Path) -> None:
    names = {str(path.relative_to(model_dir)) for path in model_dir.rglob("*") if path.is_file()}
    assert {
        "model.safetensors",
        "labels.json",
        "model_card.json",
        "code/serve.py",
        "code/inference.py",
    } <= names
    assert "code/imgclf/presets.py" in names
    assert {Path(name).suffix for name in names} == {".safetensors", ".json", ".py"}


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model_card\.json is missing: is SM_MODEL_DIR"):
        load_model(tmp_path)


def test_corrupt_weights_are_refused(model_dir: Path) -> None:
    path = model_dir / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="damaged or no safetensors file"):
        load_model(model_dir)


def test_a_pickle_is_never_loaded(model_dir: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (model_dir / "exploded",))

    (model_dir / "model.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError, match="is a pickle, which is never loaded"):
        load_model(model_dir)
    torch.save({"x": torch.zeros(1)}, model_dir / "model.safetensors")
    with pytest.raises(ModelError, match="is a pickle, which is never loaded"):
        load_model(model_dir)
    assert not (model_dir / "exploded").exists()


def test_a_folder_with_pickled_weights_only_is_explained(model_dir: Path) -> None:
    (model_dir / "model.safetensors").rename(model_dir / "model.pth")
    with pytest.raises(ModelError, match=r"found model\.pth, but pickled weights are refused"):
        load_model(model_dir)


def test_labels_that_do_not_match_the_card_are_refused(model_dir: Path) -> None:
    (model_dir / "labels.json").write_text(json.dumps({"classes": [*CLASSES, "d"]}))
    with pytest.raises(ModelError, match=r"names 4 classes, model_card\.json says 3"):
        load_model(model_dir)


def test_weights_of_another_class_count_are_refused(model_dir: Path) -> None:
    other = build_model(architecture="small_cnn", classes=5, freeze_backbone=False)
    save_file(other.state_dict(), model_dir / "model.safetensors")
    with pytest.raises(ModelError, match=r"scores 5 classes, labels\.json names 3"):
        load_model(model_dir)


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "vgg"},
        {"classes": "many"},
        {"hyperparameters": None},
        {"preset": {"image_size": 16}},
        {"preset": None},
    ],
)
def test_a_broken_card_is_refused(model_dir: Path, change: dict[str, object]) -> None:
    path = model_dir / "model_card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match="model_card"):
        load_model(model_dir)


def test_the_code_hash_is_one_of_this_code() -> None:
    assert code_hash() == code_hash()
    assert len(code_hash()) == 64


def test_a_full_disk_is_named_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "history.json", {"epochs": 1})

    def full(path: Path, text: str) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DataError, match=r"history.json cannot be written .*No space left.* larger volume"):
        write_json(tmp_path / "history.json", {"epochs": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["history.json"]
    assert json.loads((tmp_path / "history.json").read_text()) == {"epochs": 1}
