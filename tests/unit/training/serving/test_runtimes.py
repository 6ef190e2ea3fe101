"""ONNX Runtime serves where it can, torch where it must, and neither what the card does not describe."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imgclf.artifacts import save_model
from imgclf.errors import ConfigError, ModelError
from imgclf.model_card import ModelCard
from imgclf.networks.models import build_model, preset_for
from imgclf.onnx_export import export_model
from imgclf.serving import runtimes
from imgclf.serving.runtimes import load_served_model

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an untrained small_cnn of 5 classes with its graph."""
    folder = tmp_path_factory.mktemp("exported")
    torch.manual_seed(1)
    model = build_model(architecture="small_cnn", classes=5, freeze_backbone=True)
    preset = preset_for(architecture="small_cnn", image_size=32)
    card = ModelCard(
        architecture="small_cnn",
        image_size=32,
        classes=5,
        parameters=0,
        hyperparameters={"freeze_backbone": True},
        data_hash="",
        code_hash="",
        metrics={},
        world_size=1,
        framework={},
        preset=preset,
        onnx=export_model(folder, classifier=model, preset=preset),
    )
    save_model(folder, model=model, classes=list("abcde"), card=card)
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may change."""
    return Path(shutil.copytree(exported, tmp_path / "model"))


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtimes, "GPUS", tmp_path / "gpus")


def name_of(folder: Path, **environ: str) -> str:
    return load_served_model(folder, environ).runtime.name


def change_card(folder: Path, **changes: Any) -> None:
    path = folder / "model_card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_both_runtimes_give_the_same_logits(exported: Path) -> None:
    one, other = (
        load_served_model(exported, {"MUSHER_SERVE_RUNTIME": name}) for name in ("onnxruntime", "torch")
    )
    assert one.folder.classes == other.folder.classes == list("abcde")
    found, truth = one.runtime.predict(PIXELS), other.runtime.predict(PIXELS)
    assert (found.shape, found.dtype) == (truth.shape, truth.dtype) == ((3, 5), np.float32)
    assert np.allclose(found, truth, atol=1e-4 * np.abs(truth).max())


def test_onnxruntime_is_chosen_on_a_cpu(exported: Path) -> None:
    assert name_of(exported) == name_of(exported, MUSHER_SERVE_RUNTIME="auto") == "onnxruntime"


def test_torch_is_chosen_where_there_is_a_gpu(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
    assert name_of(exported) == "torch"


@pytest.mark.parametrize("facts", [{}, None, {"failed": "OSError: no room"}])
def test_a_model_without_a_graph_is_served_by_torch(folder: Path, facts: Any) -> None:
    change_card(folder, onnx=facts)
    (folder / "model.onnx").unlink()
    assert name_of(folder) == "torch"
    with pytest.raises(ConfigError, match="is onnxruntime, but the model has no ONNX file"):
        name_of(folder, MUSHER_SERVE_RUNTIME="onnxruntime")


def test_torch_serves_where_onnxruntime_is_not_installed(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes.importlib.util, "find_spec", lambda name: None)
    assert name_of(exported) == "torch"


def test_there_is_a_stream_for_each_processor_unless_fewer_are_asked_for(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert load_served_model(exported, {}).runtime.streams == 4
    assert load_served_model(exported, {"MUSHER_SERVE_STREAMS": "1"}).runtime.streams == 1


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "1000"])
def test_a_number_of_streams_that_cannot_be_is_refused(exported: Path, wanted: str) -> None:
    with pytest.raises(ConfigError, match=f"MUSHER_SERVE_STREAMS '{wanted}' is not possible: set 1 to"):
        load_served_model(exported, {"MUSHER_SERVE_STREAMS": wanted})


@pytest.mark.parametrize("name", ["onnxruntime", "torch"])
def test_streams_predict_at_once_and_get_their_own_answers(exported: Path, name: str) -> None:
    runtime = load_served_model(exported, {"MUSHER_SERVE_RUNTIME": name}).runtime
    images = [PIXELS[place % 3 :][:1] for place in range(24)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(runtime.predict, images))
    truth = runtime.predict(PIXELS)
    for place, logits in enumerate(found):
        assert np.allclose(logits, truth[place % 3], atol=1e-4 * np.abs(truth).max())


def test_an_unknown_runtime_is_refused(exported: Path) -> None:
    with pytest.raises(ConfigError, match="'tensorrt' is unknown: set auto, onnxruntime, torch"):
        name_of(exported, MUSHER_SERVE_RUNTIME="tensorrt")


def test_a_graph_that_is_not_the_cards_is_refused(folder: Path) -> None:
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="is not the file that the model card describes"):
        name_of(folder)


def test_a_graph_that_is_gone_is_refused(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx cannot be read"):
        name_of(folder)


def test_what_is_no_graph_is_refused_even_with_its_hash(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"\x80\x04 no graph")
    facts = json.loads((folder / "model_card.json").read_text())["onnx"]
    change_card(folder, onnx={**facts, "sha256": runtimes.file_hash(folder / "model.onnx")})
    with pytest.raises(ModelError, match="is no graph that onnxruntime can run"):
        name_of(folder)


def test_the_card_names_no_file_outside_of_the_folder(folder: Path) -> None:
    facts = json.loads((folder / "model_card.json").read_text())["onnx"]
    change_card(folder, onnx={**facts, "file": "../elsewhere/model.onnx"})
    assert name_of(folder) == "onnxruntime"


@pytest.mark.parametrize("graph", ["onnx", "int8"])
@pytest.mark.parametrize(
    "said",
    [
        {"file": "a\0b"},
        {"file": "../model.safetensors/.."},
        {"file": ""},
        {"file": None},
        "file",
        ["file"],
        5,
    ],
    ids=repr,
)
def test_a_card_that_lies_about_its_graph_is_refused(folder: Path, graph: str, said: Any) -> None:
    card = json.loads((folder / "model_card.json").read_text())
    (folder / "model_card.json").write_text(json.dumps({**card, graph: said}))
    with pytest.raises(ModelError):
        load_served_model(folder, {})
