"""Store the images of a staged split as objects of their own, for jobs that take no tar."""

import hashlib
import logging

from musher.archives import read_files_from_tar
from musher.datasets.manifest import ImageRecord, Manifest, ShardRecord
from musher.datasets.s3_objects import S3Folder
from musher.datasets.staged import plain_name, run_parallel
from musher.errors import ArchiveError, StagingError

logger = logging.getLogger(__name__)

FOLDER = "unpacked"
MARKER = "complete"
"""`<split>.complete`, beside the folder of the images, is written last: what it stands by is whole."""


def unpack_split(folder: S3Folder, manifest: Manifest, *, split: str) -> str:
    """Store each image of a split below `unpacked/<split>/`, unless they are there; return that address.

    One shard, 64 MiB at most, is held in memory at a time. Raises StagingError for a shard that is not
    the manifest's, or lacks an image of it.
    """
    target = folder.child(FOLDER)
    marker = f"{split}.{MARKER}"
    images = {image.member: image for image in manifest.images if image.split == split}
    if target.describe(marker) is None:
        for shard in manifest.shards[split]:
            _unpack(_read_shard(folder, shard), images, target=target.child(split))
        if images:
            raise StagingError(
                f"{folder.address(split)}/ lacks {len(images)} images of its manifest, such as "
                f"{next(iter(images))}. Delete the data set and stage it again."
            )
        body = manifest.data_hash.encode()
        digest = hashlib.sha256(body).hexdigest()
        target.put_once(marker, body=body, sha256=digest, content_type="text/plain")
    return target.address(f"{split}/")


def _read_shard(folder: S3Folder, shard: ShardRecord) -> bytes:
    """Return a shard's bytes, which are what its manifest says, or refused."""
    body = folder.read(shard.key)
    if (digest := hashlib.sha256(body).hexdigest()) != shard.sha256:
        raise StagingError(
            f"{folder.address(shard.key)} has the SHA-256 {digest}, and its manifest says {shard.sha256}: it "
            "was changed after it was staged. Delete the data set and stage it again."
        )
    return body


def _unpack(shard: bytes, images: dict[str, ImageRecord], *, target: S3Folder) -> None:
    """Store a shard's images, and take them out of `images`."""
    try:
        files = dict(read_files_from_tar(archive=shard, names=images))
    except ArchiveError as error:
        raise StagingError(f"A shard for {target.address('')} is refused: {error}") from error
    found = [(images.pop(name), body) for name, body in files.items()]

    def store(item: tuple[ImageRecord, bytes]) -> int:
        image, body = item
        return target.put_once(
            plain_name(image), body=body, sha256=image.sha256, content_type="application/octet-stream"
        )

    sent = run_parallel(store, found)
    logger.info("%s: %d images, %d bytes sent", target.address(""), len(found), sum(sent))
