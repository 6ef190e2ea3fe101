"""Keep what a frozen backbone makes of each image: computed once, read by every trial and every head.

A features folder holds `<split>-<rank>-<nnnnn>.safetensors` with `features` (n, views, F) float32, `labels`
(n,) int64 and `positions` (n,) int64 (place in the split), and features.json, which is written last and says
what they were made from. View 0 is the image as it is; further views, of the training split only, are fixed
variations of it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from imgclf.artifacts import write_json
from imgclf.distributed import World
from imgclf.errors import DataError
from imgclf.images.data import SPLITS, Dataset, Split
from imgclf.images.inputs import Indices, Variation
from imgclf.presets import Preset

logger = logging.getLogger(__name__)

MANIFEST_FILE = "features.json"
FORMAT = 1
SHARD_IMAGES = 4096
"""Images of one shard: 32 MiB at 2,048 features and one view."""


@dataclass(frozen=True, kw_only=True)
class FeatureSource:
    """What features were made from; a consumer must be made from the same."""

    data_hash: str
    backbone_hash: str
    architecture: str
    image_size: int
    preset: Preset


@dataclass(frozen=True, kw_only=True)
class FeatureSplit(Split):
    """A split of which only features are known, not the image files: `members` is empty."""

    def image_id(self, index: int) -> str:
        """Return `<split>/<position>` of an owned image: the file's name is not known here."""
        return f"{self.name}/{self.positions[index]}"


class FeatureInputs:
    """Give a training or evaluation loop features instead of images."""

    def __init__(self, split: Split, features: torch.Tensor) -> None:
        """Take the features (owned, views, F) of the split's images, on the device that trains."""
        self.split = split
        self.features = features

    def batches(
        self, steps: Sequence[Indices], *, variation: Variation | None = None
    ) -> Iterator[torch.Tensor]:
        """Yield (B, F) float32: view 0 of each image, or with a variation the view drawn for its epoch."""
        views = self._views(variation)
        for indices in steps:
            chosen = torch.from_numpy(indices).to(self.features.device)
            yield self.features[chosen, views[chosen]]

    def close(self) -> None:
        """Free nothing: the features go with the object."""

    def _views(self, variation: Variation | None) -> torch.Tensor:
        """Return the view of each owned image: a function of seed, epoch and position only."""
        count, views = self.features.shape[:2]
        if variation is None or views == 1:
            return torch.zeros(count, dtype=torch.int64, device=self.features.device)
        rng = np.random.default_rng([variation.seed, variation.epoch, 2])
        drawn = rng.integers(0, views, size=self.split.total)[self.split.positions]
        return torch.from_numpy(drawn).to(self.features.device)


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """The features of a data set that this process owns, and features.json."""

    data: Dataset
    inputs: dict[str, FeatureInputs]
    manifest: dict[str, Any]

    def check(self, source: FeatureSource) -> None:
        """Raise DataError where the features were made from something else: both values, and the cure."""
        check_source(self.manifest, source)


def backbone_hash(backbone: nn.Module) -> str:
    """Return the SHA-256 over a backbone's weights, as `state_hash` does."""
    return state_hash(backbone.state_dict())


def state_hash(state: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 over weights: names, types, shapes and values.

    Batch normalisation's counters of batches are left out: they change nothing that it computes.
    """
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        if not name.endswith("num_batches_tracked"):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def check_source(manifest: Mapping[str, Any], source: FeatureSource) -> None:
    """Raise DataError for features of another architecture, preset, backbone or data set."""
    remedies = {
        "architecture": "pass the same --architecture, or run embed.py again",
        "image_size": "pass the same --image_size, or run embed.py again",
        "preset": "images are prepared in another way now: run embed.py again",
        "backbone_hash": "these feature shards are from another backbone: pass the weights (or the seed) "
        "that embed.py had, or run embed.py again with these",
        "data_hash": "these feature shards are from another data set: run embed.py on this one",
    }
    ours = json.loads(json.dumps(asdict(source)))
    for name, remedy in remedies.items():
        if manifest[name] != ours[name]:
            raise DataError(f"features have {name} {manifest[name]}, this job has {ours[name]}: {remedy}")


class FeatureWriter:
    """Write one process's features of one split as shards, each whole or not at all."""

    def __init__(self, folder: Path, *, split: str, rank: int, shard_images: int = SHARD_IMAGES) -> None:
        """Prepare; a shard is written as soon as it is full."""
        self._folder = folder
        self._stem = f"{split}-{rank}"
        self._shard_images = shard_images
        self._parts: list[dict[str, torch.Tensor]] = []
        self._waiting = 0
        self._entries: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(
        self, features: torch.Tensor, *, labels: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
    ) -> None:
        """Take the next images: features (B, views, F), labels (B,), positions (B,)."""
        self._parts.append(
            {
                "features": features.float().cpu(),
                "labels": torch.from_numpy(labels),
                "positions": torch.from_numpy(positions),
            }
        )
        self._waiting += len(labels)
        if self._waiting >= self._shard_images:
            self._flush()

    def close(self) -> list[dict[str, Any]]:
        """Write what waits; return the shards' entries of features.json."""
        if self._waiting:
            self._flush()
        return self._entries

    def _flush(self) -> None:
        """Write the waiting images as one shard."""
        tensors = {name: torch.cat([part[name] for part in self._parts]) for name in self._parts[0]}
        path = self._folder / f"{self._stem}-{len(self._entries):05}.safetensors"
        partial = path.with_suffix(".partial")
        try:
            save_file(tensors, partial)
        except (SafetensorError, OSError) as error:
            partial.unlink(missing_ok=True)
            raise DataError(
                f"{path} cannot be written ({error}): give the job a larger volume (VolumeSizeInGB); "
                f"the {len(self._entries)} shards before it are whole"
            ) from error
        digest = _sha256(partial)
        partial.replace(path)
        self._entries.append({"key": path.name, "images": self._waiting, "sha256": digest})
        logger.info("wrote %s: %s images", path, self._waiting)
        self._parts, self._waiting = [], 0


def describe_features(
    *,
    source: FeatureSource,
    data: Dataset,
    views: int,
    dim: int,
    engine: Mapping[str, Any],
    splits: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the content of features.json.

    `splits` gives each split's {"images", "views", "shards": the writers' entries of all processes}.
    """
    return {
        "format": FORMAT,
        **json.loads(json.dumps(asdict(source))),
        "views": views,
        "dim": dim,
        "classes": data.classes,
        "bad_images": data.bad_images,
        "engine": dict(engine),
        "splits": {name: dict(split) for name, split in splits.items()},
    }


def write_features(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write features.json, which makes the shards beside it a features folder."""
    write_json(folder / MANIFEST_FILE, manifest)


def read_features(folder: Path, world: World, *, splits: Sequence[str] = SPLITS) -> FeatureSet:
    """Read a `features` channel and deal the images out to the processes, as load_dataset does.

    Every host may hold all shards, or a part of them. Raises DataError for a missing or damaged file.
    Call FeatureSet.check before use: it tells features of another backbone.
    """
    manifest = _shared_manifest(folder, world)
    inputs = {name: _read_split(folder, name, manifest, world) for name in splits}
    data = Dataset(
        classes=manifest["classes"],
        splits={name: part.split for name, part in inputs.items()},
        data_hash=manifest["data_hash"],
        bad_images=list(manifest.get("bad_images", [])),
    )
    return FeatureSet(data=data, inputs=inputs, manifest=manifest)


def _shared_manifest(folder: Path, world: World) -> dict[str, Any]:
    """Return features.json from whichever process has it."""
    path = folder / MANIFEST_FILE
    try:
        own = json.loads(path.read_text()) if path.is_file() else None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): run embed.py again") from error
    found: list[dict[str, Any]] = [part for part in world.gather(own) if part]
    if not found:
        raise DataError(
            f"channel 'features': {path} is missing; pass a folder that embed.py finished, or run it again"
        )
    if found[0].get("format") != FORMAT or any(part != found[0] for part in found):
        raise DataError(
            f"{path} is no features.json of format {FORMAT}, or differs by host: run embed.py again"
        )
    return found[0]


def _read_split(folder: Path, name: str, manifest: Mapping[str, Any], world: World) -> FeatureInputs:
    """Read the shards of a split that are on this host; keep the images that this process owns."""
    if name not in manifest["splits"]:
        raise DataError(f"channel 'features' has no split {name!r}: run embed.py on a data set with it")
    entry = manifest["splits"][name]
    held = world.gather([shard["key"] for shard in entry["shards"] if (folder / shard["key"]).is_file()])
    shape = (0, entry["views"], manifest["dim"])
    parts = [{"features": torch.empty(shape), **{n: torch.empty(0).long() for n in ("labels", "positions")}}]
    for shard in entry["shards"]:
        holders = [rank for rank, keys in enumerate(held) if shard["key"] in keys]
        if not holders:
            raise DataError(
                f"split {name!r}: shard {shard['key']} of features.json is on no host: "
                "check the S3 prefix of channel 'features', or run embed.py again"
            )
        if world.rank in holders:
            tensors = _read_shard(folder / shard["key"], shard, shape[1:])
            turn = torch.tensor(holders)[tensors["positions"] % len(holders)]
            parts.append({key: value[turn == world.rank] for key, value in tensors.items()})
    whole = {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
    order = whole["positions"].argsort()
    positions, labels = (whole[key][order].numpy() for key in ("positions", "labels"))
    split = FeatureSplit(name=name, total=entry["images"], positions=positions, labels=labels, members=[])
    return FeatureInputs(split, whole["features"][order].to(world.device))


def _read_shard(path: Path, entry: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Read one shard and check it against its entry of features.json."""
    again = "copy it again, or run embed.py again"
    if _sha256(path) != entry["sha256"]:
        raise DataError(f"{path} is damaged, its SHA-256 is not that of features.json: {again}")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is no safetensors file ({error}): {again}") from error
    if tuple(tensors["features"].shape) != (entry["images"], *shape):
        raise DataError(
            f"{path} holds {tuple(tensors['features'].shape)}, features.json says "
            f"{(entry['images'], *shape)}: {again}"
        )
    return tensors


def _sha256(path: Path) -> str:
    """Return a file's SHA-256 as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
