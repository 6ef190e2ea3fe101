"""Find the images of a job: channels, manifest and classes -> the part of each split this process owns.

Ownership is fixed for the whole job, so no two processes ever read the same image: image i of a shard
belongs to one of the processes that hold this shard's file. With FullyReplicated channels all of them
do and the images are dealt out in turn; with ShardedByS3Key each process owns what its host was sent.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imgclf.distributed import World
from imgclf.errors import DataError
from imgclf.images.shards import Member, class_dirs, index_folder, index_shard

logger = logging.getLogger(__name__)

SPLITS = ("train", "valid", "test")
MIN_CLASSES = 2
"""Fewest classes that there is something to learn about."""


@dataclass(frozen=True, kw_only=True)
class Channels:
    """Folders of the job's input channels; None where the job has no such channel."""

    train: Path | None
    valid: Path | None
    test: Path | None
    manifest: Path | None
    weights: Path | None

    def split(self, name: str) -> Path:
        """Return a split's folder, or raise DataError when the channel is missing."""
        path: Path | None = getattr(self, name)
        if path is None:
            raise DataError(
                f"channel {name!r} is missing: add it to the job, or pass --data FOLDER with {name}/ in it"
            )
        if not path.is_dir():
            raise DataError(f"channel {name!r}: there is no folder {path}; check the S3 prefix or --data")
        return path


@dataclass(frozen=True, kw_only=True)
class Split:
    """The images of one split that this process owns; positions count over all processes."""

    name: str
    total: int
    """Images of the split over all processes."""
    positions: npt.NDArray[np.int64]  # (owned,) place of each owned image in the whole split, ascending
    labels: npt.NDArray[np.int64]  # (owned,) class index
    members: list[Member]  # (owned)
    is_replicated: bool = False
    """Whether every process has all of the images as its own, so that any of them can compute any image."""
    replica: Split | None = None
    """All of the split's images, where every process's host holds them; None where they are spread out."""

    def image_id(self, index: int) -> str:
        """Return `<split>/<class>/<file>` of an owned image."""
        member = self.members[index]
        return f"{self.name}/{member.class_name}/{member.file_name}"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The classes and the splits of a job."""

    classes: list[str]
    splits: dict[str, Split]
    data_hash: str
    bad_images: list[str] = field(default_factory=list)
    """Images that were left out, each with what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class _Shard:
    """A shard that is on this host, and the position of its first image in the split."""

    name: str
    first: int
    members: list[Member]


def index_images(channels: Channels, world: World) -> Dataset:
    """Index the channels and deal the images out to the processes.

    Raises DataError for a missing channel, an empty split, a class missing in a split, a shard that no
    process has, or hosts that hold different images.
    """
    manifest = _read_manifest(channels.manifest)
    if manifest is None:
        classes = _shared_classes({name: channels.split(name) for name in SPLITS})
    else:
        classes = manifest["classes"]
        _check_manifest(manifest)
    splits = {name: _load_split(name, channels.split(name), classes, manifest, world) for name in SPLITS}
    if len(classes) < MIN_CLASSES:
        raise DataError(f"the data set has no class but {', '.join(classes)}: add images of another one")
    data_hash = manifest["data_hash"] if manifest else _data_hash(splits.values(), world)
    return Dataset(classes=classes, splits=splits, data_hash=data_hash)


def read_data_hash(channels: Channels) -> str | None:
    """Return the data hash of the manifest channel, or None when the job has no such channel."""
    manifest = _read_manifest(channels.manifest)
    return str(manifest["data_hash"]) if manifest else None


def _read_manifest(channel: Path | None) -> dict[str, Any] | None:
    """Return manifest.json of the channel, or None when the job has no such channel."""
    if channel is None:
        return None
    path = channel / "manifest.json" if channel.is_dir() else channel
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
        if manifest["format"] == 1 and manifest["classes"] and manifest["data_hash"] and manifest["splits"]:
            return manifest
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no data-set manifest ({error!r}): stage the data set again") from error
    raise DataError(f"{path} is no data-set manifest of format 1: stage the data set again")


def _check_manifest(manifest: dict[str, Any]) -> None:
    """Check that each split has images of each class."""
    for name in SPLITS:
        if name not in manifest["splits"]:
            raise DataError(
                f"split {name!r} is missing in the manifest: stage a data set with {', '.join(SPLITS)}"
            )
        check_counts(name, manifest["splits"][name]["counts"], manifest["classes"])


def _shared_classes(folders: dict[str, Path]) -> list[str]:
    """Return the sorted class names of all splits; each must have images in each split."""
    counts = {name: _count_classes(folder) for name, folder in folders.items()}
    classes = sorted(set().union(*counts.values()))
    for name in SPLITS:
        check_counts(name, counts[name], classes)
    return classes


def _count_classes(folder: Path) -> dict[str, int]:
    """Count a split folder's images by class, from its shards or its class folders."""
    shards = sorted(folder.glob("*.tar"))
    if shards:
        return Counter(member.class_name for shard in shards for member in index_shard(shard))
    counts: Counter[str] = Counter({path.name: 0 for path in class_dirs(folder)})
    counts.update(member.class_name for member in index_folder(folder))
    return counts


def check_counts(split: str, counts: dict[str, int], classes: Sequence[str]) -> None:
    """Raise DataError for a split without images, or without images of one class."""
    if not sum(counts.values()):
        raise DataError(f"split {split!r} is empty: put images into {split}/<class>/")
    missing = [name for name in classes if not counts.get(name)]
    if missing:
        raise DataError(
            f"split {split!r} has no images of class {missing[0]!r} ({len(missing)} of {len(classes)} "
            f"classes are missing): add images to {split}/{missing[0]}/, or remove the class from all splits"
        )


def _load_split(
    name: str, folder: Path, classes: list[str], manifest: dict[str, Any] | None, world: World
) -> Split:
    """Index this host's files of a split and keep the images that this process owns."""
    shards, total = _manifest_shards(name, folder, manifest) if manifest else _local_shards(name, folder)
    held = world.gather({shard.name: total for shard in shards})
    if manifest:
        _check_all_held(name, [shard["key"] for shard in manifest["splits"][name]["shards"]], held)
    elif any(other != held[0] for other in held):
        raise DataError(
            f"the hosts hold different images of split {name!r}: pass the manifest channel, or replicate"
        )
    replica = None
    if all(len(names) == len(held[0]) for names in held) and sum(len(s.members) for s in shards) == total:
        replica = _replica(name, shards, classes)
    positions: list[int] = []
    members: list[Member] = []
    for shard in shards:
        holders = [rank for rank, names in enumerate(held) if shard.name in names]
        for position, member in enumerate(shard.members, start=shard.first):
            if holders[position % len(holders)] == world.rank:
                positions.append(position)
                members.append(member)
    labels = _labels(name, members, classes)
    logger.info("rank %s owns %s of %s images of %s", world.rank, len(members), total, name)
    return Split(
        name=name,
        total=total,
        positions=np.array(positions, dtype=np.int64),
        labels=labels,
        members=members,
        replica=replica,
    )


def _replica(name: str, shards: list[_Shard], classes: list[str]) -> Split:
    """Return a split of which this process, as every other one, has all images."""
    members = [member for shard in shards for member in shard.members]
    labels = _labels(name, members, classes)
    return Split(
        name=name,
        total=len(members),
        positions=np.arange(len(members)),
        labels=labels,
        members=members,
        is_replicated=True,
    )


def _manifest_shards(name: str, folder: Path, manifest: dict[str, Any]) -> tuple[list[_Shard], int]:
    """Index the shards of the manifest that are on this host; return them and the split's image count."""
    shards, first = [], 0
    for entry in manifest["splits"][name]["shards"]:
        path = folder / Path(entry["key"]).name
        if path.is_file():
            if path.stat().st_size != entry["bytes"]:
                raise DataError(
                    f"shard {path} has not the {entry['bytes']} bytes of the manifest: stage again"
                )
            members = index_shard(path)
            if len(members) != entry["images"]:
                raise DataError(
                    f"shard {path} holds {len(members)} images, the manifest says {entry['images']}"
                )
            shards.append(_Shard(name=entry["key"], first=first, members=members))
        first += int(entry["images"])
    return shards, first


def _local_shards(name: str, folder: Path) -> tuple[list[_Shard], int]:
    """Index a split without a manifest: its tar shards, else its class folders as one shard."""
    paths = sorted(folder.glob("*.tar"))
    indexed = [(path.name, index_shard(path)) for path in paths] or [("", index_folder(folder))]
    shards, first = [], 0
    for shard_name, members in indexed:
        names = "\n".join(f"{member.class_name}/{member.file_name} {member.size}" for member in members)
        key = f"{name}/{shard_name}#{hashlib.sha256(names.encode()).hexdigest()[:16]}"
        shards.append(_Shard(name=key, first=first, members=members))
        first += len(members)
    return shards, first


def _check_all_held(name: str, keys: list[str], held: list[dict[str, int]]) -> None:
    """Raise DataError when a shard of the manifest is on no host."""
    for key in keys:
        if not any(key in names for names in held):
            raise DataError(
                f"split {name!r}: shard {key} of the manifest is on no host; stage the data set again"
            )


def _labels(name: str, members: list[Member], classes: list[str]) -> npt.NDArray[np.int64]:
    """Return each image's class index; raise DataError for a class that the manifest does not list."""
    index = {class_name: number for number, class_name in enumerate(classes)}
    for member in members:
        if member.class_name not in index:
            raise DataError(
                f"{name}/{member.class_name}/{member.file_name}: its class is not in the manifest"
            )
    return np.array([index[member.class_name] for member in members], dtype=np.int64)


def _data_hash(splits: Sequence[Split] | Any, world: World) -> str:
    """Hash the images of all processes: SHA-256 over the sorted lines `<split>/<class>/<file> <sha256>`."""
    lines = [
        f"{split.image_id(index)} {hashlib.sha256(member.read()).hexdigest()}\n"
        for split in splits
        for index, member in enumerate(split.members)
    ]
    everyone = sorted(line for part in world.gather(lines) for line in part)
    return hashlib.sha256("".join(everyone).encode()).hexdigest()
