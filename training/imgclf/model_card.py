"""What a model folder says of its model, read without torch: the card, the class names, the preset."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgclf.errors import ModelError
from imgclf.presets import Preset

WEIGHTS_FILE, LABELS_FILE, CARD_FILE, ONNX_FILE, INT8_FILE = (
    "model.safetensors",
    "labels.json",
    "model_card.json",
    "model.onnx",
    "model.int8.onnx",
)
CARD_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a model is, what it was made from, and how well it does."""

    architecture: str
    image_size: int
    classes: int
    parameters: int
    hyperparameters: dict[str, Any]
    data_hash: str
    code_hash: str
    metrics: dict[str, float]
    world_size: int
    framework: dict[str, str]
    preset: Preset
    """How an image becomes the model's input."""
    temperature: float | None = None
    """What logits are divided by before softmax, so that probabilities can be trusted."""
    backbone: dict[str, Any] = field(default_factory=dict)
    """Where the backbone is from: init, sha256 and source; and how its features were computed."""
    onnx: dict[str, Any] = field(default_factory=dict)
    """What imgclf.onnx_export says of model.onnx; `failed` is why there is none."""
    int8: dict[str, Any] = field(default_factory=dict)
    """What imgclf.int8 says of model.int8.onnx, empty where none was wanted; `refused` or `failed` is why
    there is none, and model.onnx serves."""


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """A model folder whose card and class names agree; its weights are not read yet."""

    path: Path
    card: dict[str, Any]
    classes: list[str]
    preset: Preset


def read_model_folder(path: Path) -> ModelFolder:
    """Read card and class names; raise ModelError for what is missing, damaged or contradicts itself."""
    card, labels = _read_json(path / CARD_FILE), _read_json(path / LABELS_FILE)
    try:
        count, classes = int(card["classes"]), [str(name) for name in labels["classes"]]
        preset = _read_preset(card["preset"])
        if not all(isinstance(card.get(graph) or {}, dict) for graph in ("onnx", "int8")):
            raise TypeError("what is said of a graph")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{CARD_FILE} or {LABELS_FILE} in {path} lacks {error}: train the model again"
        ) from error
    if count != len(classes):
        raise ModelError(
            f"{LABELS_FILE} names {len(classes)} classes, {CARD_FILE} says {count}: train the model again"
        )
    return ModelFolder(path=path, card=card, classes=classes, preset=preset)


def _read_preset(written: Any) -> Preset:
    """Return the preset that `asdict` wrote as JSON; raise TypeError for anything else."""
    if not isinstance(written, dict):
        raise TypeError("a preset")
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in written.items()
    }
    return Preset(**fields)


def _read_json(path: Path) -> Any:
    """Return a JSON file's value, or raise ModelError."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise ModelError(f"{path} is missing: is SM_MODEL_DIR the folder that train.py wrote?") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): train the model again") from error
