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
from imgclf.features.store import backbone_hash
from imgclf.networks.models import Classifier, build_model

logger = logging.getLogger(__name__)

HEAD_PREFIXES = ("fc.", "head.")
"""Tensors of a classification layer: each job trains its own."""


@dataclass(frozen=True)
class Origin:
    """Where a model's backbone comes from."""

    init: str
    sha256: str
    source: str


def load_backbone(model: Classifier, channel: Path, *, architecture: str) -> Origin:
    """Load the one .safetensors file of a channel into the backbone.

    Takes torchvision's names (`conv1.weight`, its `fc` is left out) and Musher's (`backbone.conv1.weight`).
    Raises ConfigError when there is no such file, or it is of another architecture than it should be or
    than its own metadata say.
    """
    files = sorted(channel.glob("*.safetensors"))
    if len(files) != 1:
        raise ConfigError(
            f"channel 'weights' ({channel}) holds {len(files)} .safetensors files: it needs exactly one"
        )
    tensors, metadata = _read(files[0])
    if metadata.get("architecture", architecture) != architecture:
        raise ConfigError(
            f"{files[0]} holds weights of {metadata['architecture']}, the job trains {architecture}: "
            "stage other weights, or pass that --architecture"
        )
    _fill(model, tensors, files[0])
    found = backbone_hash(model.backbone)
    if metadata.get("sha256", found) != found:
        raise ConfigError(
            f"{files[0]} is not what its metadata say (SHA-256 {found}, not {metadata['sha256']}): "
            "convert and stage the weights again"
        )
    if "sha256" not in metadata:
        logger.warning("%s names neither architecture nor SHA-256: convert_weights.py adds both", files[0])
    return Origin("pretrained", found, metadata.get("source", files[0].name))


def convert_weights(source: Path, target: Path, *, architecture: str, origin: str) -> dict[str, str]:
    """Convert a torch state-dict file to a staged safetensors file; return its metadata.

    Raises ConfigError when the file holds anything but tensors, or does not fit the architecture.
    """
    model = build_model(architecture=architecture, classes=1, freeze_backbone=True)
    _fill(model, _read_pickle(source), source)
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


def _fill(model: Classifier, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put tensors into the backbone, without those of a classification layer."""
    state = {name.removeprefix("module.").removeprefix("backbone."): value for name, value in tensors.items()}
    state = {name: value for name, value in state.items() if not name.startswith(HEAD_PREFIXES)}
    if wrong := next((name for name, value in state.items() if not value.isfinite().all()), None):
        raise ConfigError(f"{path} holds numbers that are not finite in {wrong}: get a sound file")
    try:
        model.backbone.load_state_dict(state)
    except RuntimeError as error:
        reason = json.dumps(str(error).partition("\n")[2].strip()[:300])
        raise ConfigError(f"{path} does not fit the architecture: {reason}") from error
