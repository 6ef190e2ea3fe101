"""Decide which images make up each step: the same for any number of processes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from imgclf.distributed import World
from imgclf.images.data import Split

STRIDES = (60, 12, 2)
"""Candidates for the stride of the shuffle: each can be divided by the usual numbers of processes."""


def epoch_steps(*, total: int, batch_size: int, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """Return the positions of each step's images, over all processes; the last step may be smaller.

    The k-th image of an epoch is drawn from the positions that equal k modulo a stride. So a batch holds
    as many even as odd positions, and processes that own every second (third, ...) image have equal work
    in each step, while the batch itself does not depend on how many processes there are.
    """
    rng = np.random.default_rng([seed, epoch])
    stride = next((s for s in STRIDES if total >= 16 * s), 1)
    order = np.empty(total, dtype=np.int64)
    for residue in range(stride):
        order[residue::stride] = rng.permutation(np.arange(residue, total, stride))
    return [order[start : start + batch_size] for start in range(0, total, batch_size)]


def own_parts(
    batches: list[npt.NDArray[np.int64]], split: Split, *, size: int, world: World
) -> list[list[npt.NDArray[np.int64]]]:
    """Return, for each step, the parts of its batch that this process computes, as indices of the split.

    A replicated split's batches are cut as a whole, in their order, and the parts are dealt out: so a part is
    the same for any number of processes, and some have none where there are fewer parts. Any other split's
    process takes the images that it owns.
    """
    if split.is_replicated:
        return [cut(batch, size=size)[world.rank :: world.size] for batch in batches]
    own = owned_indices(batches, positions=split.positions, total=split.total)
    return [cut(indices, size=size) for indices in own]


def cut(batch: npt.NDArray[np.int64], *, size: int) -> list[npt.NDArray[np.int64]]:
    """Cut a batch into as few parts of at most `size` images as do, as even as possible; none of nothing."""
    return np.array_split(batch, math.ceil(len(batch) / size)) if len(batch) else []


def owned_indices(
    steps: list[npt.NDArray[np.int64]], *, positions: npt.NDArray[np.int64], total: int
) -> list[npt.NDArray[np.int64]]:
    """Return, for each step, the indices of this process's own images among the step's positions."""
    index_of = np.full(total, -1, dtype=np.int64)
    index_of[positions] = np.arange(len(positions))
    found = [index_of[step] for step in steps]
    return [indices[indices >= 0] for indices in found]


def ids_digest(image_ids: Iterable[str]) -> str:
    """Return the sum of the ids' SHA-256 modulo 2^256 as 64 hex digits.

    The digests of disjoint sets add up to the digest of their union, so that anyone can check from the
    hosts' digests that each image was read by exactly one of them.
    """
    total = sum(int.from_bytes(hashlib.sha256(image_id.encode()).digest()) for image_id in image_ids)
    return f"{total % 2**256:064x}"
