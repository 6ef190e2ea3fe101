"""A model that a GPU trained predicts the same on a CPU, by its graph, and on the GPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import train

from imgclf.serving.model_functions import input_fn, model_fn, output_fn, predict_fn
from imgclf.serving.runtimes import ServedModel
from tests.gpu.conftest import RESNET, SMALL, Runner


@pytest.mark.parametrize("options", [SMALL, {**RESNET, "learning_rate": 1e-3}], ids=["small_cnn", "resnet18"])
def test_the_gpus_model_predicts_the_same_on_a_cpu(
    jobs: Runner,
    device: torch.device,
    photos: Path,
    at_most: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, object],
) -> None:
    done = jobs.run(train.main, **{**options, "epochs": 6})
    on_device, model = (
        served(done.folder / "model", runtime, monkeypatch) for runtime in ("torch", "onnxruntime")
    )
    files = sorted((photos / "test").rglob("*.jpg"))
    pixels = np.concatenate([input_fn(file.read_bytes(), "image/jpeg") for file in files])
    logits, theirs = predict_fn(pixels, model), predict_fn(pixels, on_device)
    assert len(output_fn(logits, "application/json")) > 100
    assert logits.argmax(1).tolist() == theirs.argmax(1).tolist()
    at_most(float(np.abs(logits - theirs).max() / np.abs(logits).max()), 1e-2, "logits")
    truth = [model.folder.classes.index(file.parent.name) for file in files]
    hits = [int(found) == label for found, label in zip(logits.argmax(1), truth, strict=True)]
    # A server scales by Pillow, the evaluation by torch: one image on the border may fall to the other side.
    assert sum(hits) / len(hits) == pytest.approx(
        done.read("output/evaluation.json")["accuracy"], abs=1.01 / len(hits)
    )


def served(folder: Path, runtime: str, monkeypatch: pytest.MonkeyPatch) -> ServedModel:
    monkeypatch.setenv("MUSHER_SERVE_RUNTIME", runtime)
    return model_fn(str(folder))
