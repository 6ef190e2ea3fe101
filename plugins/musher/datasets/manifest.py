"""Describe a staged data set: every image's SHA-256, the classes in index order, and the shards.

A manifest's bytes are a pure function of the data and the name. It is written after everything that it
names, so a manifest in S3 means a complete data set.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from musher.datasets.file_names import check_name
from musher.datasets.split_names import SPLITS
from musher.errors import StagingError
from musher.names import DATASET_ID_CHARACTERS

FORMAT = 1
FILE_NAME = "manifest.json"
ID_CHARACTERS = DATASET_ID_CHARACTERS
SHARD_KEY = re.compile(rf"({'|'.join(SPLITS)})/shard-\d{{5}}\.tar")

_REMEDY = "Delete it and stage the data set again."


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """One image: its path `<split>/<class>/<file>`, the SHA-256 of its bytes in hex, and its size."""

    path: str
    sha256: str
    bytes: int

    @property
    def split(self) -> str:
        """The first part of the path."""
        return self.path.split("/")[0]

    @property
    def class_name(self) -> str:
        """The second part of the path."""
        return self.path.split("/")[1]

    @property
    def member(self) -> str:
        """The name in its shard: `<class>/<file>`."""
        return self.path.partition("/")[2]


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """One tar of a split; the key is relative to the data set: `train/shard-00000.tar`."""

    key: str
    bytes: int
    sha256: str
    images: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A data set as it lies in S3."""

    name: str
    """Letters, digits, '.', '_' and '-' only."""
    images: tuple[ImageRecord, ...]
    """Sorted by path."""
    shards: Mapping[str, tuple[ShardRecord, ...]]
    """By split."""
    title: str = ""
    """The name as its owner writes it; `name` where there is none."""
    found: Mapping[str, Any] = field(default_factory=dict)
    """What staging found (see `findings`); empty where an older version staged."""

    @property
    def data_hash(self) -> str:
        """The hash of all paths and contents."""
        return hash_images(self.images)

    @property
    def dataset_id(self) -> str:
        """The short form of the hash that S3 keys use."""
        return self.data_hash[:ID_CHARACTERS]

    @property
    def classes(self) -> list[str]:
        """Class names; a class's index is its position."""
        return sorted({image.class_name for image in self.images})

    def image_counts(self) -> dict[str, int]:
        """Return the number of images by split."""
        counts = Counter(image.split for image in self.images)
        return {split: counts[split] for split in SPLITS}

    def to_document(self) -> dict[str, Any]:
        """Return what manifest.json holds; `title` and `found` only where there are any."""
        optional = {"title": self.title, "found": self.found}
        return {
            **{key: value for key, value in optional.items() if value},
            "format": FORMAT,
            "name": self.name,
            "data_hash": self.data_hash,
            "classes": self.classes,
            "splits": {split: self._split_document(split) for split in SPLITS},
            "images": [dict(vars(image)) for image in self.images],  # asdict takes 50 us for each
        }

    def to_bytes(self) -> bytes:
        """Return manifest.json: the same bytes for the same data and name."""
        return (json.dumps(self.to_document(), sort_keys=True, separators=(",", ":")) + "\n").encode()

    def _split_document(self, split: str) -> dict[str, Any]:
        counts = Counter(image.class_name for image in self.images if image.split == split)
        return {
            "images": counts.total(),
            "counts": dict(sorted(counts.items())),
            "shards": [asdict(shard) for shard in self.shards[split]],
        }


def hash_images(images: Iterable[ImageRecord]) -> str:
    """Return the SHA-256, in hex, over the sorted lines `<split>/<class>/<file> <sha256>`."""
    lines = sorted(f"{image.path} {image.sha256}\n" for image in images)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def parse_manifest(data: bytes, *, address: str) -> Manifest:
    """Read manifest.json; raise StagingError where it is not one, or contradicts itself."""
    try:
        document = json.loads(data)
        manifest = Manifest(
            name=document["name"],
            images=tuple(ImageRecord(**image) for image in document["images"]),
            shards={
                split: tuple(ShardRecord(**shard) for shard in document["splits"][split]["shards"])
                for split in SPLITS
            },
            title=document.get("title", ""),
            found=document.get("found", {}),
        )
        agrees = _is_well_formed(manifest) and manifest.to_document() == document
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise StagingError(f"{address} is not a data set's manifest ({error!r}). {_REMEDY}") from error
    if not agrees:
        raise StagingError(
            f"{address} contradicts itself: its hash, classes, counts or names do not follow from its "
            f"images. {_REMEDY}"
        )
    return manifest


def _is_well_formed(manifest: Manifest) -> bool:
    """Tell whether every path is <split>/<class>/<file> and every shard key is one of ours."""
    paths = [image.path.split("/") for image in manifest.images]
    return all(len(parts) == 3 and not any(map(check_name, parts)) for parts in paths) and all(
        (match := SHARD_KEY.fullmatch(shard.key)) is not None and match[1] == split
        for split, shards in manifest.shards.items()
        for shard in shards
    )


def choose_samples(manifest: Manifest, *, count: int) -> list[ImageRecord]:
    """Choose test images for a smoke test: of different classes while there are any, always the same."""
    in_hash_order = sorted(
        (image for image in manifest.images if image.split == "test"),
        key=lambda image: hashlib.sha256(image.path.encode()).digest(),
    )
    first_of_class: dict[str, ImageRecord] = {}
    for image in in_hash_order:
        first_of_class.setdefault(image.class_name, image)
    firsts = list(first_of_class.values())
    taken = set(firsts)
    return (firsts + [image for image in in_hash_order if image not in taken])[:count]
