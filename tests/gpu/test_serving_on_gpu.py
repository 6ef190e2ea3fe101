"""A model that a GPU trained predicts the same on a CPU and on the GPU."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import train

from imgclf.serving.model_functions import input_fn, model_fn, output_fn, predict_fn
from tests.gpu.conftest import RESNET, SMALL, Runner


@pytest.mark.parametrize("options", [SMALL, {**RESNET, "learning_rate": 1e-3}], ids=["small_cnn", "resnet18"])
def test_the_gpus_model_predicts_the_same_on_a_cpu(
    jobs: Runner,
    device: torch.device,
    photos: Path,
    at_most: Callable[..., None],
    options: dict[str, object],
) -> None:
    done = jobs.run(train.main, **{**options, "epochs": 6})
    model = model_fn(str(done.folder / "model"))
    assert {value.device.type for value in model.classifier.state_dict().values()} == {"cpu"}
    on_device = replace(model, classifier=copy.deepcopy(model.classifier).to(device))
    files = sorted((photos / "test").rglob("*.jpg"))
    pixels = torch.cat([input_fn(file.read_bytes(), "image/jpeg") for file in files])
    logits, theirs = predict_fn(pixels, model), predict_fn(pixels.to(device), on_device).cpu()
    assert len(output_fn(logits, "application/json")) > 100
    assert logits.argmax(1).tolist() == theirs.argmax(1).tolist()
    at_most(float((logits - theirs).abs().max() / logits.abs().max()), 1e-2, "logits")
    truth = [model.classes.index(file.parent.name) for file in files]
    hits = [int(found) == label for found, label in zip(logits.argmax(1), truth, strict=True)]
    assert sum(hits) / len(hits) == pytest.approx(done.read("output/evaluation.json")["accuracy"], abs=1e-6)
