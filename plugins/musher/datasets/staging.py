"""Stage a data set in S3: check every image, pack shards, upload what is missing, the manifest last.

Below `s3://<bucket>/<prefix>/datasets/<dataset_id>/`:

    {train,valid,test}/shard-00000.tar ...   samples/<class>/<file>   manifest.json

The id is a hash of the data, so the same photos are stored once, from whatever source they come; a second
run uploads nothing, and an interrupted one goes on where it stopped.
"""

import hashlib
import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from musher.datasets.images import Scan, content_type, scan_photos
from musher.datasets.layout import SPLITS, Photo, arrange_listing, check_classes
from musher.datasets.manifest import (
    FILE_NAME,
    ID_CHARACTERS,
    ImageRecord,
    Manifest,
    ShardRecord,
    choose_samples,
    hash_images,
)
from musher.datasets.s3_connection import S3Connection
from musher.datasets.s3_objects import S3Folder
from musher.datasets.shards import pack_shard, plan_shards
from musher.datasets.sources import name_source, open_source
from musher.datasets.staged import (
    SAMPLES,
    copy_staged,
    damaged_shards,
    find_staged,
    load_manifest,
    run_parallel,
    sample_name,
)
from musher.errors import StagingError
from musher.results import Sample, StagedDataset

logger = logging.getLogger(__name__)


def stage(
    *,
    s3: S3Connection,
    bucket: str,
    prefix: str,
    source: str,
    name: str | None = None,
    max_unreadable: int = 0,
) -> StagedDataset:
    """Stage a source (see `sources`) below `s3://bucket/prefix/datasets/` and say where it lies.

    Raises DatasetError, before anything is uploaded, for data that cannot be used; up to `max_unreadable`
    images that cannot be opened are left out instead.
    """
    started = time.monotonic()
    logger.info("staging %s", source)
    root = S3Folder(s3=s3, bucket=bucket, prefix=f"{prefix}/datasets" if prefix else "datasets")
    found = find_staged(source=source, s3=s3)
    if found:
        folder, manifest, sent = _reuse(*found, root=root)
        left_out = 0
    else:
        with (
            tempfile.TemporaryDirectory(prefix="musher-stage-") as work,
            open_source(source=source, s3=s3, work_dir=Path(work)) as listing,
        ):
            photos = arrange_listing(listing)
            scan = _scan(photos, max_unreadable=max_unreadable)
            folder = root.child(hash_images(scan.records)[:ID_CHARACTERS])
            manifest, sent = _store(folder=folder, scan=scan, name=name or name_source(source))
            left_out = len(scan.skipped)
    return _describe(folder, manifest, sent=sent, left_out=left_out, seconds=time.monotonic() - started)


def _scan(photos: Sequence[Photo], *, max_unreadable: int) -> Scan:
    scan = scan_photos(photos=photos, max_unreadable=max_unreadable)
    if scan.skipped:
        check_classes(paths=[record.path for record in scan.records], folders=_class_folders(photos))
    return scan


def _class_folders(photos: Sequence[Photo]) -> set[str]:
    return {photo.path.rpartition("/")[0] for photo in photos}


def _reuse(origin: S3Folder, manifest: Manifest, *, root: S3Folder) -> tuple[S3Folder, Manifest, list[int]]:
    """Take a staged data set where it is, or copy it from a bucket that the project's roles cannot read."""
    if origin.bucket == root.bucket:
        return origin, manifest, []
    target = root.child(manifest.dataset_id)
    sent = copy_staged(origin=origin, manifest=manifest, target=target)
    return target, manifest, [*sent, _store_manifest(target, manifest)]


def _store(*, folder: S3Folder, scan: Scan, name: str) -> tuple[Manifest, list[int]]:
    """Store shards, samples and the manifest, in this order; return the bytes sent for each object."""
    complete = _complete_manifest(folder, records=scan.records)
    if complete:
        shards: Mapping[str, tuple[ShardRecord, ...]] = complete.shards
        sent: list[int] = []
    else:
        shards, sent = _store_shards(folder, scan)
    manifest = Manifest(name=name, images=scan.records, shards=shards)
    sent += run_parallel(
        lambda image: _store_sample(folder, image, body=scan.load(image)),
        choose_samples(manifest, count=SAMPLES),
    )
    return manifest, [*sent, _store_manifest(folder, manifest)]


def _complete_manifest(folder: S3Folder, *, records: tuple[ImageRecord, ...]) -> Manifest | None:
    """Return the manifest of an earlier, complete staging of the same images."""
    try:
        manifest = load_manifest(folder)
    except StagingError as error:
        logger.warning("staging again: %s", error)
        return None
    if manifest is None or manifest.images != records or damaged_shards(folder, manifest):
        return None
    return manifest


def _store_shards(folder: S3Folder, scan: Scan) -> tuple[dict[str, tuple[ShardRecord, ...]], list[int]]:
    def store(item: tuple[str, list[ImageRecord]]) -> tuple[ShardRecord, int]:
        key, images = item
        shard, body = pack_shard(key=key, images=images, load=scan.load)
        return shard, folder.put_once(key, body=body, sha256=shard.sha256, content_type="application/x-tar")

    stored = run_parallel(store, plan_shards(scan.records).items())
    shards = {
        split: tuple(shard for shard, _ in stored if shard.key.startswith(f"{split}/")) for split in SPLITS
    }
    return shards, [size for _, size in stored]


def _store_sample(folder: S3Folder, image: ImageRecord, *, body: bytes) -> int:
    kind = content_type(body)
    return folder.put_once(sample_name(image), body=body, sha256=image.sha256, content_type=kind)


def _store_manifest(folder: S3Folder, manifest: Manifest) -> int:
    body = manifest.to_bytes()
    digest = hashlib.sha256(body).hexdigest()
    return folder.put_once(FILE_NAME, body=body, sha256=digest, content_type="application/json")


def _describe(
    folder: S3Folder, manifest: Manifest, *, sent: list[int], left_out: int, seconds: float
) -> StagedDataset:
    uploaded = [size for size in sent if size]
    result = StagedDataset(
        dataset_id=manifest.dataset_id,
        data_hash=manifest.data_hash,
        name=manifest.name,
        classes=len(manifest.classes),
        images=manifest.image_counts(),
        left_out=left_out,
        manifest_uri=folder.address(FILE_NAME),
        train_uri=folder.address("train/"),
        valid_uri=folder.address("valid/"),
        test_uri=folder.address("test/"),
        samples=[
            Sample(key=folder.key(sample_name(image)), truth=image.class_name)
            for image in choose_samples(manifest, count=SAMPLES)
        ],
        uploaded_objects=len(uploaded),
        uploaded_bytes=sum(uploaded),
        seconds=round(seconds, 3),
    )
    logger.info("staged %s: %s", folder.address(""), result)
    return result
