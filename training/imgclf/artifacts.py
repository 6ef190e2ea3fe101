"""Write and read the model folder: weights, class names, model card, and the code that serves them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from imgclf.errors import ConfigError, DataError, ModelError
from imgclf.model_card import (
    CARD_FILE,
    CARD_FORMAT,
    LABELS_FILE,
    WEIGHTS_FILE,
    ModelCard,
    ModelFolder,
    read_model_folder,
)
from imgclf.networks.models import Classifier, build_model

SOURCE_DIR = Path(__file__).resolve().parents[1]
SERVING_FILES = ("inference.py", "serve.py")


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model that is ready to predict."""

    classifier: Classifier
    folder: ModelFolder


def save_model(model_dir: Path, *, model: Classifier, classes: list[str], card: ModelCard) -> None:
    """Write the model folder; the weights come last, so that their presence means a whole folder."""
    model_dir.mkdir(parents=True, exist_ok=True)
    write_json(model_dir / LABELS_FILE, {"classes": classes})
    write_json(model_dir / CARD_FILE, {"format": CARD_FORMAT, **asdict(card)})
    _copy_code(model_dir / "code")
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with whole_or_not(model_dir / WEIGHTS_FILE) as partial:
        save_file(tensors, partial, metadata={"format": "pt"})


def load_model(model_dir: Path) -> LoadedModel:
    """Load a model folder and check that its parts agree.

    Raises ModelError for a missing, damaged or pickled file, and for parts that contradict each other.
    No pickle is ever loaded.
    """
    folder = read_model_folder(model_dir)
    card, classes = folder.card, len(folder.classes)
    try:
        model = build_model(
            architecture=str(card["architecture"]),
            classes=classes,
            freeze_backbone=bool(card["hyperparameters"]["freeze_backbone"]),
            image_size=folder.preset.image_size,
        )
    except (ConfigError, KeyError, TypeError) as error:
        raise ModelError(f"{CARD_FILE}: {error!r}: train the model again") from error
    _load_weights(model, model_dir / WEIGHTS_FILE, classes)
    return LoadedModel(classifier=model.eval().requires_grad_(False), folder=folder)


def _load_weights(model: Classifier, path: Path, classes: int) -> None:
    """Load safetensors into the model; explain a pickle, a damaged file and a misfit."""
    if not path.is_file():
        others = [
            file.name for file in path.parent.glob("*") if file.suffix in {".pth", ".pt", ".bin", ".pkl"}
        ]
        found = (
            f"found {', '.join(others)}, but pickled weights are refused" if others else "no weights found"
        )
        raise ModelError(f"{path} is missing ({found}): train the model with Musher's train.py")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        kind = (
            "a pickle, which is never loaded"
            if _is_pickle(path)
            else f"damaged or no safetensors file ({error})"
        )
        raise ModelError(f"{path} is {kind}: train the model with Musher's train.py") from error
    heads = [
        value.shape[0]
        for name, value in sorted(tensors.items())
        if name.startswith("head.") and value.ndim == 1
    ]
    if heads and heads[-1] != classes:
        raise ModelError(
            f"{path} scores {heads[-1]} classes, {LABELS_FILE} names {classes}: train the model again"
        )
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit the model card: {str(error)[:300]}") from error


def _is_pickle(path: Path) -> bool:
    """Tell a pickle, or the zip of pickles that torch.save writes, by its first bytes.

    The ninth byte of safetensors opens its JSON header; what stands before it is a length, thus anything.
    """
    with path.open("rb") as file:
        start = file.read(9)
    return start[8:] != b"{" and start.startswith((b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"))


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, making its folder."""
    with whole_or_not(path) as partial:
        partial.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n")


@contextmanager
def whole_or_not(path: Path) -> Generator[Path]:
    """Give the block a file to write, which takes the other's place at its end; DataError for a full disk."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except (SafetensorError, OSError) as error:
        with suppress(OSError):
            partial.unlink()
        raise DataError(
            f"{path} cannot be written ({error}): free some space, or give the job a larger volume "
            "(VolumeSizeInGB)"
        ) from error


def code_hash() -> str:
    """Return the SHA-256 over the names and bytes of this folder's Python files."""
    digest = hashlib.sha256()
    for path in sorted([*SOURCE_DIR.glob("*.py"), *SOURCE_DIR.glob("imgclf/**/*.py")]):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SOURCE_DIR)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _copy_code(target: Path) -> None:
    """Put the serving code beside the weights, so that model.tar.gz can be served as it is."""
    package = [str(path.relative_to(SOURCE_DIR)) for path in sorted(SOURCE_DIR.glob("imgclf/**/*.py"))]
    for name in [*SERVING_FILES, *package]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCE_DIR / name, target / name)
