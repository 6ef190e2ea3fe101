"""Find, check and reuse data sets that Musher has staged before."""

import hashlib
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from musher.datasets.file_names import ODD_IN_KEYS, first_few
from musher.datasets.manifest import FILE_NAME, ImageRecord, Manifest, choose_samples, parse_manifest
from musher.datasets.s3_connection import S3Connection
from musher.datasets.s3_objects import S3Folder
from musher.datasets.sources import split_s3_source
from musher.errors import StagingError

logger = logging.getLogger(__name__)

SAMPLES = 3
"""Test images stored as objects of their own, so that a smoke test can presign their addresses."""

MARK_CHARACTERS = 8
THREADS = 4

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Call a function for each item in threads; the first error cancels what has not begun."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="stage") as threads:
        futures = [threads.submit(function, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def sample_name(image: ImageRecord) -> str:
    """Return where a sample lies in its data set's folder."""
    return f"samples/{plain_name(image)}"


def plain_name(image: ImageRecord) -> str:
    """Return a name in S3 for an image that is stored as an object of its own.

    Characters that S3 advises against give way to '-'; the end of a hash then keeps the names apart.
    """
    plain = ODD_IN_KEYS.sub("-", image.member)
    if plain == image.member:
        return plain
    stem, dot, suffix = plain.rpartition(".")
    mark = hashlib.sha256(image.member.encode()).hexdigest()[:MARK_CHARACTERS]
    return f"{stem}-{mark}{dot}{suffix}"


def load_manifest(folder: S3Folder) -> Manifest | None:
    """Return a folder's manifest, or None where it has none.

    Raises ConnectionError where what came is not what S3 holds, as a retry mends: obstore compares no hash.
    """
    stored, address = folder.describe(FILE_NAME), folder.address(FILE_NAME)
    if stored is None:
        return None
    body = folder.read(FILE_NAME)
    digest = hashlib.sha256(body).hexdigest()
    if stored.sha256 not in (None, digest):
        raise ConnectionError(
            f"{address} came with the SHA-256 {digest}, and S3 holds {stored.sha256}: it was damaged on the "
            "way, or replaced meanwhile."
        )
    return parse_manifest(body, address=address)


def damaged_shards(folder: S3Folder, manifest: Manifest) -> list[str]:
    """Return the keys of shards that are missing or are not what the manifest says."""
    shards = [shard for of_split in manifest.shards.values() for shard in of_split]
    intact = run_parallel(
        lambda shard: folder.is_intact(shard.key, size=shard.bytes, sha256=shard.sha256), shards
    )
    return [shard.key for shard, is_good in zip(shards, intact, strict=True) if not is_good]


def find_staged(*, source: str, s3: S3Connection) -> tuple[S3Folder, Manifest] | None:
    """Return the folder and manifest of an s3:// source that is a staged data set already.

    Raises StagingError where its shards or samples disagree with its manifest.
    """
    if not source.startswith("s3://") or source.lower().endswith(".zip"):
        return None
    bucket, prefix = split_s3_source(source)
    folder = S3Folder(s3=s3, bucket=bucket, prefix=prefix)
    manifest = load_manifest(folder)
    if manifest is None:
        return None
    damaged = damaged_shards(folder, manifest)
    damaged += [
        sample_name(image)
        for image in choose_samples(manifest, count=SAMPLES)
        if not folder.is_intact(sample_name(image), size=image.bytes, sha256=image.sha256)
    ]
    if damaged:
        raise StagingError(
            f"{folder.address(FILE_NAME)} names objects that are missing or changed: {first_few(damaged)}. "
            "Stage the data set again from its first source."
        )
    return folder, manifest


def copy_staged(*, origin: S3Folder, manifest: Manifest, target: S3Folder) -> list[int]:
    """Copy a staged data set to another bucket inside S3; return the bytes of each object copied."""
    objects = [
        (shard.key, shard.bytes, shard.sha256) for of_split in manifest.shards.values() for shard in of_split
    ]
    objects += [
        (sample_name(image), image.bytes, image.sha256) for image in choose_samples(manifest, count=SAMPLES)
    ]
    logger.info("copying %s objects to %s", len(objects), target.address(""))
    return run_parallel(
        lambda item: target.copy_once(item[0], origin=origin, size=item[1], sha256=item[2]), objects
    )
