"""Pack a split's images into plain tar files whose bytes depend on nothing but the images."""

import hashlib
import tarfile
from collections.abc import Callable, Sequence

from musher.datasets.manifest import ImageRecord, ShardRecord
from musher.datasets.split_names import SPLITS

TARGET_SHARD_BYTES = 64 * 1024 * 1024
"""A shard is packed and sent in memory, a few at once."""

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


def pack_shard(
    *, key: str, images: Sequence[ImageRecord], load: Callable[[ImageRecord], bytes]
) -> tuple[ShardRecord, bytes]:
    """Pack one tar in memory, byte for byte as tarfile writes it; `load` gives an image's bytes."""
    parts: list[bytes] = []
    for image in images:
        data = load(image)
        header = _member(image.member, size=len(data)).tobuf(format=tarfile.PAX_FORMAT)
        parts += (header, data, bytes(-len(data) % tarfile.BLOCKSIZE))
    end = 2 * tarfile.BLOCKSIZE
    parts.append(bytes(end + -(sum(map(len, parts)) + end) % tarfile.RECORDSIZE))
    body = b"".join(parts)
    digest = hashlib.sha256(body).hexdigest()
    return ShardRecord(key=key, bytes=len(body), sha256=digest, images=len(images)), body


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
