"""Leave out the images that cannot be decoded, where a job allows some.

Staging refuses them already, so a job allows none unless it asks: then each process decodes each of its
images once before training begins. All processes so agree on which images there are, and on failing.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from imgclf.distributed import World
from imgclf.errors import DataError, ImageError
from imgclf.images.data import Dataset, Split
from imgclf.images.decode import check_image

logger = logging.getLogger(__name__)

NAMED = 5
"""Bad images that an error names."""
CHUNK = 64
"""Images that a thread takes at a time."""

Bad = dict[int, str]
"""Position in the split -> the image's id and what is wrong with it."""


def skip_bad_images(data: Dataset, world: World, *, limit: int) -> Dataset:
    """Return the data set without its undecodable images, and log each; positions are counted anew.

    Raises DataError, on all processes, when they are more than `limit` over all splits and processes.
    """
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="check") as pool:
        mine = {name: _find(split, pool) for name, split in data.splits.items()}
    bad = {name: _merge([part[name] for part in world.gather(mine)]) for name in data.splits}
    reasons = [reason for found in bad.values() for reason in found.values()]
    if len(reasons) > limit:
        more = f" and {len(reasons) - NAMED} more" if len(reasons) > NAMED else ""
        raise DataError(
            f"{len(reasons)} images cannot be read, more than max_bad_images {limit}: "
            f"{'; '.join(reasons[:NAMED])}{more}; replace or remove them, and stage again"
        )
    if world.is_main:
        for number, reason in enumerate(reasons, start=1):
            logger.warning("bad image %s of at most %s is skipped: %s", number, limit, reason)
    splits = {name: _without(split, bad[name]) for name, split in data.splits.items()}
    return replace(data, splits=splits, bad_images=reasons)


def _find(split: Split, pool: ThreadPoolExecutor) -> Bad:
    """Decode each of this process's images of a split; return those that fail."""
    count = len(split.members)
    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    faults = pool.map(lambda chunk: [_fault(split.members[index].read()) for index in chunk], chunks)
    return {
        int(split.positions[index]): f"{split.image_id(index)}: {fault}"
        for chunk, found in zip(chunks, faults, strict=True)
        for index, fault in zip(chunk, found, strict=True)
        if fault
    }


def _fault(data: bytes) -> str | None:
    """Say what is wrong with an image, None when nothing is."""
    try:
        check_image(data)
    except ImageError as error:
        return str(error).partition(";")[0]
    return None


def _merge(parts: list[Bad]) -> Bad:
    """Return the bad images of all processes by position."""
    return dict(sorted(item for part in parts for item in part.items()))


def _without(split: Split, bad: Bad) -> Split:
    """Return the split without its bad images, the others' positions closed up."""
    removed = np.array(list(bad), dtype=np.int64)
    kept = np.flatnonzero(~np.isin(split.positions, removed))
    positions = split.positions[kept]
    return replace(
        split,
        total=split.total - len(removed),
        positions=positions - np.searchsorted(removed, positions),
        labels=split.labels[kept],
        members=[split.members[index] for index in kept.tolist()],
        replica=_without(split.replica, bad) if split.replica else None,
    )
