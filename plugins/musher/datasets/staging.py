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
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from musher.datasets.findings import Evidence, Findings, describe_findings, log_findings
from musher.datasets.images import Scan, content_type, scan_photos
from musher.datasets.layout import Arrangement, arrange_listing, check_classes
from musher.datasets.leaks import find_copies, find_lookalikes, refuse_copies
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
from musher.datasets.sources import name_source, open_source, title_source
from musher.datasets.split_names import SPLITS
from musher.datasets.splitting import SplitShares, cut_splits
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


@dataclass(frozen=True, kw_only=True)
class StagingRules:
    """What is allowed of a source, and how the splits are cut that it lacks."""

    max_unreadable: int = 0
    """Images that may be left out because they cannot be read."""
    max_duplicates: float = 0.05
    """The share of images (0 to 1) that may be in two splits, or in two classes."""
    shares: SplitShares = field(default_factory=SplitShares)


def stage(
    *,
    s3: S3Connection,
    bucket: str,
    prefix: str,
    source: str,
    rules: StagingRules = StagingRules(),
) -> StagedDataset:
    """Stage a source (see `sources`) below `s3://bucket/prefix/datasets/` and say where it lies.

    Raises DatasetError, before anything is uploaded, for data that cannot be used.
    """
    started = time.monotonic()
    logger.info("staging %s", source)
    root = S3Folder(s3=s3, bucket=bucket, prefix=f"{prefix}/datasets" if prefix else "datasets")
    staged = find_staged(source=source, s3=s3)
    if staged:
        folder, manifest, sent = _reuse(*staged, root=root)
    else:
        with (
            tempfile.TemporaryDirectory(prefix="musher-stage-") as work,
            open_source(source=source, s3=s3, work_dir=Path(work)) as listing,
        ):
            scan, found = _examine(arrange_listing(listing), rules=rules)
            folder = root.child(hash_images(scan.records)[:ID_CHARACTERS])
            plan = Manifest(
                name=name_source(source),
                title=title_source(source),
                images=scan.records,
                shards={},
                found=cast(Mapping[str, object], found),
            )
            manifest, sent = _store(folder=folder, scan=scan, plan=plan)
    return _describe(folder, manifest, sent=sent, seconds=time.monotonic() - started)


def _examine(arrangement: Arrangement, *, rules: StagingRules) -> tuple[Scan, Findings]:
    """Open all photos, cut the missing splits, and look for copies; refuse what cannot be used."""
    scan = scan_photos(photos=arrangement.photos, max_unreadable=rules.max_unreadable)
    if scan.skipped:
        splits = tuple(split for split in SPLITS if split not in arrangement.missing)
        check_classes(
            paths=[record.path for record in scan.records], folders=arrangement.class_folders, splits=splits
        )
    images = cut_splits(scan.records, missing=arrangement.missing, shares=rules.shares)
    copies = find_copies(images)
    found = describe_findings(
        Evidence(
            arrangement=arrangement,
            shares=rules.shares,
            images=images,
            skipped=scan.skipped,
            copies=copies,
            lookalikes=find_lookalikes(images, fingerprints=scan.fingerprints),
        )
    )
    log_findings(found)
    refuse_copies(copies, images, max_share=rules.max_duplicates)
    return replace(scan, records=images), found


def _reuse(origin: S3Folder, manifest: Manifest, *, root: S3Folder) -> tuple[S3Folder, Manifest, list[int]]:
    """Take a staged data set where it is, or copy it from a bucket that the project's roles cannot read."""
    if origin.bucket == root.bucket:
        return origin, manifest, []
    target = root.child(manifest.dataset_id)
    sent = copy_staged(origin=origin, manifest=manifest, target=target)
    return target, manifest, [*sent, _store_manifest(target, manifest)]


def _store(*, folder: S3Folder, scan: Scan, plan: Manifest) -> tuple[Manifest, list[int]]:
    """Store shards, samples and the manifest, in this order; return the bytes sent for each object.

    `plan` is the manifest without its shards.
    """
    complete = _complete_manifest(folder, records=scan.records)
    if complete:
        shards: Mapping[str, tuple[ShardRecord, ...]] = complete.shards
        sent: list[int] = []
    else:
        shards, sent = _store_shards(folder, scan)
    manifest = replace(plan, shards=shards)
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


def _describe(folder: S3Folder, manifest: Manifest, *, sent: list[int], seconds: float) -> StagedDataset:
    found = cast(Findings, manifest.found) if manifest.found else None
    uploaded = [size for size in sent if size]
    result = StagedDataset(
        dataset_id=manifest.dataset_id,
        data_hash=manifest.data_hash,
        name=manifest.name,
        title=manifest.title or manifest.name,
        classes=len(manifest.classes),
        images=manifest.image_counts(),
        left_out=found["unreadable"] if found else 0,
        manifest_uri=folder.address(FILE_NAME),
        train_uri=folder.address("train/"),
        valid_uri=folder.address("valid/"),
        test_uri=folder.address("test/"),
        samples=[
            Sample(key=folder.key(sample_name(image)), truth=image.class_name)
            for image in choose_samples(manifest, count=SAMPLES)
        ],
        found=found,
        uploaded_objects=len(uploaded),
        uploaded_bytes=sum(uploaded),
        seconds=round(seconds, 3),
    )
    logger.info("staged %s: %s", folder.address(""), result)
    return result
