"""train.py on a GPU: each precision learns, float32 is the CPU's, and an interrupted job goes on."""

from __future__ import annotations

import itertools
import json
import os
import signal
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import train
from safetensors import safe_open

from imgclf.learning.fit import GPU_CHECK_STEPS
from imgclf.learning.steps import Stepper
from tests.gpu.conftest import RESNET, SMALL, Runner

ROUNDING = {"tf32": 1e-3, "ieee": 1e-4}
"""Largest relative difference of a step's loss from the CPU's, by how convolutions round their factors on a
GPU: to TF32's 10 bits, as torch and so our jobs do, or not at all. Matrix products stay in float32."""
RESUMED = 1e-4
"""Largest relative difference of a step's loss between an interrupted and an undivided training."""


def here(precision: str, device: torch.device) -> str:
    """Return a precision that the device computes: a CPU has no fp16."""
    return "bf16" if (precision, device.type) == ("fp16", "cpu") else precision


def resolved(precision: str, device: torch.device) -> str:
    """Return what a precision is on the device: `auto` is bf16 on GPUs from Ampere (8.0) on."""
    if precision != "auto":
        return here(precision, device)
    if device.type == "cpu":
        return "fp32"
    return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"


def largest_difference(found: list[float], expected: list[float]) -> float:
    """Return the largest relative difference of two lists of losses."""
    return max(abs(a - b) / b for a, b in zip(found, expected, strict=True))


@contextmanager
def convolutions_in(precision: str) -> Iterator[None]:
    """Let convolutions round as named; monkeypatch cannot: it takes the attribute for missing."""
    convolutions = torch.backends.cudnn.conv
    before = convolutions.fp32_precision
    convolutions.fp32_precision = precision
    yield
    convolutions.fp32_precision = before


@pytest.mark.parametrize("precision", ["auto", "fp16", "fp32"])
@pytest.mark.parametrize("model", [SMALL, {**RESNET, "learning_rate": 1e-3}], ids=["small_cnn", "resnet18"])
def test_a_job_learns_in_each_precision(
    jobs: Runner, device: torch.device, tmp_path: Path, precision: str, model: dict[str, object]
) -> None:
    done = jobs.run(train.main, **model, precision=here(precision, device))
    epochs = done.read("output/history.json")["epochs"]
    assert epochs[-1]["train_loss"] < 0.9 * epochs[0]["train_loss"]
    card, evaluation = done.read("model/model_card.json"), done.read("output/evaluation.json")
    assert card["hyperparameters"]["precision"] == resolved(precision, device)
    assert card["metrics"]["test_accuracy"] == evaluation["accuracy"]
    assert sum(sum(row) for row in evaluation["confusion_matrix"]) == 16
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(done.folder / "model", ".")
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        names = {name.removeprefix("./") for name in archive.getnames()}
    assert names >= {"model.safetensors", "labels.json", "model_card.json", "code/serve.py"}


def test_the_head_learns_on_features_and_then_the_whole_model(jobs: Runner) -> None:
    done = jobs.run(train.main, **RESNET, freeze_backbone=True, finetune_epochs=1)
    assert [epoch["phase"] for epoch in done.read("output/history.json")["epochs"]] == [
        "head",
        "head",
        "finetune",
    ]
    assert done.read("model/model_card.json")["backbone"]["features"]["name"] == "eager"


@pytest.mark.parametrize("convolutions", ["tf32", "ieee"])
@pytest.mark.parametrize("model", [SMALL, RESNET], ids=["small_cnn", "resnet18 in parts"])
def test_float32_has_the_cpus_losses(
    jobs: Runner,
    device: torch.device,
    at_most: Callable[..., None],
    model: dict[str, object],
    convolutions: str,
) -> None:
    """6 steps, from one seed. A part of 8 images is normalised alone on both."""
    assert torch.backends.cudnn.conv.fp32_precision != "ieee"
    assert torch.backends.cuda.matmul.fp32_precision in ("none", "ieee")  # none: torch's own, which is ieee
    options = {**model, "precision": "fp32", "epochs": 1, "save_model": False, "learning_rate": 1e-4}
    with convolutions_in(convolutions):
        found = jobs.train_on(device, **options).losses
    expected = jobs.train_on(torch.device("cpu"), **options).losses
    assert len(found) == 6
    at_most(largest_difference(found, expected), ROUNDING[convolutions], "loss against CPU")


@pytest.mark.parametrize("precision", ["auto", "fp16", "fp32"])
def test_an_interrupted_job_ends_as_an_undivided_one(
    jobs: Runner,
    device: torch.device,
    tmp_path: Path,
    at_most: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
) -> None:
    """SIGTERM in the second epoch of 24 steps; on a GPU it is heeded at the next look at the losses."""
    options = {**SMALL, "batch_size": 4, "epochs": 2, "precision": here(precision, device)}
    whole = jobs.run(train.main, **options)
    count, step = itertools.count(1), Stepper.take_step

    def terminated(stepper: Any, *parts: Any, **named: Any) -> Any:
        if next(count) == 24 + 11:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(stepper, *parts, **named)

    monkeypatch.setattr(Stepper, "take_step", terminated)
    options["checkpoint_dir"] = tmp_path
    jobs.run(train.main, code=143, **options)
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        state, names = json.loads(file.metadata()["state"]), list(file.keys())
    expected_step = GPU_CHECK_STEPS if device.type == "cuda" else 11
    assert (state["epoch"], state["step"], len(state["losses"])) == (2, expected_step, expected_step)
    assert bool(state["scaler"]) == (resolved(precision, device) == "fp16")
    assert ("random/cuda" in names) == (device.type == "cuda")
    torch.rand(1, device=device)  # the random numbers of another process
    resumed = jobs.run(train.main, **options)
    assert next(count) == 1 + 2 * 24
    at_most(largest_difference(resumed.losses, whole.losses), RESUMED, "loss against undivided")
