"""Pack a split's images into plain tar files whose bytes depend on nothing but the images."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from musher.datasets.layout import SPLITS
from musher.datasets.manifest import ImageRecord, ShardRecord
from musher.errors import DatasetSourceError

TARGET_SHARD_BYTES = 64 * 1024 * 1024
MIN_TRAIN_SHARDS = 2
"""So that ShardedByS3Key gives each of two hosts something."""

FILE_MODE = 0o644


def plan_shards(images: Sequence[ImageRecord]) -> dict[str, list[ImageRecord]]:
    """Map each shard's key to its images.

    Images are dealt out in the order of the hash of their paths: classes are mixed in each shard, and the
    shards of a split differ by one image at most.
    """
    plan: dict[str, list[ImageRecord]] = {}
    for split in SPLITS:
        of_split = sorted((image for image in images if image.split == split), key=_path_hash)
        count = _shard_count(of_split, least=MIN_TRAIN_SHARDS if split == "train" else 1)
        for number in range(count):
            plan[f"{split}/shard-{number:05d}.tar"] = of_split[number::count]
    return plan


def write_shard(
    *, key: str, images: Sequence[ImageRecord], read: Mapping[str, Callable[[], bytes]], target: Path
) -> ShardRecord:
    """Write one tar; `read` gives an image's bytes by path.

    Raises DatasetSourceError where an image is no longer the one that was scanned.
    """
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for image in images:
            data = read[image.path]()
            if hashlib.sha256(data).hexdigest() != image.sha256:
                raise DatasetSourceError(
                    f"{image.path} changed while it was being staged. Run the task again when nothing writes "
                    "to the source."
                )
            tar.addfile(_member(image.member, size=len(data)), io.BytesIO(data))
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ShardRecord(key=key, bytes=target.stat().st_size, sha256=digest, images=len(images))


def _member(name: str, *, size: int) -> tarfile.TarInfo:
    """Return a header whose owner and time are zero."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = FILE_MODE
    return info


def _path_hash(image: ImageRecord) -> bytes:
    return hashlib.sha256(image.path.encode()).digest()


def _shard_count(images: Sequence[ImageRecord], *, least: int) -> int:
    wanted = -(-sum(image.bytes for image in images) // TARGET_SHARD_BYTES)
    return min(max(wanted, least), len(images))
