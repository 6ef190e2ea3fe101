"""Write model folders as training leaves them, for benchmarks of serving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import benchmarks.source_paths  # noqa: F401 - makes imgclf importable

if TYPE_CHECKING:
    from imgclf.networks.models import Classifier

CLASSES = 133


def _leave(model: Classifier) -> None:
    """Leave the weights as they were drawn."""


def write_model(folder: Path, architecture: str, *, prepare: Callable[[Classifier], None] = _leave) -> Path:
    """Write a network with random weights, its ONNX file and the code that serves it; return the folder.

    `prepare` may change the weights before they are written.
    """
    import torch

    from imgclf.artifacts import save_model
    from imgclf.model_card import ModelCard
    from imgclf.networks.models import build_model, preset_for
    from imgclf.onnx_export import export_model

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    model = build_model(architecture=architecture, classes=CLASSES, freeze_backbone=False)
    prepare(model)
    preset = preset_for(architecture=architecture, image_size=224)
    onnx = export_model(folder, classifier=model, preset=preset)
    if "failed" in onnx:
        raise RuntimeError(onnx["failed"])
    card = ModelCard(
        architecture=architecture,
        image_size=224,
        classes=CLASSES,
        parameters=sum(one.numel() for one in model.parameters()),
        hyperparameters={"architecture": architecture, "image_size": 224, "freeze_backbone": False},
        data_hash="",
        code_hash="",
        metrics={},
        world_size=1,
        framework={},
        preset=preset,
        onnx=onnx,
    )
    save_model(folder, model=model, classes=[f"{number:03}" for number in range(CLASSES)], card=card)
    return folder
