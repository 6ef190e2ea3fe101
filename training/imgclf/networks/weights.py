"""Bring pre-trained weights from a public file into a model: converted once, checked at each use.

A staged file holds a backbone's tensors under torchvision's names, and in its metadata: architecture,
`sha256` (backbone_hash of the tensors) and source. Pickles are read by the converter alone, which lets
them hold nothing but tensors.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from imgclf.artifacts import whole_or_not
from imgclf.errors import ConfigError
from imgclf.features.store import backbone_hash, state_hash
from imgclf.networks.architecture import Architecture, Tensors
from imgclf.networks.models import USUAL_IMAGE_SIZE, Classifier, build_model
from imgclf.networks.registry import find_architecture

logger = logging.getLogger(__name__)

WRAPPERS = ("module.", "backbone.")
"""What DistributedDataParallel and a Classifier put before the names of a backbone's tensors."""
HEAD = "head."
"""What a Classifier puts before the names of its head's tensors."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model's backbone comes from."""

    init: str
    sha256: str
    source: str


def load_backbone(model: Classifier, channel: Path, *, architecture: str, image_size: int) -> Origin:
    """Load the one .safetensors file of a channel into the backbone.

    Takes torchvision's names (`conv1.weight`) and Musher's (`backbone.conv1.weight`); a classification layer
    is left out. Weights for images of another size are fitted to `image_size`, where a network has such.
    Raises ConfigError when there is no such file, or it is of another architecture than it should be or
    than its own metadata say.
    """
    files = sorted(channel.glob("*.safetensors"))
    if len(files) != 1:
        raise ConfigError(
            f"channel 'weights' ({channel}) holds {len(files)} .safetensors files: it needs exactly one"
        )
    [path], (tensors, metadata) = files, _read(files[0])
    if metadata.get("architecture", architecture) != architecture:
        raise ConfigError(
            f"{path} holds weights of {metadata['architecture']}, the job trains {architecture}: "
            "stage other weights, or pass that --architecture"
        )
    record = find_architecture(architecture)
    state = _backbone_state(tensors, record, path)
    found = state_hash(state)
    if metadata.get("sha256", found) != found:
        raise ConfigError(
            f"{path} is not what its metadata say (SHA-256 {found}, not {metadata['sha256']}): "
            "convert and stage the weights again"
        )
    if "sha256" not in metadata:
        logger.warning("%s names neither architecture nor SHA-256: convert_weights.py adds both", path)
    _fill(model, _fitted(state, record, image_size, path), path)
    return Origin(init="pretrained", sha256=found, source=metadata.get("source", path.name))


def convert_weights(source: Path, target: Path, *, architecture: str, origin: str) -> dict[str, str]:
    """Convert a torch state-dict file to a staged safetensors file; return its metadata.

    Raises ConfigError when the file holds anything but tensors, or does not fit the architecture.
    """
    record = find_architecture(architecture)
    state = _backbone_state(_read_pickle(source), record, source)
    image_size = _size_of(state, record, source) or USUAL_IMAGE_SIZE
    model = build_model(architecture=architecture, classes=1, freeze_backbone=True, image_size=image_size)
    _fill(model, state, source)
    metadata = {
        "format": "pt",
        "architecture": architecture,
        "sha256": backbone_hash(model.backbone),
        "source": origin,
    }
    tensors = {name: value.contiguous() for name, value in model.backbone.state_dict().items()}
    with whole_or_not(target) as partial:
        save_file(tensors, partial, metadata=metadata)
    return metadata


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Return a safetensors file's tensors and metadata."""
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ConfigError(
            f"{path} is no safetensors file ({error}): pickled weights are refused; "
            "convert them with convert_weights.py"
        ) from error


def _read_pickle(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file that torch.save wrote; no code in it is ever run."""
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing: download the state-dict file first") from None
    except Exception as error:  # whatever a file that is none makes the unpickler raise
        reason = str(error).partition("\n")[0][:200]
        raise ConfigError(
            f"{path} is no state-dict file of plain tensors ({reason}): get the one that its publisher offers"
        ) from error
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise ConfigError(f"{path} holds no state dict, but {type(state).__name__}: save model.state_dict()")
    return dict(state)


def _backbone_state(tensors: Tensors, record: Architecture, path: Path) -> dict[str, torch.Tensor]:
    """Return a backbone's tensors under its own names; raise ConfigError where a number is not finite."""
    state = {}
    for name, value in tensors.items():
        for wrapper in WRAPPERS:
            name = name.removeprefix(wrapper)
        if not name.startswith((HEAD, f"{record.last_layer}.")):
            state[name] = value
    if wrong := next((name for name, value in state.items() if not value.isfinite().all()), None):
        raise ConfigError(f"{path} holds numbers that are not finite in {wrong}: get a sound file")
    return state


def _size_of(state: Tensors, record: Architecture, path: Path) -> int | None:
    """Return the image size that weights are for, or None where they are for any."""
    if record.sized_state is None:
        return None
    try:
        return record.sized_state.size_of(state)
    except (KeyError, IndexError, ValueError) as error:
        raise ConfigError(
            f"{path} does not fit the architecture {record.name}: {error} is missing or wrong"
        ) from error


def _fitted(state: Tensors, record: Architecture, image_size: int, path: Path) -> Tensors:
    """Return the state for images of the job's size."""
    size = _size_of(state, record, path)
    if record.sized_state is None or size == image_size:
        return state
    logger.info("%s is for images of %s pixels: fitted to %s", path, size, image_size)
    try:
        return record.sized_state.resize(state, image_size)
    except ValueError as error:
        raise ConfigError(f"{path} cannot be fitted to image_size {image_size}: {error}") from error


def _fill(model: Classifier, state: Tensors, path: Path) -> None:
    """Put a state into the backbone."""
    try:
        model.backbone.load_state_dict(state)
    except RuntimeError as error:
        reason = json.dumps(str(error).partition("\n")[2].strip()[:300])
        raise ConfigError(f"{path} does not fit the architecture: {reason}") from error
